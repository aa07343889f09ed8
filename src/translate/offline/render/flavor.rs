//! Where the SQL dialects differ: quotes, texts, dates and their parts, fractions, the place of empty values
//! in an order.

use chrono::NaiveDate;

use super::super::dates::weekday_name;
use super::super::lexicon::{Dir, Grain};
use super::names;
use crate::catalog::ColumnKind;
use crate::source::Dialect;

/// A dialect of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    Postgresql,
    Datafusion,
    Mysql,
    Sqlite,
}

impl Flavor {
    /// None for sources that do not take SQL.
    pub(super) fn of(dialect: Dialect) -> Option<Flavor> {
        match dialect {
            Dialect::Postgresql => Some(Flavor::Postgresql),
            Dialect::Datafusion => Some(Flavor::Datafusion),
            Dialect::Mysql => Some(Flavor::Mysql),
            Dialect::Sqlite => Some(Flavor::Sqlite),
            Dialect::Mongodb => None,
        }
    }

    /// A name as it can stand in a query.
    pub(super) fn ident(self, name: &str) -> String {
        match self {
            Flavor::Mysql if !names::is_plain(name) || names::is_reserved_by_mysql(name) => {
                format!("`{}`", name.replace('`', "``"))
            }
            Flavor::Sqlite if names::is_reserved_by_sqlite(name) => format!("\"{name}\""),
            _ if !names::is_plain(name) => format!("\"{}\"", name.replace('"', "\"\"")),
            _ => name.to_owned(),
        }
    }

    pub(super) fn literal(self, text: &str) -> String {
        let text = text.replace('\'', "''").replace('\0', "");
        match self {
            // A backslash begins an escape there.
            Flavor::Mysql => format!("'{}'", text.replace('\\', "\\\\")),
            _ => format!("'{text}'"),
        }
    }

    /// A condition on a text whatever its case; `pattern` with `%`, its own marks escaped by a backslash.
    pub(super) fn like(self, text: &str, not: &str, pattern: &str) -> String {
        let literal = self.literal(pattern);
        match self {
            Flavor::Postgresql | Flavor::Datafusion => format!("{text} {not}ILIKE {literal}"),
            Flavor::Mysql => format!("LOWER({text}) {not}LIKE LOWER({literal})"),
            Flavor::Sqlite => format!("LOWER({text}) {not}LIKE LOWER({literal}) ESCAPE '\\'"),
        }
    }

    pub(super) fn as_text(self, text: &str) -> String {
        match self {
            Flavor::Mysql => format!("CAST({text} AS CHAR)"),
            _ => format!("CAST({text} AS TEXT)"),
        }
    }

    /// A number that keeps its fraction when it is divided.
    pub(super) fn fraction(self, text: &str) -> String {
        match self {
            Flavor::Postgresql | Flavor::Datafusion => format!("CAST({text} AS DOUBLE PRECISION)"),
            Flavor::Mysql => format!("CAST({text} AS DOUBLE)"),
            Flavor::Sqlite => format!("CAST({text} AS REAL)"),
        }
    }

    /// The average; MySQL would round that of whole numbers to four digits.
    pub(super) fn average(self, text: &str, kind: ColumnKind) -> String {
        match (self, kind) {
            (Flavor::Mysql, ColumnKind::Integer) => format!("AVG({})", self.fraction(text)),
            _ => format!("AVG({text})"),
        }
    }

    /// The median, halfway between the two in the middle where their number is even. Only for dialects that
    /// [`super::takes_medians`].
    pub(super) fn median(self, text: &str) -> String {
        match self {
            Flavor::Postgresql => format!("PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY {text})"),
            // Of whole numbers the median would be a whole number.
            _ => format!("MEDIAN({})", self.fraction(text)),
        }
    }

    /// A day, to compare a column of this kind with.
    pub(super) fn date(self, date: NaiveDate, kind: ColumnKind) -> String {
        match (self, kind) {
            // Dates are texts there; the day alone sorts before every moment of it.
            (Flavor::Sqlite, _) => format!("'{date}'"),
            (_, ColumnKind::Date) => format!("DATE '{date}'"),
            _ => format!("TIMESTAMP '{date} 00:00:00'"),
        }
    }

    /// `{not equal, or empty}`
    pub(super) fn distinct_from(self, left: &str, right: &str) -> String {
        match self {
            Flavor::Postgresql | Flavor::Datafusion => format!("{left} IS DISTINCT FROM {right}"),
            Flavor::Mysql | Flavor::Sqlite => format!("({left} <> {right} OR {left} IS NULL)"),
        }
    }

    /// The first day of a period, or the number of a year, weekday or hour.
    pub(super) fn period(self, text: &str, grain: Grain) -> String {
        match (grain, self) {
            (Grain::Year | Grain::Hour | Grain::Weekday | Grain::MonthOfYear, _) => self.part(text, grain),
            (_, Flavor::Postgresql | Flavor::Datafusion) => {
                format!("CAST(date_trunc('{}', {text}) AS DATE)", grain.word())
            }
            (Grain::Month, Flavor::Mysql) => format!("CAST(DATE_FORMAT({text}, '%Y-%m-01') AS DATE)"),
            (Grain::Quarter, Flavor::Mysql) => {
                format!("CAST(CONCAT(YEAR({text}), '-', QUARTER({text}) * 3 - 2, '-01') AS DATE)")
            }
            (Grain::Week, Flavor::Mysql) => {
                format!("CAST(DATE_SUB({text}, INTERVAL WEEKDAY({text}) DAY) AS DATE)")
            }
            (Grain::Day, Flavor::Mysql) => format!("CAST({text} AS DATE)"),
            (Grain::Month, Flavor::Sqlite) => format!("date({text}, 'start of month')"),
            (Grain::Quarter, Flavor::Sqlite) => format!(
                "date({text}, 'start of month', '-' || ((CAST(strftime('%m', {text}) AS INTEGER) - 1) % 3) || ' months')"
            ),
            (Grain::Week, Flavor::Sqlite) => format!("date({text}, 'weekday 0', '-6 days')"),
            (Grain::Day, Flavor::Sqlite) => format!("date({text})"),
        }
    }

    /// A part of a date as a whole number: year, month, weekday (0 is Sunday), hour.
    pub(super) fn part(self, text: &str, grain: Grain) -> String {
        match self {
            Flavor::Postgresql | Flavor::Datafusion => {
                let field = match grain {
                    Grain::Weekday => "DOW",
                    Grain::MonthOfYear | Grain::Month => "MONTH",
                    Grain::Hour => "HOUR",
                    Grain::Day => "DAY",
                    Grain::Quarter => "QUARTER",
                    Grain::Week => "WEEK",
                    Grain::Year => "YEAR",
                };
                format!("CAST(EXTRACT({field} FROM {text}) AS INTEGER)")
            }
            Flavor::Mysql => match grain {
                Grain::Weekday => format!("DAYOFWEEK({text}) - 1"),
                Grain::MonthOfYear | Grain::Month => format!("MONTH({text})"),
                Grain::Hour => format!("HOUR({text})"),
                Grain::Day => format!("DAY({text})"),
                Grain::Quarter => format!("QUARTER({text})"),
                Grain::Week => format!("WEEK({text}, 3)"),
                Grain::Year => format!("YEAR({text})"),
            },
            Flavor::Sqlite => {
                let code = match grain {
                    Grain::Weekday => "%w",
                    Grain::MonthOfYear | Grain::Month | Grain::Quarter => "%m",
                    Grain::Hour => "%H",
                    Grain::Day => "%d",
                    Grain::Week => "%W",
                    Grain::Year => "%Y",
                };
                format!("CAST(strftime('{code}', {text}) AS INTEGER)")
            }
        }
    }

    /// The name of the weekday whose number is `text`.
    pub(super) fn weekday_name(self, text: &str) -> String {
        let names: Vec<String> = (0..7)
            .map(|n| format!("WHEN {n} THEN '{}'", weekday_name(n)))
            .collect();
        format!("CASE {text} {} END", names.join(" "))
    }

    /// Days from one moment to another.
    pub(super) fn days(self, from: &str, until: &str) -> String {
        match self {
            Flavor::Postgresql | Flavor::Datafusion => {
                format!("(EXTRACT(EPOCH FROM {until}) - EXTRACT(EPOCH FROM {from})) / 86400")
            }
            Flavor::Mysql => format!("TIMESTAMPDIFF(SECOND, {from}, {until}) / 86400"),
            Flavor::Sqlite => format!("julianday({until}) - julianday({from})"),
        }
    }

    /// A key of an order, empty values last.
    pub(super) fn order(self, text: &str, dir: Dir) -> String {
        match (dir, self) {
            (Dir::Down, Flavor::Mysql) => format!("{text} DESC"),
            (Dir::Down, _) => format!("{text} DESC NULLS LAST"),
            (Dir::Up, Flavor::Postgresql | Flavor::Datafusion) => text.to_owned(),
            (Dir::Up, Flavor::Mysql) => format!("{text} IS NULL, {text}"),
            (Dir::Up, Flavor::Sqlite) => format!("{text} NULLS LAST"),
        }
    }
}
