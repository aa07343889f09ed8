//! Conditions on columns.

use chrono::{Datelike, NaiveDate};

use super::super::dates::{Span, month_name, weekday_name};
use super::super::frame::{Frame, RawFilter, Test};
use super::super::lexicon::{self, Compare, Grain};
use super::super::link::Fit;
use super::super::plan::{Filter, Is, Plan};
use super::super::schema::{Col, singular, spaced};
use super::{Resolver, Step, Stop, capital, refuse};
use crate::catalog::ColumnKind;
use crate::translate::Choice;

impl Resolver<'_, '_> {
    pub(super) fn filters(&self, frame: &Frame, plan: &mut Plan) -> Step<()> {
        let mut at = 0;
        while at < frame.filters.len() {
            let end = (at + 1..frame.filters.len())
                .find(|next| !frame.filters[*next].or)
                .unwrap_or(frame.filters.len());
            let mut choice = Vec::new();
            for raw in &frame.filters[at..end] {
                choice.push(self.filter(raw, frame)?);
            }
            match choice.as_slice() {
                [_] => self.place(choice.remove(0), frame.filters[at].apart, plan)?,
                _ => self.place_any(choice, plan)?,
            }
            at = end;
        }
        Ok(())
    }

    /// Whole years as conditions on a column that holds the year as a number.
    fn year(&self, raw: &RawFilter, span: &Span, near: Option<usize>) -> Option<Filter> {
        let table = near.or(self.base)?;
        if self.schema.columns(table).any(|col| self.kind(col).is_date()) {
            return None;
        }
        let column = self.schema.calendar(table, Grain::Year).or_else(|| {
            // "schools to join before 1960": the one column of years of the only table.
            let mut years = self
                .schema
                .columns(table)
                .filter(|col| self.schema.holds_years(*col));
            let one = years.next().filter(|_| years.next().is_none());
            one.filter(|col| self.schema.catalog.tables.len() == 1 && self.says(*col))
        })?;
        years(raw, span, column)
    }

    /// Whether the question says one of the words of a column's name, its "year" apart.
    fn says(&self, col: Col) -> bool {
        let words = super::super::words::tokens(self.question, &self.schema.stems);
        self.schema
            .words(col)
            .iter()
            .any(|word| word != "year" && words.iter().any(|said| said.stem == *word))
    }

    pub(super) fn filter(&self, raw: &RawFilter, frame: &Frame) -> Step<Filter> {
        let near = raw.near.as_ref().and_then(|spot| self.table_of(spot));
        let make = |column: Col, test: Is| Filter {
            column,
            test,
            negated: raw.negated,
        };
        match &raw.test {
            Test::Values(values) => {
                let mut columns: Vec<(Col, Fit)> = Vec::new();
                for (col, _) in values {
                    if !columns.contains(&(*col, Fit::Exact)) {
                        columns.push((*col, Fit::Exact));
                    }
                }
                let found = self.narrow(&columns, near);
                let column = match found.as_slice() {
                    [one] => *one,
                    [] => {
                        return refuse(format!(
                            "\"{}\" cannot be connected with what is asked.",
                            raw.text
                        ));
                    }
                    several => {
                        let options = several
                            .iter()
                            .map(|col| {
                                let spoken = self.schema.spoken(*col);
                                Choice {
                                    label: spoken.clone(),
                                    question: self.rephrase(
                                        raw.start,
                                        raw.end,
                                        &format!("{spoken} {}", raw.text),
                                    ),
                                }
                            })
                            .collect();
                        return Err(Stop::Clarify(
                            format!("\"{}\" stands in several columns. Which one is meant?", raw.text),
                            options,
                        ));
                    }
                };
                let mut texts: Vec<String> = Vec::new();
                for (col, text) in values {
                    if *col == column && !texts.contains(text) {
                        texts.push(text.clone());
                    }
                }
                Ok(make(column, Is::OneOf(texts)))
            }
            Test::When(span) => {
                let column = match &raw.column {
                    Some(spot)
                        if !spot
                            .mention
                            .columns
                            .iter()
                            .any(|(col, _)| self.kind(*col).is_date()) =>
                    {
                        let column = self.pick_near(spot, near, |col| self.schema.holds_years(col))?;
                        return match years(raw, span, column) {
                            Some(filter) => Ok(filter),
                            None => refuse(format!(
                                "{} holds whole years; \"{}\" cannot be told from it.",
                                capital(&self.schema.spoken(column)),
                                raw.text
                            )),
                        };
                    }
                    Some(spot) => self.pick_near(spot, near, |col| self.kind(col).is_date())?,
                    None => match self.year(raw, span, near).or_else(|| self.year(raw, span, None)) {
                        Some(filter) => return Ok(filter),
                        None => self.date_for(raw, near, frame)?,
                    },
                };
                Ok(make(column, Is::When(span.clone())))
            }
            Test::Part(grain, numbers) => {
                // Where days or months stand by name.
                let table = near.or(self.base).unwrap_or_default();
                let named = [Some(table), self.base]
                    .into_iter()
                    .flatten()
                    .find_map(|table| self.schema.calendar(table, *grain));
                if let Some(column) = named {
                    let names: Vec<String> = numbers
                        .iter()
                        .map(|n| match grain {
                            Grain::Weekday => weekday_name(*n),
                            _ => month_name(*n),
                        })
                        .map(str::to_owned)
                        .collect();
                    let spelled = |name: &String| {
                        let values = &self.schema.column(column).values;
                        values
                            .iter()
                            .find(|value| value.eq_ignore_ascii_case(name))
                            .cloned()
                    };
                    let names = names
                        .iter()
                        .map(|name| spelled(name).unwrap_or_else(|| name.clone()))
                        .collect();
                    return Ok(make(column, Is::OneOf(names)));
                }
                let column = self.date_for(raw, near, frame)?;
                if *grain == Grain::Hour && self.kind(column) == ColumnKind::Date {
                    return refuse(format!("{} holds no times.", self.schema.spoken(column)));
                }
                Ok(make(column, Is::Part(*grain, numbers.clone())))
            }
            Test::Text(text) => {
                let Some(spot) = &raw.column else {
                    return refuse(format!("It is not clear what \"{text}\" is."));
                };
                let column = match self.table_of(spot) {
                    Some(table) => match self.schema.label(table).as_slice() {
                        [one] => *one,
                        _ => {
                            return refuse(format!(
                                "It is not clear which column of {} holds \"{text}\".",
                                spaced(&self.schema.table(table).name)
                            ));
                        }
                    },
                    None => self.pick_near(spot, near, |col| self.kind(col).is_text())?,
                };
                if let Some(code) = lexicon::state_code(&text.to_lowercase())
                    && self
                        .schema
                        .column(column)
                        .values
                        .iter()
                        .any(|value| value == code)
                {
                    return Ok(make(column, Is::OneOf(vec![code.to_owned()])));
                }
                self.known_text(column, text)?;
                Ok(make(column, Is::Text(text.clone())))
            }
            test => self.column_filter(raw, test, near),
        }
    }

    /// A text that cannot be there needs no query: all values are known, and it is none of them.
    pub(super) fn known_text(&self, column: Col, text: &str) -> Step<()> {
        let known = self.schema.column(column);
        if known.values_complete
            && !known.values.is_empty()
            && !known
                .values
                .iter()
                .any(|v| v.to_lowercase() == text.to_lowercase())
        {
            let nearest = known
                .values
                .iter()
                .max_by(|a, b| strsim::jaro_winkler(a, text).total_cmp(&strsim::jaro_winkler(b, text)));
            return refuse(format!(
                "No {} is called \"{text}\"; the nearest is \"{}\".",
                self.schema.spoken(column),
                nearest.map_or("", String::as_str)
            ));
        }
        Ok(())
    }

    pub(super) fn column_filter(&self, raw: &RawFilter, test: &Test, near: Option<usize>) -> Step<Filter> {
        let make = |column: Col, test: Is, negated: bool| Filter {
            column,
            test,
            negated,
        };
        let Some(spot) = &raw.column else {
            // "under 5 dollars": the one column of money.
            let table = near.or(self.base).unwrap_or_default();
            let money: Vec<Col> = self
                .schema
                .columns(table)
                .filter(|col| self.kind(*col).is_number())
                .filter(|col| {
                    let words = self.schema.words(*col);
                    words.iter().any(|w| {
                        matches!(
                            w.as_str(),
                            "price"
                                | "cost"
                                | "amount"
                                | "fee"
                                | "salari"
                                | "total"
                                | "revenu"
                                | "fare"
                                | "rent"
                                | "wage"
                        )
                    })
                })
                .collect();
            return match (money.as_slice(), test) {
                ([one], Test::Compare(compare, value)) => {
                    Ok(make(*one, Is::Compare(*compare, *value), raw.negated))
                }
                ([], _) => refuse(format!(
                    "It is not clear what \"{}\" is compared with; name the column.",
                    raw.text
                )),
                (several, _) => {
                    let options = several
                        .iter()
                        .map(|col| {
                            let column = spaced(&self.schema.column(*col).name);
                            Choice {
                                label: column.clone(),
                                question: self.rephrase(raw.start, raw.start, &format!("with {column} ")),
                            }
                        })
                        .collect();
                    Err(Stop::Clarify("Which amount of money is meant?".into(), options))
                }
            };
        };
        if let (Some(table), Test::Compare(..)) = (self.table_of(spot), test) {
            // "store 5": by its key.
            return match (self.schema.key(table).as_deref(), test) {
                (Some([key]), Test::Compare(compare, value)) if self.kind(*key).is_number() => {
                    Ok(make(*key, Is::Compare(*compare, *value), raw.negated))
                }
                _ => refuse(format!(
                    "It is not clear which {} is meant.",
                    singular(&spaced(&self.schema.table(table).name))
                )),
            };
        }
        let number = |col: Col| self.kind(col).is_number();
        let text = |col: Col| self.kind(col).is_text();
        Ok(match test {
            Test::Compare(compare, value) => make(
                self.pick_near(spot, near, number)?,
                Is::Compare(*compare, *value),
                raw.negated,
            ),
            Test::Overall(compare, agg) => make(
                self.pick_near(spot, near, number)?,
                Is::Overall(*compare, *agg),
                raw.negated,
            ),
            Test::Beside(compare, other) => {
                let column = self.pick_near(spot, near, number)?;
                let other = self.pick_near(other, Some(column.table), number)?;
                if other.table != column.table {
                    return refuse(format!(
                        "{} and {} do not stand in the same row, so they cannot be compared.",
                        capital(&self.schema.spoken(column)),
                        self.schema.spoken(other)
                    ));
                }
                make(column, Is::Beside(*compare, other), raw.negated)
            }
            Test::Between(from, to) => make(
                self.pick_near(spot, near, number)?,
                Is::Between(*from, *to),
                raw.negated,
            ),
            Test::Starts(t) => make(
                self.pick_near(spot, near, text)?,
                Is::Starts(t.clone()),
                raw.negated,
            ),
            Test::Ends(t) => make(
                self.pick_near(spot, near, text)?,
                Is::Ends(t.clone()),
                raw.negated,
            ),
            Test::Contains(t) => make(
                self.pick_near(spot, near, text)?,
                Is::Contains(t.clone()),
                raw.negated,
            ),
            Test::NotNull | Test::Null => {
                let column = self.pick_near(spot, near, |_| true)?;
                if self.kind(column) == ColumnKind::Boolean {
                    make(column, Is::True, raw.negated)
                } else {
                    make(column, Is::Null, raw.negated != (*test == Test::NotNull))
                }
            }
            Test::Values(_) | Test::When(_) | Test::Part(..) | Test::Text(_) => {
                return refuse("This condition cannot be read.");
            }
        })
    }
}

/// Whole years as conditions on a column that holds the year as a number.
fn years(raw: &RawFilter, span: &Span, column: Col) -> Option<Filter> {
    let first = |date: NaiveDate| (date.ordinal() == 1).then(|| f64::from(date.year()));
    let test = match (span.from, span.until) {
        (Some(from), Some(until)) => {
            let (from, until) = (first(from)?, first(until)?);
            if until - from == 1.0 {
                Is::Compare(Compare::Equal, from)
            } else {
                Is::Between(from, until - 1.0)
            }
        }
        (Some(from), None) => Is::Compare(Compare::AtLeast, first(from)?),
        (None, Some(until)) => Is::Compare(Compare::Less, first(until)?),
        (None, None) => return None,
    };
    Some(Filter {
        column,
        test,
        negated: raw.negated,
    })
}
