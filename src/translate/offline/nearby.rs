//! A catalog of many tables, cut down to those that can have to do with the question: the ones it names, and whatever
//! they can be joined with. Else every "city" and "status" of the others would make it unclear which one is meant, and
//! a language model would be shown the wrong ones.

use chrono::NaiveDate;

use super::link::{self, Fit, Kind};
use super::schema::{Schema, Way};
use super::words;
use crate::catalog::Catalog;

/// Tables up to which all are looked at.
const FEW: usize = 50;

/// The tables around those that the texts name; None where none is named, or nothing can be left out.
pub fn around(texts: &[&str], schema: &Schema<'_>, today: NaiveDate) -> Option<Catalog> {
    let all = &schema.catalog.tables;
    if all.len() <= FEW {
        return None;
    }
    let mut near = vec![false; all.len()];
    for text in texts {
        let tokens = words::tokens(text, &schema.stems);
        for item in link::link(text, &tokens, schema, today) {
            let Kind::Mention(mention) = item.kind else {
                continue;
            };
            for table in mention.exact_tables() {
                if near[table] {
                    continue;
                }
                for (other, way) in schema.paths(table).iter().enumerate() {
                    near[other] |= !matches!(way, Way::None);
                }
            }
        }
    }
    let count = near.iter().filter(|near| **near).count();
    (count > 0 && count < all.len()).then(|| Catalog {
        tables: all
            .iter()
            .zip(near)
            .filter(|(_, near)| *near)
            .map(|(table, _)| table.clone())
            .collect(),
    })
}

/// How much each table has to do with the texts, by what their words link to and what that can be joined with.
pub fn relevance(catalog: &Catalog, texts: &[&str], today: NaiveDate) -> Vec<u64> {
    /// For a table that is named, a part of its name, a column, a value; and for a table that can be joined with one
    /// that is named.
    const NAMED: u64 = 60;
    const PART: u64 = 12;
    const COLUMN: u64 = 8;
    const VALUE: u64 = 12;
    const JOINED: u64 = 80;
    let schema = Schema::new(catalog, texts);
    let mut scores = vec![0; catalog.tables.len()];
    let mut named = Vec::new();
    for text in texts {
        let tokens = words::tokens(text, &schema.stems);
        for item in link::link(text, &tokens, &schema, today) {
            let Kind::Mention(mention) = item.kind else {
                // "daily" says how to group, and is a part of `daily_prices` all the same.
                let stem = tokens.get(item.first).map_or("", |token| token.stem.as_str());
                if stem.len() > 3 {
                    for table in schema.tables_by_stem.get(stem).into_iter().flatten() {
                        scores[*table] += PART;
                    }
                }
                continue;
            };
            for (table, fit) in &mention.tables {
                if *fit <= Fit::Exact {
                    scores[*table] += NAMED;
                    named.push(*table);
                } else {
                    scores[*table] += PART;
                }
            }
            let mut tables: Vec<(usize, u64)> = mention
                .columns
                .iter()
                .map(|(col, _)| (col.table, COLUMN))
                .chain(mention.values.iter().map(|(col, _)| (col.table, VALUE)))
                .collect();
            tables.sort_unstable();
            // One word says one thing about a table, the most it can.
            tables.dedup_by(|later, earlier| {
                let same = later.0 == earlier.0;
                if same {
                    earlier.1 = earlier.1.max(later.1);
                }
                same
            });
            for (table, score) in tables {
                scores[table] += score;
            }
        }
    }
    let own = scores.clone();
    named.sort_unstable();
    named.dedup();
    let mut joined = vec![0; catalog.tables.len()];
    for table in named {
        for (other, way) in schema.paths(table).iter().enumerate() {
            if let Way::Path(path) = way
                && !path.is_empty()
            {
                // What stands between two tables that are wanted is needed as much as they are.
                let far = path.len() as u64;
                joined[other] = joined[other].max(JOINED / far);
                if own[other] > 0 {
                    for step in path {
                        joined[step.to] = joined[step.to].max(JOINED);
                    }
                }
            }
        }
    }
    scores
        .iter()
        .zip(joined)
        .map(|(own, joined)| own + joined)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{library, sql, table};
    use super::*;

    /// The library among hundreds of tables that have columns of the same names.
    fn crowd() -> Catalog {
        let mut catalog = library();
        for number in 0..300 {
            let key = format!("depot_{number}_id: int");
            let name = format!("depot_{number}");
            catalog.tables.push(table(
                &name,
                &[
                    &key,
                    "city: text = Bergen|Oslo",
                    "country: text",
                    "genre: text",
                    "pages: int",
                    "title: text",
                ],
            ));
        }
        catalog
    }

    #[test]
    fn a_crowd_of_other_tables_changes_no_query() {
        let (alone, crowd) = (library(), crowd());
        for question in [
            "How many books are there in each genre?",
            "members per city",
            "average number of pages of the books by authors from Chile",
            "books that have never been loaned",
        ] {
            assert_eq!(sql(question, &crowd), sql(question, &alone), "{question}");
        }
    }

    #[test]
    fn what_is_named_and_what_lies_between_comes_first() {
        let catalog = crowd();
        let today = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
        let scores = relevance(
            &catalog,
            &["Which authors wrote books with the most pages?"],
            today,
        );
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(scores[*at]));
        let mut first: Vec<&str> = order[..3]
            .iter()
            .map(|at| catalog.tables[*at].name.as_str())
            .collect();
        first.sort_unstable();
        assert_eq!(first, ["authors", "book_authors", "books"]);
    }
}
