//! What a column is, from how all its values are written. One value that does not fit keeps the column text:
//! a value silently lost is worse than a number kept as words.

use super::date::DayOrder;
use super::kind::{DECIMAL_DIGITS, Kind, Zone};
use super::number::{Grouping, Style};
use super::shapes::{Look, Shapes};
use crate::error::{Error, Result};

/// Digits after the separator up to which a column is exact decimal; longer ones are measurements, floats.
const MONEY_SCALE: u32 = 6;

/// What was decided for a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub kind: Kind,
    /// One sentence for the report.
    pub sentence: String,
    /// The look whose values kept the column from a narrower type, if a few did.
    pub strangers: Vec<Look>,
}

/// What the other columns of a file tell about how it was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Customs {
    /// Some column writes decimal commas beyond doubt, or fields are separated by semicolons.
    pub decimal_comma: bool,
    /// Some column writes the day first beyond doubt.
    pub day_first: bool,
    /// Some column writes the month first beyond doubt.
    pub month_first: bool,
}

impl Customs {
    /// Gathers what columns prove. `semicolons`: the delimiter is `;`, as where commas are decimal.
    pub fn of(columns: &[Shapes], delimiter: u8) -> Customs {
        let mut customs = Customs {
            decimal_comma: delimiter == b';',
            ..Customs::default()
        };
        let mut decimal_point = false;
        for shapes in columns {
            // One slip among thousands separators (1,2345) proves nothing.
            customs.decimal_comma |= shapes.count_of(&[Look::Comma, Look::GroupPoint, Look::GroupSpaceComma])
                > shapes.count(Look::CommaOrGroup)
                && shapes.count(Look::Text) == 0;
            decimal_point |= shapes.count_of(&[Look::Point, Look::GroupComma, Look::GroupSpacePoint]) > 0
                && shapes.count(Look::Text) == 0;
            let dates = &shapes.dates;
            if shapes.count_of(&[Look::DateSlashes, Look::DateDashes]) > 0 {
                customs.day_first |= dates.first_over_12 > 0 && dates.second_over_12 == 0;
                customs.month_first |= dates.second_over_12 > 0 && dates.first_over_12 == 0;
            }
        }
        customs.decimal_comma &= !decimal_point;
        customs
    }
}

/// `1,234`: for sentences.
pub fn counted(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn all(count: u64) -> String {
    match count {
        1 => "The only value is".to_owned(),
        2 => "Both values are".to_owned(),
        count => format!("All {} values are", counted(count)),
    }
}

/// Decides the type of a column from all its values.
pub fn decide(shapes: &Shapes, customs: Customs) -> Decision {
    let values = shapes.values();
    let tokens = shapes.token_count();
    if values == 0 {
        let sentence = if tokens > 0 {
            format!("Only {} stand here, kept as text.", token_list(shapes))
        } else {
            "Every cell is empty.".to_owned()
        };
        return text(sentence, Vec::new());
    }
    let found = numbers(shapes, customs, values)
        .or_else(|| dates(shapes, customs, values))
        .or_else(|| truths(shapes, values))
        .or_else(|| times(shapes, values));
    match found {
        Some(mut decision) => {
            if tokens > 0 && decision.kind != Kind::Text {
                decision
                    .sentence
                    .push_str(&format!(" {} read as empty.", token_list(shapes)));
            }
            decision
        }
        None => words(shapes, values),
    }
}

fn text(sentence: String, strangers: Vec<Look>) -> Decision {
    Decision {
        kind: Kind::Text,
        sentence,
        strangers,
    }
}

fn token_list(shapes: &Shapes) -> String {
    let mut list: Vec<String> = shapes
        .tokens
        .iter()
        .take(4)
        .map(|(token, count)| format!("“{token}” ({}×)", counted(*count)))
        .collect();
    if shapes.tokens.len() > 4 {
        list.push("others".to_owned());
    }
    list.join(", ")
}

/// Why a column stays text, with what stood in the way of something narrower.
fn words(shapes: &Shapes, values: u64) -> Decision {
    use Look::{
        Comma, CommaOrGroup, DateDashes, DateNamed, DatePoints, DateSlashes, DateYearFirst, Exponent,
        GroupComma, GroupPoint, GroupSpace, GroupSpaceComma, GroupSpacePoint, Integer, Long, Padded, Point,
        PointOrGroup, ShortTime, Text, Time, Truth, YesNo,
    };
    let numbers = [
        Integer,
        Point,
        PointOrGroup,
        Comma,
        CommaOrGroup,
        GroupComma,
        GroupPoint,
        GroupSpace,
        GroupSpacePoint,
        GroupSpaceComma,
        Exponent,
    ];
    let dates = [DateYearFirst, DateSlashes, DateDashes, DatePoints, DateNamed];
    let identifiers = [Padded, Long];
    let number_count = shapes.count_of(&numbers);
    let date_count = shapes.count_of(&dates);
    let identifier_count = shapes.count_of(&identifiers);
    if shapes.clearly_text {
        return text("Words; kept as written.".to_owned(), Vec::new());
    }
    if identifier_count > 0 && identifier_count + number_count == values {
        return text(
            format!(
                "Digits with leading zeros, a plus sign or more than 18 places ({} of {}) are identifiers; kept as text.",
                counted(identifier_count),
                counted(values)
            ),
            Vec::new(),
        );
    }
    if number_count == values {
        return text(
            "Numbers, but written in ways that contradict each other (separators, percent signs or currencies); kept as text."
                .to_owned(),
            vec![Comma, GroupComma, GroupPoint, GroupSpace, Point, CommaOrGroup],
        );
    }
    if date_count == values {
        return text(
            "Dates, but their day and month cannot be told apart or their layouts contradict each other; kept as text."
                .to_owned(),
            dates.to_vec(),
        );
    }
    if number_count * 2 > values {
        return text(
            format!(
                "{} of {} values are numbers, {} are not; kept as text.",
                counted(number_count),
                counted(values),
                counted(values - number_count)
            ),
            vec![
                Text,
                Padded,
                Long,
                YesNo,
                Truth,
                Time,
                ShortTime,
                DateYearFirst,
                DateSlashes,
                DateNamed,
            ],
        );
    }
    if date_count * 2 > values {
        return text(
            format!(
                "{} of {} values are dates, {} are not; kept as text.",
                counted(date_count),
                counted(values),
                counted(values - date_count)
            ),
            vec![Text, Integer, Padded, Point, Time, ShortTime],
        );
    }
    text("Words; kept as written.".to_owned(), Vec::new())
}

/// The currency of the column if there is just one, or an error in the form of none.
fn currency_name(symbol: [u8; 4]) -> String {
    String::from_utf8_lossy(&symbol).trim_end_matches('\0').to_owned()
}

fn numbers(shapes: &Shapes, customs: Customs, values: u64) -> Option<Decision> {
    use Look::{
        Comma, CommaOrGroup, Exponent, GroupComma, GroupPoint, GroupSpace, GroupSpaceComma, GroupSpacePoint,
        Integer, Point, PointOrGroup,
    };
    let number_count = shapes.count_of(&[
        Integer,
        Point,
        PointOrGroup,
        Comma,
        CommaOrGroup,
        GroupComma,
        GroupPoint,
        GroupSpace,
        GroupSpacePoint,
        GroupSpaceComma,
        Exponent,
    ]);
    if number_count != values {
        return None;
    }
    let percent = shapes.numbers.percent;
    let currencies = &shapes.numbers.currencies;
    let in_currency: u64 = currencies.iter().map(|(_, count)| count).sum();
    // Percentages among plain numbers, or two currencies, must not be added up.
    if (percent > 0 && percent != values) || currencies.len() > 1 {
        return None;
    }
    let has = |look| shapes.count(look) > 0;
    let points = has(Point);
    let commas = has(Comma);
    let group_comma = has(GroupComma) || (has(CommaOrGroup) && points);
    let group_point = has(GroupPoint) || (has(PointOrGroup) && commas);
    let mut assumed = None;
    let style = |decimal, grouping| Style {
        decimal,
        grouping,
        decorated: percent > 0 || in_currency > 0,
    };
    let style = if has(GroupSpace) || has(GroupSpacePoint) || has(GroupSpaceComma) {
        if has(GroupComma) || has(GroupPoint) || (has(GroupSpacePoint) && has(GroupSpaceComma)) {
            return None;
        }
        // `1 044,307` among `764,831`: the comma could separate thousands everywhere.
        if has(CommaOrGroup) && !commas && shapes.numbers.scale == 3 && !customs.decimal_comma {
            return None;
        }
        let comma = has(GroupSpaceComma) || commas || has(CommaOrGroup);
        let point = has(GroupSpacePoint) || points || has(PointOrGroup);
        if comma && point {
            return None;
        }
        style(if comma { b',' } else { b'.' }, Grouping::Space)
    } else if group_comma {
        if commas || has(GroupPoint) {
            return None;
        }
        style(b'.', Grouping::Comma)
    } else if group_point {
        if points || has(CommaOrGroup) && !commas && !has(GroupPoint) {
            return None;
        }
        style(b',', Grouping::Point)
    } else if commas {
        // Nearly all could be thousands, a few cannot: a slip of the pen, or decimals. Nobody knows.
        let doubtful = shapes.count(CommaOrGroup) > 4 * shapes.count(Comma) && !customs.decimal_comma;
        if points || doubtful {
            return None;
        }
        style(b',', Grouping::None)
    } else if has(CommaOrGroup) {
        if has(PointOrGroup) {
            return None;
        }
        if customs.decimal_comma {
            assumed = Some("the comma is read as decimal, as elsewhere in this file");
            style(b',', Grouping::None)
        } else {
            assumed = Some("the comma is read as a thousands separator");
            style(b'.', Grouping::Comma)
        }
    } else if has(PointOrGroup) && !points && customs.decimal_comma {
        assumed = Some(
            "the point is read as a thousands separator, since commas are decimal elsewhere in this file",
        );
        style(b',', Grouping::Point)
    } else {
        style(b'.', Grouping::None)
    };
    if has(Exponent) && style.grouping != Grouping::None {
        return None;
    }
    // Digits after the separator only count where the separator is decimal.
    let fractional = if style.decimal == b',' {
        commas
            || has(GroupPoint)
            || has(GroupSpaceComma)
            || (has(CommaOrGroup) && style.grouping != Grouping::Comma)
    } else {
        points
            || has(GroupSpacePoint)
            || (has(GroupComma) && shapes.numbers.scale > 0)
            || (has(PointOrGroup) && style.grouping != Grouping::Point)
    };
    let ambiguous_as_decimals =
        (has(PointOrGroup) && style.decimal == b'.') || (has(CommaOrGroup) && style.decimal == b',');
    let scale = shapes
        .numbers
        .scale
        .max(if ambiguous_as_decimals { 3 } else { 0 });
    let kind = if has(Exponent) {
        Kind::Float(style)
    } else if !fractional || scale == 0 {
        if shapes.numbers.whole > 18 {
            return None;
        }
        Kind::Integer(style)
    } else if scale <= MONEY_SCALE && shapes.numbers.whole + scale <= u32::from(DECIMAL_DIGITS) {
        Kind::Decimal(style, scale)
    } else {
        Kind::Float(style)
    };
    let what = match kind {
        Kind::Integer(_) => "whole numbers".to_owned(),
        Kind::Decimal(_, 1) => "decimal numbers with one digit after the separator".to_owned(),
        Kind::Decimal(_, scale) => format!("decimal numbers with up to {scale} digits after the separator"),
        _ => "numbers".to_owned(),
    };
    let mut notes = Vec::new();
    match style.grouping {
        Grouping::None => {}
        Grouping::Comma => notes.push("thousands separated by commas".to_owned()),
        Grouping::Point => notes.push("thousands separated by points".to_owned()),
        Grouping::Space => notes.push("thousands separated by blanks".to_owned()),
    }
    if style.decimal == b',' && fractional {
        notes.push("a decimal comma".to_owned());
    }
    if percent > 0 {
        notes.push("a percent sign (12% is stored as 12)".to_owned());
    }
    if let Some((symbol, count)) = currencies.first() {
        let name = currency_name(*symbol);
        if *count == values {
            notes.push(format!("the currency {name}"));
        } else {
            notes.push(format!(
                "the currency {name} on {} of them, the others taken to be the same",
                counted(*count)
            ));
        }
    }
    let mut sentence = format!("{} {what}", all(values));
    if !notes.is_empty() {
        sentence.push_str(" with ");
        sentence.push_str(&notes.join(", "));
    }
    if let Some(assumed) = assumed {
        sentence.push_str("; ");
        sentence.push_str(assumed);
    }
    sentence.push('.');
    Some(Decision {
        kind,
        sentence,
        strangers: Vec::new(),
    })
}

fn dates(shapes: &Shapes, customs: Customs, values: u64) -> Option<Decision> {
    use Look::{DateDashes, DateNamed, DatePoints, DateSlashes, DateYearFirst};
    let numeric = [DateSlashes, DateDashes, DatePoints];
    let numeric_count = shapes.count_of(&numeric);
    let clear = shapes.count_of(&[DateYearFirst, DateNamed]);
    if numeric_count + clear != values {
        return None;
    }
    if numeric.iter().filter(|look| shapes.count(**look) > 0).count() > 1 {
        return None;
    }
    let dates = &shapes.dates;
    if dates.with_zone > 0 && dates.with_zone != values {
        return None;
    }
    let (order, how) = if numeric_count == 0 {
        let how = match (shapes.count(DateYearFirst) > 0, shapes.count(DateNamed) > 0) {
            (true, true) => "year first or with the month's name",
            (true, false) => "year first",
            _ => "with the month's name",
        };
        (DayOrder::DayFirst, how.to_owned())
    } else {
        day_order(shapes, customs)?
    };
    let kind = if dates.with_clock == 0 {
        Kind::Date(order)
    } else if dates.with_zone > 0 {
        Kind::Timestamp(order, Zone::Utc)
    } else {
        Kind::Timestamp(order, Zone::Unknown)
    };
    let what = match kind {
        Kind::Date(_) => "dates",
        Kind::Timestamp(_, Zone::Utc) => "moments with a time zone (kept in UTC), their dates",
        _ if dates.with_clock == values => "dates with a time, their dates",
        _ => "dates, some with a time,",
    };
    let short = if dates.short_years > 0 {
        "; two-digit years 69 to 99 are read as 1969 to 1999, others as 20xx"
    } else {
        ""
    };
    Some(Decision {
        kind,
        sentence: format!("{} {what} written {how}{short}.", all(values)),
        strangers: Vec::new(),
    })
}

/// Day or month first, and how that is known. None if the column contradicts itself.
fn day_order(shapes: &Shapes, customs: Customs) -> Option<(DayOrder, String)> {
    let dates = &shapes.dates;
    let day_first = |why: &str| Some((DayOrder::DayFirst, format!("day, month, year{why}")));
    let month_first = |why: &str| Some((DayOrder::MonthFirst, format!("month, day, year{why}")));
    if dates.first_over_12 > 0 && dates.second_over_12 > 0 {
        return None;
    }
    if dates.first_over_12 > 0 {
        return day_first("");
    }
    if dates.second_over_12 > 0 {
        return month_first("");
    }
    if shapes.count(Look::DatePoints) > 0 {
        return day_first(" (with points the day comes first)");
    }
    let numeric = shapes.count_of(&[Look::DateSlashes, Look::DateDashes]);
    // The firsts of months: the number that never changes is the day.
    if numeric > 1 && dates.first_is_one == numeric && dates.second_is_one < numeric {
        return day_first(" (the first number is always 1, so it is the day)");
    }
    if numeric > 1 && dates.second_is_one == numeric && dates.first_is_one < numeric {
        return month_first(" (the second number is always 1, so it is the day)");
    }
    match (customs.day_first, customs.month_first) {
        (true, false) => return day_first(" (as in another column of this file; here it could be either)"),
        (false, true) => return month_first(" (as in another column of this file; here it could be either)"),
        _ => {}
    }
    // Nothing in the file tells. Unpadded slashes (1/5/2024) are what American programs write.
    if dates.unpadded > 0 && shapes.count(Look::DateSlashes) > 0 {
        month_first(
            " (it could be day, month, year: no number is above 12; unpadded numbers suggest the month first)",
        )
    } else {
        day_first(" (it could be month, day, year: no number is above 12)")
    }
}

fn truths(shapes: &Shapes, values: u64) -> Option<Decision> {
    (shapes.count(Look::Truth) == values).then(|| Decision {
        kind: Kind::Boolean,
        sentence: format!("{} true or false.", all(values)),
        strangers: Vec::new(),
    })
}

fn times(shapes: &Shapes, values: u64) -> Option<Decision> {
    let long = shapes.count(Look::Time);
    let short = shapes.count(Look::ShortTime);
    // `3:45` may be minutes and seconds; only an hour after noon, with two digits everywhere, tells.
    let clear = short == 0 || long > 0 || (shapes.afternoons > 0 && shapes.unpadded_times == 0);
    (long + short == values && clear).then(|| Decision {
        kind: Kind::Time,
        sentence: format!("{} times of day.", all(values)),
        strangers: Vec::new(),
    })
}

/// The kind the user asks for, written as most of the column's values are. Errors: `Invalid` for a type that
/// cannot be chosen.
pub fn chosen(type_name: &str, shapes: &Shapes, customs: Customs) -> Result<Kind> {
    let style = chosen_style(shapes, customs);
    let order = match day_order(shapes, customs) {
        Some((order, _)) => order,
        None if shapes.dates.second_over_12 > shapes.dates.first_over_12 => DayOrder::MonthFirst,
        None => DayOrder::DayFirst,
    };
    match type_name {
        "text" => Ok(Kind::Text),
        "integer" => Ok(Kind::Integer(style)),
        "decimal" => Ok(Kind::Decimal(style, shapes.numbers.scale.clamp(2, 9))),
        "float" => Ok(Kind::Float(style)),
        "boolean" => Ok(Kind::Boolean),
        "date" => Ok(Kind::Date(order)),
        "timestamp" if shapes.dates.with_zone > 0 => Ok(Kind::Timestamp(order, Zone::Utc)),
        "timestamp" => Ok(Kind::Timestamp(order, Zone::Unknown)),
        other => Err(Error::Invalid(format!(
            "“{}” is not a type a column can have; choose text, integer, decimal, float, boolean, date or timestamp.",
            super::shapes::shorten(other)
        ))),
    }
}

fn chosen_style(shapes: &Shapes, customs: Customs) -> Style {
    use Look::{
        Comma, CommaOrGroup, GroupComma, GroupPoint, GroupSpace, GroupSpaceComma, GroupSpacePoint, Point,
    };
    let comma = shapes.count_of(&[Comma, GroupPoint, GroupSpaceComma]);
    let point = shapes.count_of(&[Point, GroupComma, GroupSpacePoint]);
    let decimal = if comma > point || (comma == point && customs.decimal_comma) {
        b','
    } else {
        b'.'
    };
    let grouping = if shapes.count_of(&[GroupSpace, GroupSpaceComma, GroupSpacePoint]) > 0 {
        Grouping::Space
    } else if decimal == b',' && shapes.count(GroupPoint) > 0 {
        Grouping::Point
    } else if decimal == b'.' && shapes.count_of(&[GroupComma, CommaOrGroup]) > 0 {
        Grouping::Comma
    } else {
        Grouping::None
    };
    Style {
        decimal,
        grouping,
        decorated: true,
    }
}
