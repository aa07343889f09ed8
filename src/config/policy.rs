//! `[policy]`: what an agent's owner lets out, whatever a server asks. What it means for a query is the
//! business of `guard::policy`.

use std::num::NonZeroU64;
use std::time::Duration;

use secrecy::SecretString;
use toml::de::DeValue;

use super::settings::Settings;
use super::value::{Setting, Size};
use crate::error::{Error, Result};

/// A shorter key for masks could be guessed, and with it the values behind the hashes.
const MASK_KEY_LENGTH: usize = 16;

/// `[policy]`: what the agent allows.
#[derive(Debug, Clone)]
pub struct PolicyConfig {
    /// Rows of one query at most.
    pub max_rows: u64,
    /// Bytes of one query at most.
    pub max_bytes: u64,
    /// Time of one query.
    pub max_time: Duration,
    /// What the database's planner may estimate one query to cost, in its own units; None: anything.
    pub max_cost: Option<u64>,
    /// Rows that it may estimate for any one step of a query; None: any number.
    pub max_estimated_rows: Option<u64>,
    /// Whether frequent values and enum labels may leave with the catalog.
    pub value_hints: bool,
    /// Patterns of the tables (or collections) that may be asked about; empty: all.
    pub allow_tables: Vec<String>,
    /// Patterns of tables that may not, even if they are allowed.
    pub deny_tables: Vec<String>,
    /// Patterns of columns that do not exist for the server.
    pub hidden_columns: Vec<String>,
    /// Patterns of columns whose values leave only in disguise.
    pub masked_columns: Vec<(String, Mask)>,
    /// Goes into hashes, so that nobody can hash guesses and compare; None: a random one, new at each start.
    pub mask_key: Option<SecretString>,
}

/// How the values of a column are disguised. Queries never see anything else: filters, joins, groups and
/// sorting all work on the disguise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mask {
    /// `****` and the last four letters; of values shorter than eight, only `****`.
    LastFour,
    /// 32 hexadecimal digits: the same for the same value, so that it can be counted and joined.
    Hash,
    /// Nothing at all.
    Null,
}

impl Mask {
    /// As it is configured and shown.
    pub fn name(self) -> &'static str {
        match self {
            Mask::LastFour => "last4",
            Mask::Hash => "hash",
            Mask::Null => "null",
        }
    }
}

impl Default for PolicyConfig {
    fn default() -> PolicyConfig {
        PolicyConfig {
            max_rows: 10_000_000,
            max_bytes: 4 << 30,
            max_time: Duration::from_secs(10 * 60),
            max_cost: None,
            max_estimated_rows: None,
            value_hints: true,
            allow_tables: Vec::new(),
            deny_tables: Vec::new(),
            hidden_columns: Vec::new(),
            masked_columns: Vec::new(),
            mask_key: None,
        }
    }
}

impl PolicyConfig {
    pub(super) fn read(s: &mut Settings<'_>) -> Result<PolicyConfig> {
        let default = PolicyConfig::default();
        let mask_key = s.secret("policy", "mask_key", "mask_key_file", &[])?;
        if mask_key
            .as_ref()
            .is_some_and(|key| secrecy::ExposeSecret::expose_secret(key).len() < MASK_KEY_LENGTH)
        {
            return Err(Error::Invalid(format!(
                "policy.mask_key is too short to be safe; use at least {MASK_KEY_LENGTH} random letters."
            )));
        }
        Ok(PolicyConfig {
            max_rows: s
                .get("policy", "max_rows")?
                .map_or(default.max_rows, NonZeroU64::get),
            max_bytes: s
                .get("policy", "max_bytes")?
                .map_or(default.max_bytes, |Size(bytes)| bytes),
            max_time: s.get("policy", "max_time")?.unwrap_or(default.max_time),
            // Zero is how the absence of a limit is written.
            max_cost: s.get("policy", "max_cost")?.filter(|most| *most > 0),
            max_estimated_rows: s.get("policy", "max_estimated_rows")?.filter(|most| *most > 0),
            value_hints: s.get("policy", "value_hints")?.unwrap_or(default.value_hints),
            allow_tables: tables(s, "allow_tables")?,
            deny_tables: tables(s, "deny_tables")?,
            hidden_columns: s
                .get("policy", "hidden_columns")?
                .map_or(Vec::new(), |ColumnPatterns(patterns)| patterns),
            masked_columns: s
                .get("policy", "masked_columns")?
                .map_or(Vec::new(), |Masks(masks)| masks),
            mask_key,
        })
    }
}

fn tables(s: &mut Settings<'_>, key: &'static str) -> Result<Vec<String>> {
    Ok(s.get("policy", key)?
        .map_or(Vec::new(), |TablePatterns(patterns)| patterns))
}

/// `table` or `schema.table`, with `*` for anything.
struct TablePatterns(Vec<String>);

/// `table.column` or `schema.table.column`, with `*` for anything.
struct ColumnPatterns(Vec<String>);

/// Column patterns, each with `: method`.
struct Masks(Vec<(String, Mask)>);

impl Setting for TablePatterns {
    const WHAT: &'static str =
        "a list of tables, written table or schema.table with * for anything, such as [\"sales.*\"]";

    fn from_text(text: &str) -> Option<TablePatterns> {
        texts(text, table_pattern).map(TablePatterns)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<TablePatterns> {
        items(value, table_pattern).map(TablePatterns)
    }
}

impl Setting for ColumnPatterns {
    const WHAT: &'static str = "a list of columns, written table.column or schema.table.column with * for \
                                anything, such as [\"people.ssn\", \"*.password\"]";

    fn from_text(text: &str) -> Option<ColumnPatterns> {
        texts(text, column_pattern).map(ColumnPatterns)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<ColumnPatterns> {
        items(value, column_pattern).map(ColumnPatterns)
    }
}

impl Setting for Masks {
    const WHAT: &'static str = "a list of columns, each with hash, last4 or null after a colon, such as \
                                [\"people.email: hash\", \"*.phone: last4\"]";

    fn from_text(text: &str) -> Option<Masks> {
        texts(text, mask).map(Masks)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Masks> {
        items(value, mask).map(Masks)
    }
}

/// A list in one variable. A name with a comma can only stand in the file.
fn texts<T>(text: &str, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(item).collect()
}

fn items<T>(value: &DeValue<'_>, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let items = value.as_array()?.iter();
    items.map(|text| item(text.get_ref().as_str()?)).collect()
}

fn table_pattern(text: &str) -> Option<String> {
    let text = text.trim();
    let has_empty_part = text.split('.').any(|part| part.trim().is_empty());
    (!has_empty_part && !text.contains(char::is_control)).then(|| text.to_owned())
}

/// Without a table, `ssn` alone could be meant as a table's name.
fn column_pattern(text: &str) -> Option<String> {
    table_pattern(text).filter(|pattern| pattern.contains('.'))
}

fn mask(text: &str) -> Option<(String, Mask)> {
    let (pattern, method) = text.rsplit_once(':')?;
    let method = match method.trim().to_ascii_lowercase().as_str() {
        "hash" => Mask::Hash,
        "last4" => Mask::LastFour,
        "null" => Mask::Null,
        _ => return None,
    };
    Some((column_pattern(pattern)?, method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_name_a_column_and_a_method() {
        for (text, expected) in [
            ("people.email: hash", Some(("people.email", Mask::Hash))),
            (
                " hr.people.phone :LAST4 ",
                Some(("hr.people.phone", Mask::LastFour)),
            ),
            ("*.a:b: null", Some(("*.a:b", Mask::Null))),
            ("people.email", None),
            ("people.email: rot13", None),
            ("email: hash", None),
            (".email: hash", None),
        ] {
            let found = mask(text);
            let found = found.as_ref().map(|(pattern, mask)| (pattern.as_str(), *mask));
            assert_eq!(found, expected, "{text}");
        }
    }

    /// The strongest of several that fit is taken, so their order says which that is.
    #[test]
    fn masks_are_ordered_by_strength() {
        assert!(Mask::LastFour < Mask::Hash && Mask::Hash < Mask::Null);
    }
}
