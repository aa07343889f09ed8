//! The catalog as the translator sees it: names cut into words, what identifies a row to people and to the
//! database, and which tables join on what.

mod joins;

use std::collections::{HashMap, HashSet};

pub use joins::Way;

use super::lexicon::Grain;
use super::words::{Stems, Token, TokenKind, tokens};
use crate::catalog::{Catalog, Column, ColumnKind, Table};

/// A column's place: index of its table, index within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Col {
    pub table: usize,
    pub column: usize,
}

/// How two tables join: equal values in these columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    pub from: usize,
    pub to: usize,
    pub on: Vec<(usize, usize)>,
    /// Each row of `from` meets at most one row of `to`.
    pub single: bool,
}

/// The catalog with all that linking and planning look up.
pub struct Schema<'a> {
    pub catalog: &'a Catalog,
    pub stems: Stems,
    /// Per table: the stems of its name.
    pub table_words: Vec<Vec<String>>,
    /// Per table and column: the stems of its name.
    pub column_words: Vec<Vec<Vec<String>>>,
    /// Per table: its joins.
    joins: Vec<Vec<Join>>,
    /// Known values by their stems, joined by spaces.
    values: HashMap<String, Vec<(Col, String)>>,
    /// Known values by the stems of one of their parts, of columns all of whose values are known: "Oslo" of "Oslo,
    /// Bergen", "Norway" of "Norway (NOR)".
    parts: HashMap<String, Vec<(Col, String)>>,
    /// Columns and tables by one stem of their name.
    pub columns_by_stem: HashMap<String, Vec<Col>>,
    pub tables_by_stem: HashMap<String, Vec<usize>>,
    /// Whether any column lies on the calendar.
    pub has_dates: bool,
    /// Whether the tables are files, which people made for people.
    pub of_files: bool,
}

impl<'a> Schema<'a> {
    /// The schema for reading `texts`: of the known values only those are looked at that begin like a word there.
    pub fn new(catalog: &'a Catalog, texts: &[&str]) -> Schema<'a> {
        let stems = Stems::new();
        let names: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
        let led = match common_prefix(&names) {
            0 => families(catalog),
            shared => vec![shared; names.len()],
        };
        let table_words: Vec<Vec<String>> = catalog
            .tables
            .iter()
            .zip(&led)
            .map(|(table, led)| stems.name_words(&table.name[*led..]))
            .collect();
        let column_words: Vec<Vec<Vec<String>>> = catalog
            .tables
            .iter()
            .zip(&led)
            .map(|(table, led)| column_words(table, *led, &stems))
            .collect();
        let mut columns_by_stem: HashMap<String, Vec<Col>> = HashMap::new();
        let mut tables_by_stem: HashMap<String, Vec<usize>> = HashMap::new();
        for (t, words) in table_words.iter().enumerate() {
            for word in words {
                listed(&mut tables_by_stem, word, t);
            }
            for (c, words) in column_words[t].iter().enumerate() {
                let col = Col { table: t, column: c };
                for word in words {
                    listed(&mut columns_by_stem, word, col);
                }
            }
        }
        let mut schema = Schema {
            catalog,
            stems,
            table_words,
            column_words,
            joins: vec![Vec::new(); catalog.tables.len()],
            values: HashMap::new(),
            parts: HashMap::new(),
            columns_by_stem,
            tables_by_stem,
            of_files: false,
            has_dates: catalog
                .tables
                .iter()
                .any(|table| table.columns.iter().any(|column| column.kind.is_date())),
        };
        schema.find_values(&beginnings(texts));
        schema.find_joins();
        schema
    }

    pub fn table(&self, table: usize) -> &'a Table {
        &self.catalog.tables[table]
    }

    pub fn column(&self, col: Col) -> &'a Column {
        &self.catalog.tables[col.table].columns[col.column]
    }

    pub fn words(&self, col: Col) -> &[String] {
        &self.column_words[col.table][col.column]
    }

    /// All columns of a table.
    pub fn columns(&self, table: usize) -> impl Iterator<Item = Col> + use<'a> {
        (0..self.catalog.tables[table].columns.len()).map(move |column| Col { table, column })
    }

    fn find_values(&mut self, wanted: &HashSet<u32>) {
        for (t, table) in self.catalog.tables.iter().enumerate() {
            for (c, column) in table.columns.iter().enumerate() {
                if !matches!(column.kind, ColumnKind::Text | ColumnKind::Other) {
                    continue;
                }
                for value in &column.values {
                    if value.len() > 80 {
                        continue;
                    }
                    if column.values_complete {
                        for part in parts(value).into_iter().flatten() {
                            if wanted.contains(&beginning(part)) {
                                let key = value_key(&tokens(part, &self.stems));
                                self.parts
                                    .entry(key)
                                    .or_default()
                                    .push((Col { table: t, column: c }, value.clone()));
                            }
                        }
                    }
                    if !wanted.contains(&beginning(value)) {
                        continue;
                    }
                    let key = value_key(&tokens(value, &self.stems));
                    if !key.is_empty() {
                        self.values
                            .entry(key)
                            .or_default()
                            .push((Col { table: t, column: c }, value.clone()));
                    }
                }
            }
        }
    }

    /// The known values that read like these tokens.
    pub fn values(&self, tokens: &[Token]) -> &[(Col, String)] {
        self.values.get(&value_key(tokens)).map_or(&[], Vec::as_slice)
    }

    /// The known values of which these tokens are a part, as it is written there.
    pub fn values_with_part(&self, tokens: &[Token]) -> impl Iterator<Item = &(Col, String)> {
        let said: Vec<String> = tokens.iter().map(|token| token.lower.clone()).collect();
        self.parts
            .get(&value_key(tokens))
            .into_iter()
            .flatten()
            .filter(move |(_, value)| {
                parts(value).into_iter().flatten().any(|part| {
                    super::words::split_name(&part.to_lowercase())
                        == super::words::split_name(&said.join(" "))
                })
            })
    }

    /// The known values of one word, in lower case.
    pub fn values_of(&self, lower: &str) -> &[(Col, String)] {
        self.values
            .get(&self.stems.stem(lower))
            .map_or(&[], Vec::as_slice)
    }

    /// The one column of a table whose values name what a part of a date is counted by: weekdays or months by
    /// name, years as numbers.
    pub fn calendar(&self, table: usize, grain: Grain) -> Option<Col> {
        let named = |col: &Col| {
            let known = |word: &str| {
                self.values_of(word)
                    .iter()
                    .any(|(other, value)| other == col && value.eq_ignore_ascii_case(word))
            };
            match grain {
                Grain::Weekday => known("monday") || known("saturday"),
                Grain::MonthOfYear | Grain::Month => known("january") || known("july") || known("december"),
                // The row's own year, not that of a birth.
                Grain::Year => {
                    self.column(*col).kind == ColumnKind::Integer
                        && self.words(*col).last().is_some_and(|word| word == "year")
                        && self
                            .words(*col)
                            .iter()
                            .all(|word| word == "year" || self.table_words[table].contains(word))
                }
                _ => false,
            }
        };
        let mut found = self.columns(table).filter(named);
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// Whether a column of whole numbers can only hold years: named so, or all of them look like it.
    pub fn holds_years(&self, col: Col) -> bool {
        let column = self.column(col);
        let year = |text: &Option<String>| {
            text.as_ref()
                .and_then(|text| text.parse::<i64>().ok())
                .is_some_and(|year| (1000..=2100).contains(&year))
        };
        column.kind == ColumnKind::Integer
            && !self.is_id(col)
            && (self.words(col).iter().any(|word| word == "year") || (year(&column.min) && year(&column.max)))
    }

    /// Whether no two rows share this column's value, by keys or, failing that, by statistics.
    pub fn is_unique(&self, col: Col) -> bool {
        let table = self.table(col.table);
        let column = self.column(col);
        if table.is_unique(&[&column.name]) {
            return true;
        }
        // Tables without any declared key (views, careless schemas): statistics that count as many values
        // as rows, on a column that is named and typed like a key.
        (table.primary_key.is_empty() || table.primary_key == [MADE_KEY])
            && column.name != MADE_KEY
            && column.kind != ColumnKind::Float
            && column
                .distinct_estimate
                .is_some_and(|distinct| distinct > 1 && table.row_estimate == Some(distinct))
    }

    /// The columns by which rows of a table are told apart, if there are such.
    pub fn key(&self, table: usize) -> Option<Vec<Col>> {
        let find = |name: &String| {
            let column = self.table(table).columns.iter().position(|c| c.name == *name)?;
            Some(Col { table, column })
        };
        let primary = &self.table(table).primary_key;
        let made = *primary == [MADE_KEY];
        if !primary.is_empty() && !made {
            return primary.iter().map(find).collect();
        }
        let own = |col: &Col| self.column(*col).name != MADE_KEY && self.is_id(*col) && self.is_unique(*col);
        if let Some(col) = self.columns(table).find(own) {
            return Some(vec![col]);
        }
        if made {
            return primary.iter().map(find).collect();
        }
        self.columns(table)
            .find(|col| self.is_unique(*col) && self.column(*col).kind != ColumnKind::Json)
            .map(|col| vec![col])
    }

    /// Whether the column's name says that it identifies something.
    pub fn is_id(&self, col: Col) -> bool {
        let column = self.column(col);
        if column.kind == ColumnKind::Uuid {
            return true;
        }
        let last = self.words(col).last().map_or("", String::as_str);
        if matches!(last, "id" | "uuid" | "guid" | "key" | "pk") {
            return true;
        }
        // `aid`, `pid`: unseparated, whole numbers.
        let name = column.name.to_lowercase();
        column.kind == ColumnKind::Integer && name.len() <= 4 && name.ends_with("id")
    }

    /// The columns that name a row to people: `name`, `title`, `store_name`, or first and last name.
    pub fn label(&self, table: usize) -> Vec<Col> {
        let words = &self.table_words[table];
        let text = |col: &Col| self.column(*col).kind.is_text();
        let own = |col: Col| -> Vec<&str> {
            self.words(col)
                .iter()
                .filter(|w| !words.contains(w))
                .map(String::as_str)
                .collect()
        };
        for wanted in [
            &["name"][..],
            &["full", "name"],
            &["titl"],
            &["label"],
            &["usernam"],
            &["display", "name"],
        ] {
            if let Some(col) = self.columns(table).filter(text).find(|col| own(*col) == wanted) {
                return vec![col];
            }
        }
        let first = self.columns(table).filter(text).find(|col| {
            matches!(
                own(*col).as_slice(),
                ["first", "name"] | ["firstnam"] | ["given", "name"] | ["forenam"]
            )
        });
        let last = self.columns(table).filter(text).find(|col| {
            matches!(
                own(*col).as_slice(),
                ["last", "name"] | ["lastnam"] | ["famili", "name"] | ["surnam"]
            )
        });
        if let (Some(first), Some(last)) = (first, last) {
            return vec![first, last];
        }
        // `keyword.keyword`, or a column named after the table.
        if let Some(col) = self
            .columns(table)
            .filter(text)
            .find(|col| self.words(*col) == words.as_slice())
        {
            return vec![col];
        }
        // Exactly one column that ends in "name" or "title".
        let mut named = self
            .columns(table)
            .filter(text)
            .filter(|col| matches!(self.words(*col).last().map(String::as_str), Some("name" | "titl")));
        match (named.next(), named.next()) {
            (Some(col), None) => vec![col],
            _ => Vec::new(),
        }
    }

    /// What a thing is shown by: its label where that tells rows apart, else the key beside it.
    pub fn shown(&self, key: &[Col], label: &[Col]) -> Vec<Col> {
        if label.iter().any(|col| self.is_unique(*col)) {
            return label.to_vec();
        }
        let mut shown: Vec<Col> = Vec::new();
        for col in key.iter().chain(label) {
            if !shown.contains(col) {
                shown.push(*col);
            }
        }
        shown
    }

    /// Whether a join is to the primary key, which is never empty.
    pub fn is_key(&self, join: &Join) -> bool {
        let table = self.table(join.to);
        join.on
            .iter()
            .all(|(_, there)| table.primary_key.contains(&table.columns[*there].name))
    }

    /// Whether the column points at a row of another table, and is not that table's twin.
    pub fn refers_elsewhere(&self, col: Col) -> bool {
        let own = self
            .words(col)
            .iter()
            .any(|word| self.table_words[col.table].contains(word));
        !own && self.joins[col.table]
            .iter()
            .any(|join| join.single && matches!(join.on.as_slice(), [(here, _)] if *here == col.column))
    }

    /// `orders.total`, or `total` alone where that is clear.
    pub fn name(&self, col: Col) -> String {
        format!("{}.{}", self.table(col.table).name, self.column(col).name)
    }

    /// A column in plain words, with its table: "store city".
    pub fn spoken(&self, col: Col) -> String {
        let table = singular(&spaced(&self.table(col.table).name));
        let column = spaced(&self.column(col).name);
        if column
            .split(' ')
            .any(|word| word == table || singular(word) == table)
        {
            column
        } else {
            format!("{table} {column}")
        }
    }
}

/// The first letters of a text's first word as one number. Words that begin differently may have the same: it
/// only tells what need not be looked at.
fn beginning(text: &str) -> u32 {
    text.chars()
        .skip_while(|c| !c.is_alphanumeric())
        .take_while(|c| c.is_alphanumeric())
        .take(4)
        .flat_map(char::to_lowercase)
        .fold(0, |all, c| (all << 8) ^ u32::from(c))
}

/// How the words of some texts begin, and the names of days and months, which are looked for in any case.
fn beginnings(texts: &[&str]) -> HashSet<u32> {
    let words = texts
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    let mut found: HashSet<u32> = words
        .filter(|word| !word.is_empty())
        .flat_map(|word| [beginning(word), beginning(&singular(&word.to_lowercase()))])
        .collect();
    found.extend((0..7).map(|day| beginning(super::dates::weekday_name(day))));
    found.extend((1..=12).map(|month| beginning(super::dates::month_name(month))));
    for text in texts {
        let lower: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let pairs = lower.windows(2).map(|pair| pair.join(" "));
        for name in lower.iter().cloned().chain(pairs) {
            found.extend(super::lexicon::state_code(&name).map(beginning));
            found.extend(super::lexicon::nations(&name).map(|nation| beginning(&nation)));
        }
    }
    found
}

/// The key that MongoDB gives every document of its own; documents that came from elsewhere have another.
const MADE_KEY: &str = "_id";

/// The words of a table's column names.
/// Puts a place under a word, once. A word is copied only when it is new: there are few of them, and many places.
fn listed<P: PartialEq>(places: &mut HashMap<String, Vec<P>>, word: &str, place: P) {
    match places.get_mut(word) {
        Some(list) if list.last() == Some(&place) => {}
        Some(list) => list.push(place),
        None => {
            places.insert(word.to_owned(), vec![place]);
        }
    }
}

fn column_words(table: &Table, table_led: usize, stems: &Stems) -> Vec<Vec<String>> {
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| *name != MADE_KEY)
        .collect();
    let led = match common_prefix(&names) {
        // A family's prefix stands before columns as well, however few there are.
        0 if names
            .iter()
            .all(|name| name.starts_with(&table.name[..table_led])) =>
        {
            table_led
        }
        shared => shared,
    };
    let mut all: Vec<Vec<String>> = table
        .columns
        .iter()
        .map(|column| {
            if column.name == MADE_KEY {
                return stems.name_words(MADE_KEY);
            }
            let mut words = stems.name_words(&column.name[led..]);
            // `is_active` and `has_garden` are asked for as "active" and "garden".
            if words.len() > 1 && matches!(words[0].as_str(), "is" | "has") {
                words.remove(0);
            }
            words
        })
        .collect();
    // Where people gave a key of their own, that is the one they mean.
    if let Some(made) = table.columns.iter().position(|column| column.name == MADE_KEY) {
        let own = all.iter().enumerate().any(|(at, words)| {
            at != made && words.last().is_some_and(|word| word == "id") && words.len() == 1
        });
        if own {
            all[made] = vec![MADE_KEY.to_owned()];
        }
    }
    all
}

/// The same for each table of a catalog in which only some belong together: of tables whose columns begin as they do
/// themselves, the beginning that most of them share.
fn families(catalog: &Catalog) -> Vec<usize> {
    const LEAST: usize = 3;
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let mut members: HashMap<&str, usize> = HashMap::new();
    let beginnings: Vec<Vec<&str>> = catalog
        .tables
        .iter()
        .map(|table| {
            if !plain(&table.name) || table.columns.is_empty() {
                return Vec::new();
            }
            (2..=5)
                .filter_map(|length| table.name.get(..length))
                .filter(|start| start.len() + 2 <= table.name.len())
                .filter(|start| {
                    let mut columns = table.columns.iter().filter(|column| column.name != MADE_KEY);
                    columns.all(|column| column.name.starts_with(start) && column.name.len() > start.len())
                })
                .collect()
        })
        .collect();
    for start in beginnings.iter().flatten() {
        *members.entry(start).or_default() += 1;
    }
    let shared = |starts: &Vec<&str>| {
        let fitting = starts.iter().filter(|start| members[*start] >= LEAST);
        fitting
            .max_by_key(|start| (members[*start], start.len()))
            .map_or(0, |start| start.len())
    };
    beginnings.iter().map(shared).collect()
}

/// How many bytes all names begin with that say nothing: `sb` of `sbcustomer` and `sbticker`. Names that are cut
/// by marks or humps say where their words end, so nothing is taken from those.
fn common_prefix(names: &[&str]) -> usize {
    let plain = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if names.len() < 3 || !names.iter().all(plain) {
        return 0;
    }
    let first = names[0].as_bytes();
    let shared = names[1..].iter().fold(first.len(), |shared, name| {
        first[..shared]
            .iter()
            .zip(name.bytes())
            .take_while(|(a, b)| **a == *b)
            .count()
    });
    let rest = names
        .iter()
        .map(|name| name.len())
        .min()
        .unwrap_or(0)
        .saturating_sub(shared);
    if (2..=12).contains(&shared) && rest >= 2 {
        shared
    } else {
        0
    }
}

fn value_key(tokens: &[Token]) -> String {
    let parts: Vec<&str> = tokens
        .iter()
        .filter(|t| !matches!(t.kind, TokenKind::Mark(_)))
        .map(|t| t.stem.as_str())
        .collect();
    parts.join(" ")
}

/// The things that a value lists, or what it says within brackets and without; None for a value that is one.
fn parts(value: &str) -> Option<Vec<&str>> {
    const MOST: usize = 8;
    let found: Vec<&str> = value
        .split([',', ';', '/', '\n', '|', '•', '(', ')', '[', ']'])
        .map(str::trim)
        .filter(|part| part.chars().any(char::is_alphabetic))
        .collect();
    let whole = found.len() == 1 && found[0].len() == value.trim().len();
    (!whole && (1..=MOST).contains(&found.len()) && found.iter().all(|part| part.len() <= 40))
        .then_some(found)
}

/// `order_items` and `orderItems` as "order items".
pub fn spaced(name: &str) -> String {
    super::words::split_name(name)
        .iter()
        .map(|part| part.to_lowercase())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The singular of a plural noun, by spelling.
pub fn singular(noun: &str) -> String {
    if let Some(head) = noun.strip_suffix("ies")
        && head.len() > 1
    {
        return format!("{head}y");
    }
    for ending in ["sses", "shes", "ches", "xes"] {
        if noun.ends_with(ending) {
            return noun[..noun.len() - 2].to_owned();
        }
    }
    if noun.ends_with('s')
        && !noun.ends_with("ss")
        && !noun.ends_with("us")
        && !noun.ends_with("is")
        && noun.len() > 2
    {
        return noun[..noun.len() - 1].to_owned();
    }
    noun.to_owned()
}
