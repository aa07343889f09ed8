//! What an agent's owner lets out: which tables exist for the server, which of their columns, and which
//! columns only in disguise. It knows names, not queries: `names` puts it into force for SQL by letting a
//! restricted table be read only through a subquery of what is visible of it.
//!
//! Patterns take no notice of capitals, and `*` stands for anything. Where a name could be read two ways, the
//! reading that lets less out counts.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::catalog::{Catalog, Column, ColumnKind, ForeignKey, Table};
use crate::config::{Mask, PolicyConfig};
use crate::protocol::PolicySummary;

/// An agent's policy, ready to be asked.
#[derive(Debug, Clone)]
pub struct Policy {
    config: PolicyConfig,
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
    hidden: Vec<Pattern>,
    masked: Vec<(Pattern, Mask)>,
    mask_key: SecretString,
}

impl Policy {
    /// Without a key in `config`, hashes are made with a random one that ends with this policy.
    pub fn new(config: PolicyConfig) -> Policy {
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        let key = match &config.mask_key {
            Some(key) => key.expose_secret().as_bytes().to_vec(),
            None => rand::random::<[u8; 32]>().to_vec(),
        };
        let mut digest = Sha256::new();
        digest.update(b"mask key\0");
        digest.update(&key);
        Policy {
            allow: patterns(&config.allow_tables),
            deny: patterns(&config.deny_tables),
            hidden: patterns(&config.hidden_columns),
            masked: config
                .masked_columns
                .iter()
                .map(|(text, mask)| (Pattern::new(text), *mask))
                .collect(),
            mask_key: hex(&digest.finalize()).into(),
            config,
        }
    }

    /// The limits, as configured.
    pub fn limits(&self) -> &PolicyConfig {
        &self.config
    }

    /// What goes into hashes, as hexadecimal digits.
    pub fn mask_key(&self) -> &str {
        self.mask_key.expose_secret()
    }

    /// Whether hashes are made with a key that another start of the agent will not have.
    pub fn hashes_with_passing_key(&self) -> bool {
        self.config.mask_key.is_none() && self.masked.iter().any(|(_, mask)| *mask == Mask::Hash)
    }

    /// Whether any table or column is kept back or masked.
    pub fn restricts(&self) -> bool {
        !(self.allow.is_empty() && self.deny.is_empty() && self.hidden.is_empty() && self.masked.is_empty())
    }

    /// Whether the server may know of this table, view or collection.
    pub fn allows_table(&self, schema: Option<&str>, table: &str) -> bool {
        let name = Name::new(schema, table);
        let is_denied = self.deny.iter().any(|pattern| name.may_be(pattern));
        let is_allowed = self.allow.is_empty() || self.allow.iter().any(|pattern| name.is(pattern));
        is_allowed && !is_denied
    }

    /// Whether this column does not exist for the server. A column below a hidden one (`address.street`
    /// below `address`) is hidden, too.
    pub fn hides_column(&self, schema: Option<&str>, table: &str, column: &str) -> bool {
        let name = Name::new(schema, table);
        self.hidden
            .iter()
            .any(|pattern| name.columns(column).any(|column| pattern.fits(&column)))
    }

    /// How this column is disguised, if it is: the strongest of the masks that fit.
    pub fn mask(&self, schema: Option<&str>, table: &str, column: &str) -> Option<Mask> {
        let name = Name::new(schema, table);
        self.masked
            .iter()
            .filter(|(pattern, _)| name.columns(column).any(|column| pattern.fits(&column)))
            .map(|(_, mask)| *mask)
            .max()
    }

    /// Whether any column of this table could be hidden or masked, also one that nobody has seen yet.
    pub fn restricts_columns(&self, schema: Option<&str>, table: &str) -> bool {
        self.could_restrict(&Name::new(schema, table), "")
    }

    /// Whether something below this column (`address.street` below `address`) could be hidden or masked.
    pub fn restricts_below(&self, schema: Option<&str>, table: &str, column: &str) -> bool {
        self.could_restrict(&Name::new(schema, table), &format!("{column}."))
    }

    fn could_restrict(&self, name: &Name<'_>, beginning: &str) -> bool {
        let masked = self.masked.iter().map(|(pattern, _)| pattern);
        self.hidden
            .iter()
            .chain(masked)
            .any(|pattern| name.each(beginning).any(|text| pattern.could_fit(&text)))
    }

    /// The catalog as the server may see it. Whatever is hidden is gone with all that tells of it; of masked
    /// columns no value or statistic is left.
    pub fn catalog(&self, full: &Catalog) -> Catalog {
        // Every field is named, so that a new one cannot leave unnoticed.
        let Catalog { tables } = full;
        Catalog {
            tables: tables
                .iter()
                .filter(|table| self.allows_table(table.schema.as_deref(), &table.name))
                .map(|table| self.table(table))
                .collect(),
        }
    }

    fn table(&self, full: &Table) -> Table {
        let Table {
            schema,
            name,
            kind,
            comment,
            row_estimate,
            columns,
            primary_key,
            unique,
            foreign_keys,
            indexes,
        } = full;
        let own = schema.as_deref();
        let is_hidden = |column: &String| self.hides_column(own, name, column);
        // Two rows may have the same last four letters; a hash keeps them apart.
        let tells_apart = |column: &String| {
            !is_hidden(column) && self.mask(own, name, column).is_none_or(|mask| mask == Mask::Hash)
        };
        let key = |key: &Vec<String>| key.iter().all(tells_apart);
        Table {
            schema: schema.clone(),
            name: name.clone(),
            kind: *kind,
            comment: comment.clone(),
            row_estimate: *row_estimate,
            columns: columns
                .iter()
                .filter(|column| !is_hidden(&column.name))
                .map(|column| self.column(column, self.mask(own, name, &column.name)))
                .collect(),
            primary_key: if key(primary_key) {
                primary_key.clone()
            } else {
                Vec::new()
            },
            unique: unique.iter().filter(|columns| key(columns)).cloned().collect(),
            foreign_keys: foreign_keys
                .iter()
                .filter(|foreign| self.keeps_foreign_key(full, foreign))
                .cloned()
                .collect(),
            indexes: indexes
                .iter()
                .filter(|columns| !columns.iter().any(is_hidden))
                .cloned()
                .collect(),
        }
    }

    fn column(&self, full: &Column, mask: Option<Mask>) -> Column {
        let Column {
            name,
            type_name,
            kind,
            nullable,
            comment,
            default,
            values,
            values_complete,
            distinct_estimate,
            min,
            max,
            types,
            seen,
            last_seen_day,
        } = full;
        let bare = Column {
            name: name.clone(),
            type_name: type_name.clone(),
            kind: *kind,
            nullable: *nullable,
            seen: *seen,
            last_seen_day: *last_seen_day,
            comment: comment.clone(),
            ..Column::default()
        };
        // For whoever reads the column's comment: people, and models that write queries.
        let comment = mask.map(|mask| {
            let own = comment
                .as_deref()
                .map_or(String::new(), |comment| format!("{comment} "));
            format!("{own}(masked by the agent's policy: {})", mask.name())
        });
        match mask {
            Some(Mask::Null) => Column {
                nullable: true,
                types: types.clone(),
                comment,
                ..bare
            },
            Some(Mask::Hash | Mask::LastFour) => Column {
                type_name: "text".into(),
                kind: ColumnKind::Text,
                comment,
                ..bare
            },
            None if !self.config.value_hints => Column {
                types: types.clone(),
                distinct_estimate: *distinct_estimate,
                ..bare
            },
            None => Column {
                types: types.clone(),
                default: default.clone(),
                values: values.clone(),
                values_complete: *values_complete,
                distinct_estimate: *distinct_estimate,
                min: min.clone(),
                max: max.clone(),
                ..bare
            },
        }
    }

    /// Keys join rightly only where both ends are as they are, or hashed alike.
    fn keeps_foreign_key(&self, table: &Table, foreign: &ForeignKey) -> bool {
        let from = table.schema.as_deref();
        let to = foreign.schema.as_deref();
        let joins = |(column, reference): (&String, &String)| {
            let masks = (
                self.mask(from, &table.name, column),
                self.mask(to, &foreign.table, reference),
            );
            !self.hides_column(from, &table.name, column)
                && !self.hides_column(to, &foreign.table, reference)
                && matches!(masks, (None, None) | (Some(Mask::Hash), Some(Mask::Hash)))
        };
        self.allows_table(to, &foreign.table) && foreign.columns.iter().zip(&foreign.references).all(joins)
    }

    /// Rules that fit nothing in the catalog, each as it is configured: most likely a slip that leaves open
    /// what was meant to be closed.
    pub fn idle_rules(&self, full: &Catalog) -> Vec<String> {
        let tables = || {
            full.tables
                .iter()
                .map(|table| (Name::new(table.schema.as_deref(), &table.name), table))
        };
        let fits_table = |pattern: &Pattern| tables().any(|(name, _)| name.may_be(pattern));
        let fits_column = |pattern: &Pattern| {
            tables().any(|(name, table)| {
                let mut columns = table.columns.iter();
                columns.any(|column| name.columns(&column.name).any(|column| pattern.fits(&column)))
            })
        };
        let idle = |key: &str, pattern: &Pattern, is_used: bool| {
            (!is_used).then(|| format!("{key}: {}", pattern.text))
        };
        let allow = self
            .allow
            .iter()
            .filter_map(|p| idle("allow_tables", p, fits_table(p)));
        let deny = self
            .deny
            .iter()
            .filter_map(|p| idle("deny_tables", p, fits_table(p)));
        let hidden = self
            .hidden
            .iter()
            .filter_map(|p| idle("hidden_columns", p, fits_column(p)));
        let masked = self
            .masked
            .iter()
            .filter_map(|(p, _)| idle("masked_columns", p, fits_column(p)));
        allow.chain(deny).chain(hidden).chain(masked).collect()
    }

    /// What may be told of the policy itself.
    pub fn summary(&self) -> PolicySummary {
        PolicySummary {
            max_rows: self.config.max_rows,
            max_bytes: self.config.max_bytes,
            max_time_ms: u64::try_from(self.config.max_time.as_millis()).unwrap_or(u64::MAX),
            value_hints: self.config.value_hints,
            allowed_tables: self.allow.len(),
            denied_tables: self.deny.len(),
            hidden_columns: self.hidden.len(),
            masked_columns: self.masked.len(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A table's name, bare and with its schema.
struct Name<'n> {
    schema: Option<&'n str>,
    table: &'n str,
}

impl<'n> Name<'n> {
    fn new(schema: Option<&'n str>, table: &'n str) -> Name<'n> {
        Name { schema, table }
    }

    /// For what opens: a pattern with a dot means schema and table, where there are schemas.
    fn is(&self, pattern: &Pattern) -> bool {
        match self.schema {
            Some(schema) if pattern.text.contains('.') => pattern.fits(&format!("{schema}.{}", self.table)),
            _ => pattern.fits(self.table),
        }
    }

    /// For what closes: either reading will do.
    fn may_be(&self, pattern: &Pattern) -> bool {
        pattern.fits(self.table)
            || self
                .schema
                .is_some_and(|schema| pattern.fits(&format!("{schema}.{}", self.table)))
    }

    /// `table.` and `schema.table.` before `rest`.
    fn each<'r>(&self, rest: &'r str) -> impl Iterator<Item = String> + use<'r, 'n> {
        let bare = format!("{}.{rest}", self.table);
        let full = self
            .schema
            .map(|schema| format!("{schema}.{}.{rest}", self.table));
        std::iter::once(bare).chain(full)
    }

    /// The column and every column above it, in each reading.
    fn columns(&self, column: &str) -> impl Iterator<Item = String> {
        let ends = column
            .match_indices('.')
            .map(|(at, _)| at)
            .chain(std::iter::once(column.len()));
        let names: Vec<String> = ends.flat_map(|end| self.each(&column[..end])).collect();
        names.into_iter()
    }
}

/// A name with `*` for anything.
#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    letters: Vec<char>,
}

impl Pattern {
    fn new(text: &str) -> Pattern {
        Pattern {
            text: text.to_owned(),
            letters: text.to_lowercase().chars().collect(),
        }
    }

    /// Whether the pattern is this name.
    fn fits(&self, name: &str) -> bool {
        self.reached(name)[self.letters.len()]
    }

    /// Whether the pattern is some name that begins so.
    fn could_fit(&self, beginning: &str) -> bool {
        self.reached(beginning).contains(&true)
    }

    /// Which parts of the pattern, by length, can stand for the whole of `text`.
    fn reached(&self, text: &str) -> Vec<bool> {
        let mut reached = vec![false; self.letters.len() + 1];
        reached[0] = true;
        self.skip_stars(&mut reached);
        for letter in text.to_lowercase().chars() {
            let mut next = vec![false; reached.len()];
            for (at, expected) in self.letters.iter().enumerate() {
                if reached[at] && *expected == '*' {
                    next[at] = true;
                } else if reached[at] && *expected == letter {
                    next[at + 1] = true;
                }
            }
            self.skip_stars(&mut next);
            reached = next;
        }
        reached
    }

    /// A star may also stand for nothing.
    fn skip_stars(&self, reached: &mut [bool]) {
        for (at, expected) in self.letters.iter().enumerate() {
            if reached[at] && *expected == '*' {
                reached[at + 1] = true;
            }
        }
    }
}

impl Default for Policy {
    /// Everything is open, within the default limits.
    fn default() -> Policy {
        Policy::new(PolicyConfig::default())
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
