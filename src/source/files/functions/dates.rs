//! Dates: `year(x)` and its like, `date(x)`, `strftime` and `date_format`, `to_char` with PostgreSQL's
//! patterns, `date_diff`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDateTime, Timelike};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::functions::datetime::{date_part, to_char};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// Every function of this file.
pub fn all() -> Vec<ScalarUDF> {
    let parts = [
        ("year", "year"),
        ("quarter", "quarter"),
        ("month", "month"),
        ("week", "week"),
        ("day", "day"),
        ("dayofmonth", "day"),
        ("dayofyear", "doy"),
        ("hour", "hour"),
        ("minute", "minute"),
        ("second", "second"),
    ];
    let mut all: Vec<ScalarUDF> = parts
        .map(|(name, part)| ScalarUDF::new_from_impl(Part::new(name, part)))
        .into();
    all.push(ScalarUDF::new_from_impl(ToDate {
        signature: Signature::user_defined(Volatility::Immutable),
    }));
    for (name, patterns) in [
        ("strftime", Patterns::Percent),
        ("date_format", Patterns::Percent),
        ("to_char", Patterns::Letters),
    ] {
        all.push(ScalarUDF::new_from_impl(Format {
            name,
            patterns,
            signature: Signature::user_defined(Volatility::Immutable),
        }));
    }
    for name in ["date_diff", "datediff"] {
        all.push(ScalarUDF::new_from_impl(Difference {
            name,
            signature: Signature::user_defined(Volatility::Immutable),
        }));
    }
    all
}

fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// What a date argument is read as. Text is read as a date, or fails; it is never guessed.
fn calendar(found: &DataType) -> Result<DataType> {
    match found {
        DataType::Date32 | DataType::Timestamp(..) => Ok(found.clone()),
        DataType::Date64 => Ok(DataType::Date32),
        DataType::Null => Ok(DataType::Date32),
        text if is_text(text) => Ok(MOMENT),
        other => Err(DataFusionError::Plan(format!(
            "a date was expected, not the type {other}"
        ))),
    }
}

fn rewritten_only(name: &str) -> DataFusionError {
    DataFusionError::Internal(format!("{name} should have been rewritten"))
}

/// `year(x)` is `date_part('year', x)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Part {
    name: &'static str,
    part: &'static str,
    signature: Signature,
}

impl Part {
    fn new(name: &'static str, part: &'static str) -> Part {
        Part {
            name,
            part,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Part {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        match found {
            [DataType::Time64(unit)] if matches!(self.name, "hour" | "minute" | "second") => {
                Ok(vec![DataType::Time64(*unit)])
            }
            [value] => Ok(vec![calendar(value)?]),
            _ => Err(DataFusionError::Plan(format!("{} takes one date", self.name))),
        }
    }

    fn simplify(&self, arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let mut all = vec![Expr::Literal(ScalarValue::from(self.part), None)];
        all.extend(arguments);
        Ok(ExprSimplifyResult::Simplified(date_part().call(all)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(rewritten_only(self.name))
    }
}

/// `date(x)` is `CAST(x AS DATE)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ToDate {
    signature: Signature,
}

impl ScalarUDFImpl for ToDate {
    fn name(&self) -> &str {
        "date"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        match found {
            [value] if is_text(value) => Ok(vec![DataType::Utf8]),
            [value] => Ok(vec![calendar(value)?]),
            _ => Err(DataFusionError::Plan("date takes one value".into())),
        }
    }

    fn simplify(&self, mut arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(value) = arguments.pop() else {
            return Ok(ExprSimplifyResult::Original(arguments));
        };
        Ok(ExprSimplifyResult::Simplified(Expr::Cast(Cast::new(
            Box::new(value),
            DataType::Date32,
        ))))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(rewritten_only("date"))
    }
}

/// How a format is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Patterns {
    /// `%Y-%m`
    Percent,
    /// `YYYY-MM`, or with percent signs.
    Letters,
}

/// `strftime(x, format)` in either order, and `to_char(x, format)`, with a literal format.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Format {
    name: &'static str,
    patterns: Patterns,
    signature: Signature,
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        match found {
            // SQLite writes the format first.
            [format, value] if is_text(format) && !is_text(value) => {
                Ok(vec![DataType::Utf8, calendar(value)?])
            }
            [value, format] if is_text(format) => Ok(vec![calendar(value)?, DataType::Utf8]),
            _ => Err(DataFusionError::Plan(format!(
                "{} takes a date and a format",
                self.name
            ))),
        }
    }

    fn simplify(&self, arguments: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [first, second] = <[Expr; 2]>::try_from(arguments)
            .map_err(|_| DataFusionError::Plan(format!("{} takes a date and a format", self.name)))?;
        let (value, format) = match (literal(&first), literal(&second)) {
            (_, Some(format)) => (first, format),
            (Some(format), None) => (second, format),
            (None, None) => {
                return Err(DataFusionError::Plan(format!(
                    "the format of {} has to stand in the query itself",
                    self.name
                )));
            }
        };
        let format = if self.patterns == Patterns::Letters && !format.contains('%') {
            from_letters(&format)?
        } else {
            checked(&format)?
        };
        let format = Expr::Literal(ScalarValue::from(format.as_str()), None);
        Ok(ExprSimplifyResult::Simplified(
            to_char().call(vec![value, format]),
        ))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(rewritten_only(self.name))
    }
}

fn literal(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::LargeUtf8(Some(text))
            | ScalarValue::Utf8View(Some(text)),
            _,
        ) => Some(text.clone()),
        Expr::Cast(cast) => literal(&cast.expr),
        _ => None,
    }
}

/// A format with percent signs that can be written out; an unknown one would print itself.
fn checked(format: &str) -> Result<String> {
    use chrono::format::{Item, StrftimeItems};
    if StrftimeItems::new(format).any(|item| item == Item::Error) {
        return Err(DataFusionError::Plan(format!(
            "the date format “{format}” is not understood"
        )));
    }
    Ok(format.to_owned())
}

/// PostgreSQL's patterns, longest first, and what they are with percent signs.
const LETTERS: [(&str, &str); 27] = [
    ("YYYY", "%Y"),
    ("IYYY", "%G"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("FMMM", "%-m"),
    ("FMDD", "%-d"),
    ("FMHH24", "%-H"),
    ("FMHH12", "%-I"),
    ("DDD", "%j"),
    ("Mon", "%b"),
    ("Dy", "%a"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("IW", "%V"),
    ("ID", "%u"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
];

/// `YYYY-MM` as `%Y-%m`. Patterns without an equal are refused: printed as they stand they would look like an
/// answer.
fn from_letters(format: &str) -> Result<String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(next) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (words, after) = quoted.split_once('"').unwrap_or((quoted, ""));
            out.push_str(&words.replace('%', "%%"));
            rest = after;
            continue;
        }
        let known = LETTERS
            .iter()
            .filter(|(pattern, _)| rest.starts_with(pattern))
            .max_by_key(|(pattern, _)| pattern.len());
        if let Some((pattern, percent)) = known {
            out.push_str(percent);
            rest = &rest[pattern.len()..];
        } else if next.is_alphabetic() {
            return Err(DataFusionError::Plan(format!(
                "the date format “{format}” is not understood; write it with percent signs, like %Y-%m"
            )));
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    Ok(out)
}

/// `date_diff('day', from, to)`: the boundaries of the unit between two moments. `datediff(to, from)`: days.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Difference {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Difference {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn coerce_types(&self, found: &[DataType]) -> Result<Vec<DataType>> {
        let moment = |found: &DataType| calendar(found).map(|_| MOMENT);
        match found {
            [to, from] => Ok(vec![moment(to)?, moment(from)?]),
            [unit, from, to] if is_text(unit) => Ok(vec![DataType::Utf8, moment(from)?, moment(to)?]),
            _ => Err(DataFusionError::Plan(format!(
                "{} takes a unit in quotes and two dates, or two dates",
                self.name
            ))),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let arrays: Vec<ArrayRef> = arguments
            .args
            .iter()
            .map(|argument| argument.to_array(rows))
            .collect::<Result<_>>()?;
        let (units, from, to) = match arrays.as_slice() {
            [to, from] => (None, from, to),
            [units, from, to] => (Some(units.as_string::<i32>()), from, to),
            _ => return Err(rewritten_only(self.name)),
        };
        let (from, to) = (
            from.as_primitive::<TimestampMicrosecondType>(),
            to.as_primitive::<TimestampMicrosecondType>(),
        );
        let mut out = Vec::with_capacity(rows);
        for row in 0..rows {
            if from.is_null(row) || to.is_null(row) || units.is_some_and(|units| units.is_null(row)) {
                out.push(None);
                continue;
            }
            let unit = units.map_or("day", |units| units.value(row));
            out.push(Some(boundaries(unit, from.value(row), to.value(row))?));
        }
        Ok(ColumnarValue::Array(Arc::new(Int64Array::from(out))))
    }
}

/// How many boundaries of a unit lie between two moments (microseconds since 1970).
fn boundaries(unit: &str, from: i64, to: i64) -> Result<i64> {
    let moment = |micros: i64| -> Result<NaiveDateTime> {
        chrono::DateTime::from_timestamp_micros(micros)
            .map(|moment| moment.naive_utc())
            .ok_or_else(|| DataFusionError::Execution("a date lies outside the calendar".into()))
    };
    let (from, to) = (moment(from)?, moment(to)?);
    let months = |at: NaiveDateTime| i64::from(at.year()) * 12 + i64::from(at.month0());
    let days = |at: NaiveDateTime| i64::from(at.num_days_from_ce());
    let seconds = |at: NaiveDateTime| days(at) * 86_400 + i64::from(at.num_seconds_from_midnight());
    let count = |of: &dyn Fn(NaiveDateTime) -> i64| of(to) - of(from);
    let unit = unit.to_ascii_lowercase();
    Ok(match unit.strip_suffix('s').unwrap_or(&unit) {
        "year" => count(&|at| i64::from(at.year())),
        "quarter" => count(&|at| months(at).div_euclid(3)),
        "month" => count(&months),
        // Weeks begin on Monday; day 1 of the common era was one.
        "week" => count(&|at| (days(at) - 1).div_euclid(7)),
        "day" => count(&days),
        "hour" => count(&|at| seconds(at).div_euclid(3600)),
        "minute" => count(&|at| seconds(at).div_euclid(60)),
        "second" => count(&seconds),
        _ => {
            return Err(DataFusionError::Execution(format!(
                "“{unit}” is not a unit of time; use year, quarter, month, week, day, hour, minute or second"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_percent_signs_or_are_refused() {
        assert_eq!(
            from_letters("YYYY-MM-DD HH24:MI").expect("known"),
            "%Y-%m-%d %H:%M"
        );
        assert_eq!(from_letters("Mon YYYY").expect("known"), "%b %Y");
        assert_eq!(from_letters("YYYY\"-Q\"").expect("known"), "%Y-Q");
        // PostgreSQL pads Month with blanks to nine places; chrono does not.
        assert!(from_letters("Month YYYY").is_err());
        assert!(from_letters("YYYY-\"Q\"Q").is_err());
        assert!(checked("%Y-%!").is_err());
    }

    #[test]
    fn differences_count_boundaries() {
        let at = |text: &str| {
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M")
                .expect("a moment")
                .and_utc()
                .timestamp_micros()
        };
        for (unit, from, to, expected) in [
            ("day", "2024-02-28 23:59", "2024-03-01 00:00", 2),
            ("month", "2024-01-31 00:00", "2024-02-01 00:00", 1),
            ("years", "2023-12-31 00:00", "2024-01-01 00:00", 1),
            ("week", "2024-01-07 00:00", "2024-01-08 00:00", 1),
            ("week", "2024-01-08 00:00", "2024-01-14 00:00", 0),
            ("quarter", "2024-03-31 00:00", "2024-04-01 00:00", 1),
            ("hour", "2024-01-01 10:59", "2024-01-01 11:00", 1),
            ("day", "2024-03-01 00:00", "2024-02-28 00:00", -2),
        ] {
            assert_eq!(
                boundaries(unit, at(from), at(to)).expect("a unit"),
                expected,
                "{unit} {from} {to}"
            );
        }
        assert!(boundaries("fortnight", 0, 1).is_err());
    }
}
