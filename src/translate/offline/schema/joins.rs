//! Which tables join on what: declared keys, keys told by names and values, and the ways between tables.

use std::collections::{HashMap, HashSet};

use super::{Col, Join, MADE_KEY, Schema};
use crate::catalog::ColumnKind;

impl Schema<'_> {
    pub(super) fn find_joins(&mut self) {
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
        let declared: HashSet<(usize, usize)> = found.iter().map(|join| (join.from, join.to)).collect();
        let mut guessed = self.guessed_joins();
        guessed.retain(|join| {
            !declared.contains(&(join.from, join.to)) && !declared.contains(&(join.to, join.from))
        });
        found.extend(guessed);
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

    /// Joins by name, where no foreign key is declared: `orders.store_id` with `stores.store_id` or
    /// `stores.id`, when the latter is unique.
    fn guessed_joins(&self) -> Vec<Join> {
        let mut by_words: HashMap<&[String], Vec<Col>> = HashMap::new();
        for table in 0..self.catalog.tables.len() {
            for col in self.columns(table) {
                by_words.entry(self.words(col)).or_default().push(col);
            }
        }
        let mut found = Vec::new();
        for to in 0..self.catalog.tables.len() {
            for there in self.columns(to).filter(|col| self.is_unique(*col)) {
                let words = self.words(there);
                // The other table's name before its key: `store_id` to `stores.id`.
                let qualified: Vec<String> = self.table_words[to].iter().chain(words).cloned().collect();
                let same = by_words.get(words).into_iter().flatten();
                let named = by_words.get(qualified.as_slice()).into_iter().flatten();
                for here in same.chain(named) {
                    if here.table != to && self.refers(*here, there) {
                        found.push(Join {
                            from: here.table,
                            to,
                            on: vec![(here.column, there.column)],
                            single: true,
                        });
                    }
                }
            }
        }
        found.sort_by_key(|join| (join.from, join.to, join.on.clone()));
        found.dedup();
        found
    }

    /// Two tables that only hold the same word, such as a city, belong together no more than any two things in
    /// one place: there is no way from one to the other through the table of cities.
    fn only_shares(&self, up: &Join, down: &Join) -> bool {
        let ([(_, up_to)], [(down_from, _)]) = (up.on.as_slice(), down.on.as_slice()) else {
            return false;
        };
        let shared = Col {
            table: up.to,
            column: *up_to,
        };
        up.single
            && !down.single
            && up_to == down_from
            && self.column(shared).kind.is_text()
            && !self.is_id(shared)
    }

    /// Whether a column of one table names rows of another by its unique column `there`, as far as names and
    /// known values tell.
    fn refers(&self, here: Col, there: Col) -> bool {
        let (held, known) = (self.column(here), self.column(there));
        if !joinable(held.kind, known.kind) {
            return false;
        }
        // Every document has an `_id`: that two collections have one connects nothing.
        if held.name == MADE_KEY && known.name == MADE_KEY {
            return false;
        }
        let (here_words, there_words) = (self.words(here), self.words(there));
        let to = &self.table_words[there.table];
        let generic = there_words.len() == 1
            && matches!(
                there_words[0].as_str(),
                "id" | "key" | "name" | "number" | "code" | "titl"
            );
        if generic {
            return here_words.len() == to.len() + 1
                && here_words.ends_with(there_words)
                && here_words.starts_with(to);
        }
        let key_like = self.is_id(there)
            || matches!(
                there_words.last().map(String::as_str),
                Some("code" | "number" | "sku" | "isbn")
            );
        // `city.state_name` to `state.state_name`: the name of a thing in its own table.
        let named_after = there_words.len() > to.len() && there_words.starts_with(to) && held.kind.is_text();
        // A declared key of words, such as `city_name`, that another table holds under the same name; or one
        // whose values are all known, and that holds all of the other's.
        let natural = held.kind.is_text()
            && (self.table(there.table).primary_key == [known.name.clone()]
                || (known.values_complete
                    && held.values_complete
                    && held.values.iter().all(|value| known.values.contains(value))));
        here_words == there_words && (key_like || named_after || natural)
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
                        Way::Path(path) if path.last().is_some_and(|last| self.only_shares(last, join)) => {
                            continue;
                        }
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
