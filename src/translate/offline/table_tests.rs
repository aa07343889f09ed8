//! Single tables that people made for people: names that say nothing, cells that list several things, total rows,
//! places, nationalities, years in plain numbers.

use std::sync::Arc;

use super::tests::{ask, table};
use super::translate;
use crate::catalog::{Catalog, Dialect};
use crate::translate::{Context, Translation};

/// A regatta, in a file whose name says nothing about it.
fn regatta(name: &str) -> Catalog {
    let mut results = table(
        name,
        &[
            "place: text = 1st|2nd|3rd|4th",
            "boat: text = Gull|Tern|Puffin|Total",
            "skipper: text",
            "nation: text = Norway (NOR)|Italy (ITA)|Chile (CHI)",
            "sponsors: text = Fjord Bank|Fjord Bank, Kelp Foods|Kelp Foods",
            "points: int",
            "races: int",
            "W: int",
            "launched: int",
            "crew: int",
        ],
    );
    results.primary_key.clear();
    results.row_estimate = Some(4);
    for column in &mut results.columns {
        if column.name == "boat" {
            column.distinct_estimate = Some(4);
        }
        if column.name == "launched" {
            (column.min, column.max) = (Some("1931".into()), Some("1988".into()));
        }
    }
    Catalog {
        tables: vec![results],
    }
}

/// The query over files, its reading beside it.
fn read(question: &str, catalog: &Catalog) -> (String, String) {
    match translation(question, catalog) {
        Translation::Query(query) => (
            query.text.split_whitespace().collect::<Vec<_>>().join(" "),
            query.reading,
        ),
        other => panic!("{question}: {other:?}"),
    }
}

fn translation(question: &str, catalog: &Catalog) -> Translation {
    translate(&Context {
        question,
        dialect: Dialect::Datafusion,
        catalog: &Arc::new(catalog.clone()),
        glossary: "",
        examples: &[],
        turns: &[],
        today: chrono::NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date"),
        failed: None,
    })
}

fn refused(question: &str, catalog: &Catalog) -> String {
    match translation(question, catalog) {
        Translation::Refuse { reason } => reason,
        other => panic!("{question}: {other:?}"),
    }
}

#[test]
fn the_noun_of_a_question_names_the_rows_of_a_table_without_a_name() {
    let nameless = regatta("sheet_1");
    let (query, reading) = read("How many yachts are there?", &nameless);
    assert!(query.starts_with("SELECT COUNT(*)"), "{query}");
    assert!(
        reading.contains("each row taken for one of the \"yachts\""),
        "{reading}"
    );
    let (query, _) = read("How many were launched before 1950?", &nameless);
    assert!(query.contains("launched < 1950"), "{query}");
    // Not where the table has a name, nor for what is measured, nor with a word too many.
    assert!(refused("How many yachts are there?", &regatta("regatta")).contains("yachts"));
    assert!(refused("How many spectators were there?", &nameless).contains("spectators"));
    assert!(refused("How many wooden yachts are there?", &nameless).contains("wooden"));
    assert!(refused("How many buoys did the Gull round?", &nameless).contains("buoys"));
}

#[test]
fn a_part_of_a_cell_means_every_cell_that_lists_it() {
    let regatta = regatta("regatta");
    let (query, _) = read("Which boats have the sponsor Kelp Foods?", &regatta);
    assert!(
        query.contains("IN ('Kelp Foods', 'Fjord Bank, Kelp Foods')"),
        "{query}"
    );
    let (query, _) = read("Which boats are from Norway?", &regatta);
    assert!(query.contains("nation = 'Norway (NOR)'"), "{query}");
    let (query, _) = read("How many boats were Italian?", &regatta);
    assert!(query.contains("nation = 'Italy (ITA)'"), "{query}");
    // Where not all values are known, a part may stand in others too.
    let mut open = regatta.clone();
    open.tables[0].columns[3].values_complete = false;
    assert!(refused("Which boats are from Norway?", &open).contains("Norway"));
}

#[test]
fn places_are_values_of_the_column_that_ranks() {
    let regatta = regatta("regatta");
    for question in [
        "Which skipper came in second?",
        "Which skipper finished in 2nd place?",
        "skipper in second place",
    ] {
        let (query, _) = read(question, &regatta);
        assert!(query.contains("place = '2nd'"), "{question}: {query}");
    }
    assert!(refused("Which skipper came in tenth?", &regatta).contains("tenth"));
}

#[test]
fn a_total_row_is_neither_counted_nor_the_largest() {
    let regatta = regatta("regatta");
    for question in [
        "Which boat has the most points?",
        "What is the average number of races?",
        "number of different boats",
    ] {
        let (query, reading) = read(question, &regatta);
        assert!(
            query.contains("boat <> 'Total'") || query.contains("boat IS DISTINCT FROM 'Total'"),
            "{question}: {query}"
        );
        assert!(reading.contains("boat is not 'Total'"), "{reading}");
    }
    // Who asks for it gets it; a database has no such rows.
    let (query, _) = read("highest points where boat is \"Total\"", &regatta);
    assert!(query.contains("boat = 'Total'"), "{query}");
    match ask("Which boat has the most points?", &regatta) {
        Translation::Query(query) => assert!(!query.text.contains("Total"), "{}", query.text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn columns_of_years_are_compared_with_years() {
    let regatta = regatta("regatta");
    for (question, condition) in [
        ("How many boats were launched after 1960?", "launched >= 1961"),
        ("How many boats were launched by 1960?", "launched < 1961"),
        (
            "How many boats were launched in the 1950s?",
            "launched BETWEEN 1950 AND 1959",
        ),
        ("boats launched in 1944", "launched = 1944"),
    ] {
        let (query, _) = read(question, &regatta);
        assert!(query.contains(condition), "{question}: {query}");
    }
    // No day and no month can be told from a year.
    assert!(refused("How many boats were launched in March 1960?", &regatta).contains("whole years"));
}

#[test]
fn two_bounds_are_of_the_same_column() {
    let (query, _) = read(
        "Which boats have more than 10 points but less than 30?",
        &regatta("regatta"),
    );
    assert!(
        query.contains("points > 10") && query.contains("points < 30"),
        "{query}"
    );
}
