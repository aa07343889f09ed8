//! The catalog as the translator sees it: names cut into words, what identifies a row to people and to the
//! database, and which tables join on what.

use std::collections::HashMap;

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
    /// Columns and tables by one stem of their name.
    pub columns_by_stem: HashMap<String, Vec<Col>>,
    pub tables_by_stem: HashMap<String, Vec<usize>>,
}

impl<'a> Schema<'a> {
    pub fn new(catalog: &'a Catalog) -> Schema<'a> {
        let stems = Stems::new();
        let table_words: Vec<Vec<String>> = catalog
            .tables
            .iter()
            .map(|table| stems.name_words(&table.name))
            .collect();
        let column_words: Vec<Vec<Vec<String>>> = catalog
            .tables
            .iter()
            .map(|table| {
                table
                    .columns
                    .iter()
                    .map(|column| {
                        let mut words = stems.name_words(&column.name);
                        // `is_active` and `has_garden` are asked for as "active" and "garden".
                        if words.len() > 1 && matches!(words[0].as_str(), "is" | "has") {
                            words.remove(0);
                        }
                        words
                    })
                    .collect()
            })
            .collect();
        let mut columns_by_stem: HashMap<String, Vec<Col>> = HashMap::new();
        let mut tables_by_stem: HashMap<String, Vec<usize>> = HashMap::new();
        for (t, words) in table_words.iter().enumerate() {
            for word in words {
                let list = tables_by_stem.entry(word.clone()).or_default();
                if list.last() != Some(&t) {
                    list.push(t);
                }
            }
            for (c, words) in column_words[t].iter().enumerate() {
                let col = Col { table: t, column: c };
                for word in words {
                    let list = columns_by_stem.entry(word.clone()).or_default();
                    if list.last() != Some(&col) {
                        list.push(col);
                    }
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
            columns_by_stem,
            tables_by_stem,
        };
        schema.find_values();
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

    fn find_values(&mut self) {
        for (t, table) in self.catalog.tables.iter().enumerate() {
            for (c, column) in table.columns.iter().enumerate() {
                if !matches!(column.kind, ColumnKind::Text | ColumnKind::Other) {
                    continue;
                }
                for value in &column.values {
                    if value.len() > 80 {
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

    /// Whether no two rows share this column's value, by keys or, failing that, by statistics.
    pub fn is_unique(&self, col: Col) -> bool {
        let table = self.table(col.table);
        let column = self.column(col);
        if table.is_unique(&[&column.name]) {
            return true;
        }
        // Tables without any declared key (views, careless schemas): statistics that count as many values
        // as rows, on a column that is named and typed like a key.
        table.primary_key.is_empty()
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
        if !primary.is_empty() {
            return primary.iter().map(find).collect();
        }
        if let Some(col) = self
            .columns(table)
            .find(|col| self.is_id(*col) && self.is_unique(*col))
        {
            return Some(vec![col]);
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

    fn find_joins(&mut self) {
        let tables = &self.catalog.tables;
        let mut found: Vec<Join> = Vec::new();
        for (from, table) in tables.iter().enumerate() {
            for key in &table.foreign_keys {
                let Some(to) = tables.iter().position(|other| {
                    other.name == key.table
                        && (key.schema.is_none() || other.schema.is_none() || key.schema == other.schema)
                }) else {
                    continue;
                };
                let place = |t: usize, name: &String| tables[t].columns.iter().position(|c| c.name == *name);
                let on: Option<Vec<(usize, usize)>> = key
                    .columns
                    .iter()
                    .zip(&key.references)
                    .map(|(a, b)| Some((place(from, a)?, place(to, b)?)))
                    .collect();
                if let Some(on) = on
                    && !on.is_empty()
                {
                    found.push(Join {
                        from,
                        to,
                        on,
                        single: true,
                    });
                }
            }
        }
        for from in 0..tables.len() {
            for to in 0..tables.len() {
                if from != to
                    && !found
                        .iter()
                        .any(|j| (j.from, j.to) == (from, to) || (j.from, j.to) == (to, from))
                {
                    found.extend(self.guessed_joins(from, to));
                }
            }
        }
        for join in found {
            let back = Join {
                from: join.to,
                to: join.from,
                on: join.on.iter().map(|(a, b)| (*b, *a)).collect(),
                single: match join.on.as_slice() {
                    [(a, _)] => self.is_unique(Col {
                        table: join.from,
                        column: *a,
                    }),
                    several => tables[join.from].is_unique(
                        &several
                            .iter()
                            .map(|(a, _)| tables[join.from].columns[*a].name.as_str())
                            .collect::<Vec<_>>(),
                    ),
                },
            };
            if !self.joins[back.from].contains(&back) {
                self.joins[back.from].push(back);
            }
            if !self.joins[join.from].contains(&join) {
                self.joins[join.from].push(join);
            }
        }
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

    /// Joins by name, where no foreign key is declared: `orders.store_id` with `stores.store_id` or
    /// `stores.id`, when the latter is unique.
    fn guessed_joins(&self, from: usize, to: usize) -> Vec<Join> {
        let mut found = Vec::new();
        for there in self.columns(to).filter(|col| self.is_unique(*col)) {
            let there_words = self.words(there);
            let generic = there_words.len() == 1
                && matches!(
                    there_words[0].as_str(),
                    "id" | "key" | "name" | "number" | "code" | "titl"
                );
            let key_like = self.is_id(there)
                || matches!(
                    there_words.last().map(String::as_str),
                    Some("code" | "number" | "sku" | "isbn")
                );
            for here in self.columns(from) {
                if !joinable(self.column(here).kind, self.column(there).kind) {
                    continue;
                }
                let here_words = self.words(here);
                // `city.state_name` to `state.state_name`: the name of a thing in its own table.
                let named_after = there_words.len() > self.table_words[to].len()
                    && there_words.starts_with(&self.table_words[to])
                    && self.column(here).kind.is_text();
                let same = !generic && here_words == there_words && (key_like || named_after);
                // The other table's name before its key: `store_id` to `stores.id`.
                let qualified = generic
                    && here_words.len() == self.table_words[to].len() + 1
                    && here_words.ends_with(there_words)
                    && here_words.starts_with(&self.table_words[to]);
                if same || qualified {
                    found.push(Join {
                        from,
                        to,
                        on: vec![(here.column, there.column)],
                        single: true,
                    });
                }
            }
        }
        // Tables of the same key are one thing in two tables; both directions would be the same join.
        found
    }

    /// The shortest way from one table to each other; `None` where there is no way, or several.
    pub fn paths(&self, from: usize) -> Vec<Way> {
        let count = self.catalog.tables.len();
        let mut ways: Vec<Way> = vec![Way::None; count];
        ways[from] = Way::Path(Vec::new());
        let mut edge = vec![from];
        let mut depth = 0;
        while !edge.is_empty() && depth < 6 {
            let mut next: Vec<usize> = Vec::new();
            let mut reached: HashMap<usize, Way> = HashMap::new();
            for &table in &edge {
                for join in &self.joins[table] {
                    if !matches!(ways[join.to], Way::None) {
                        continue;
                    }
                    let way = match &ways[table] {
                        Way::Path(path) => {
                            let mut path = path.clone();
                            path.push(join.clone());
                            Way::Path(path)
                        }
                        other => other.clone(),
                    };
                    reached
                        .entry(join.to)
                        .and_modify(|seen| *seen = Way::Several)
                        .or_insert(way);
                    if !next.contains(&join.to) {
                        next.push(join.to);
                    }
                }
            }
            for (table, way) in reached {
                ways[table] = way;
            }
            edge = next;
            depth += 1;
        }
        ways
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

/// How one table reaches another.
#[derive(Debug, Clone)]
pub enum Way {
    None,
    Several,
    Path(Vec<Join>),
}

fn joinable(a: ColumnKind, b: ColumnKind) -> bool {
    a == b || (a.is_number() && b.is_number() && a != ColumnKind::Float && b != ColumnKind::Float)
}

fn value_key(tokens: &[Token]) -> String {
    let parts: Vec<&str> = tokens
        .iter()
        .filter(|t| !matches!(t.kind, TokenKind::Mark(_)))
        .map(|t| t.stem.as_str())
        .collect();
    parts.join(" ")
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
