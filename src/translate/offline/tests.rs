//! The translator as a whole, over small invented catalogs: a library, a hospital, a freight company.

use std::sync::Arc;

use chrono::NaiveDate;

use super::translate;
use crate::catalog::{Catalog, Column, ColumnKind, Dialect, ForeignKey, Table};
use crate::translate::{Context, Translation};

/// `name: kind [= value|value]` per column; the first column is the key.
pub(super) fn table(name: &str, columns: &[&str]) -> Table {
    let columns: Vec<Column> = columns
        .iter()
        .map(|text| {
            let (head, values) = text.split_once(" = ").unwrap_or((text, ""));
            let (name, kind) = head.split_once(": ").expect("name: kind");
            Column {
                name: name.to_owned(),
                kind: match kind {
                    "int" => ColumnKind::Integer,
                    "decimal" => ColumnKind::Decimal,
                    "text" => ColumnKind::Text,
                    "date" => ColumnKind::Date,
                    "timestamp" => ColumnKind::Timestamp,
                    "bool" => ColumnKind::Boolean,
                    other => panic!("{other}"),
                },
                values: values
                    .split('|')
                    .filter(|v| !v.is_empty())
                    .map(str::to_owned)
                    .collect(),
                values_complete: !values.is_empty(),
                ..Column::default()
            }
        })
        .collect();
    Table {
        name: name.to_owned(),
        primary_key: vec![columns[0].name.clone()],
        columns,
        ..Table::default()
    }
}

fn points(mut table: Table, column: &str, to: &str, key: &str) -> Table {
    table.foreign_keys.push(ForeignKey {
        columns: vec![column.to_owned()],
        schema: None,
        table: to.to_owned(),
        references: vec![key.to_owned()],
    });
    table
}

pub(super) fn library() -> Catalog {
    let loans = table(
        "loans",
        &[
            "loan_id: int",
            "book_id: int",
            "member_id: int",
            "loaned_on: date",
            "returned_on: date",
            "fine: decimal",
        ],
    );
    let book_authors = table("book_authors", &["id: int", "book_id: int", "author_id: int"]);
    Catalog {
        tables: vec![
            table(
                "books",
                &[
                    "book_id: int",
                    "title: text",
                    "pages: int",
                    "genre: text = Novel|Poetry|History",
                    "shelf price: decimal",
                ],
            ),
            table(
                "authors",
                &[
                    "author_id: int",
                    "name: text",
                    "country: text = Chile|Kenya|Norway",
                ],
            ),
            points(
                points(book_authors, "book_id", "books", "book_id"),
                "author_id",
                "authors",
                "author_id",
            ),
            table(
                "members",
                &[
                    "member_id: int",
                    "first_name: text",
                    "last_name: text",
                    "city: text = Bergen|Oslo",
                    "joined_on: date",
                ],
            ),
            points(
                points(loans, "book_id", "books", "book_id"),
                "member_id",
                "members",
                "member_id",
            ),
        ],
    }
}

pub(super) fn hospital() -> Catalog {
    let visits = table(
        "visits",
        &[
            "id: int",
            "patient_id: int",
            "doctor_id: int",
            "visit_date: timestamp",
            "cost: decimal",
            "is_emergency: bool",
        ],
    );
    Catalog {
        tables: vec![
            table(
                "patients",
                &[
                    "id: int",
                    "name: text",
                    "city: text = Leeds|York",
                    "birth_year: int",
                ],
            ),
            table(
                "doctors",
                &[
                    "id: int",
                    "name: text",
                    "ward: text = Surgery|Children",
                    "city: text = Leeds|York",
                ],
            ),
            points(
                points(visits, "patient_id", "patients", "id"),
                "doctor_id",
                "doctors",
                "id",
            ),
        ],
    }
}

pub(super) fn freight() -> Catalog {
    let shipments = table(
        "Shipments",
        &[
            "ShipmentId: int",
            "FromPortId: int",
            "ToPortId: int",
            "WeightKg: decimal",
            "DepartedAt: timestamp",
            "ArrivedAt: timestamp",
        ],
    );
    Catalog {
        tables: vec![
            table(
                "Ports",
                &["PortId: int", "PortName: text", "order: text = Land|Sea"],
            ),
            points(
                points(shipments, "FromPortId", "Ports", "PortId"),
                "ToPortId",
                "Ports",
                "PortId",
            ),
        ],
    }
}

pub(super) fn ask(question: &str, catalog: &Catalog) -> Translation {
    translate(&Context {
        question,
        dialect: Dialect::Postgresql,
        catalog: &Arc::new(catalog.clone()),
        glossary: "",
        examples: &[],
        turns: &[],
        today: NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date"),
        failed: None,
    })
}

/// The SQL on one line.
pub(super) fn sql(question: &str, catalog: &Catalog) -> String {
    match ask(question, catalog) {
        Translation::Query(query) => query.text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => panic!("{question}: {other:?}"),
    }
}

fn refusal(question: &str, catalog: &Catalog) -> String {
    match ask(question, catalog) {
        Translation::Refuse { reason } => reason,
        other => panic!("{question}: {other:?}"),
    }
}

fn options(question: &str, catalog: &Catalog) -> Vec<String> {
    match ask(question, catalog) {
        Translation::Clarify { options, .. } => options.into_iter().map(|option| option.question).collect(),
        other => panic!("{question}: {other:?}"),
    }
}

#[test]
fn simple_figures_are_read() {
    let library = library();
    assert_eq!(
        sql("How many books are there?", &library),
        "SELECT COUNT(*) AS book_count FROM books"
    );
    assert_eq!(
        sql("average number of pages by genre", &library),
        "SELECT genre, AVG(pages) AS average_pages FROM books GROUP BY genre ORDER BY average_pages DESC NULLS LAST, genre"
    );
    assert_eq!(
        sql("How many loans were there per month in 2025?", &library),
        "SELECT CAST(date_trunc('month', loaned_on) AS DATE) AS \"month\", COUNT(*) AS loan_count FROM loans \
         WHERE loaned_on >= DATE '2025-01-01' AND loaned_on < DATE '2026-01-01' \
         GROUP BY CAST(date_trunc('month', loaned_on) AS DATE) ORDER BY CAST(date_trunc('month', loaned_on) AS DATE)"
    );
    assert_eq!(
        sql("Show the books with more than 300 pages", &library),
        "SELECT book_id, title, pages, genre, \"shelf price\" FROM books WHERE pages > 300 ORDER BY book_id"
    );
}

#[test]
fn conditions_on_the_many_side_never_multiply_what_is_counted() {
    let library = library();
    // A member with three loans is one member.
    let members = sql("How many members have loans?", &library);
    assert!(
        members.starts_with("SELECT COUNT(*) AS member_count FROM members WHERE EXISTS ("),
        "{members}"
    );
    let pages = sql("total pages of books by authors from Kenya", &library);
    assert!(
        pages.contains("SUM(books.pages)") && pages.contains("EXISTS ("),
        "{pages}"
    );
    assert!(!pages.contains("FROM books JOIN"), "{pages}");
}

#[test]
fn groups_on_the_many_side_count_each_row_once() {
    let library = library();
    // A book with two authors must not count twice for one country.
    let count = sql("How many books are there by author country?", &library);
    assert!(count.contains("COUNT(DISTINCT books.book_id)"), "{count}");
    let sum = sql("average pages of books by author country", &library);
    assert!(
        sum.contains("SELECT DISTINCT") && sum.contains("AVG(value_1)"),
        "{sum}"
    );
}

#[test]
fn what_never_happened_is_found_by_its_absence() {
    let library = library();
    let books = sql("Which books have no loans?", &library);
    assert!(
        books.contains("NOT EXISTS (SELECT 1 FROM loans WHERE loans.book_id = books.book_id)"),
        "{books}"
    );
    let members = sql("How many members have fewer than 3 loans?", &library);
    assert!(
        members.contains("NOT IN") && members.contains("HAVING COUNT(*) >= 3"),
        "{members}"
    );
}

#[test]
fn several_readings_are_offered_as_questions_that_are_then_read() {
    let hospital = hospital();
    let offered = options("How many visits by city?", &hospital);
    assert_eq!(
        offered,
        [
            "How many visits by patient city?",
            "How many visits by doctor city?"
        ]
    );
    assert!(sql(&offered[0], &hospital).contains("GROUP BY patients.city"));
    assert!(sql(&offered[1], &hospital).contains("GROUP BY doctors.city"));
    let offered = options("How many visits in Leeds?", &hospital);
    assert_eq!(offered.len(), 2);
    assert!(sql(&offered[1], &hospital).contains("doctors.city = 'Leeds'"));
}

#[test]
fn two_ways_to_join_are_not_chosen_between() {
    let reason = refusal("How many shipments by port?", &freight());
    assert!(reason.contains("several ways"), "{reason}");
}

#[test]
fn a_word_that_nothing_explains_stops_the_question() {
    let hospital = hospital();
    for (question, word) in [
        ("How many cancelled visits were there?", "cancelled"),
        ("How many visits were there on holidays?", "holidays"),
        ("average cost of visits by insurance", "insurance"),
        ("How many visits did tall patients have?", "tall"),
        ("What is the purpose of life?", "purpose"),
    ] {
        let reason = refusal(question, &hospital);
        assert!(reason.contains(&format!("\"{word}\"")), "{question}: {reason}");
    }
}

#[test]
fn a_date_that_is_not_clear_is_asked_for() {
    let reason = refusal("How many shipments in 2025?", &freight());
    assert!(
        reason.contains("departed at") && reason.contains("arrived at"),
        "{reason}"
    );
    assert!(
        sql("How many shipments departed in 2025?", &freight())
            .contains("\"DepartedAt\" >= TIMESTAMP '2025-01-01 00:00:00'")
    );
}

#[test]
fn names_and_values_cannot_become_syntax() {
    let mut catalog = freight();
    catalog.tables[0].name = "Ports\"; DROP TABLE x; --".into();
    catalog.tables[0].columns[1].values = vec!["O'Hare'; DELETE FROM x; --".into()];
    let text = sql("Show the Ports DROP TABLE x", &catalog);
    assert!(text.contains("FROM \"Ports\"\"; DROP TABLE x; --\""), "{text}");
    assert!(text.contains("\"order\""), "{text}");
    let quoted = sql("Show shipments with weight kg over 5", &freight());
    assert!(quoted.contains("\"WeightKg\" > 5"), "{quoted}");
    let library = library();
    let named = sql(
        "Show the authors with name \"Robert'); DROP TABLE books;--\"",
        &library,
    );
    assert!(
        named.contains("LOWER(name) = LOWER('Robert''); DROP TABLE books;--')"),
        "{named}"
    );
}

#[test]
fn a_total_of_things_that_have_a_total_is_not_guessed() {
    let mut catalog = freight();
    let mut total = catalog.tables[1].columns[0].clone();
    total.name = "total".into();
    total.type_name = "numeric".into();
    total.kind = ColumnKind::Decimal;
    let table = catalog
        .tables
        .iter_mut()
        .find(|table| table.name.eq_ignore_ascii_case("shipments"))
        .expect("shipments");
    table.columns.push(total);
    let reason = refusal("What is the total of shipments?", &catalog);
    assert!(reason.contains("how many shipments"), "{reason}");
}

#[test]
fn other_languages_and_empty_or_endless_questions_are_refused_kindly() {
    let library = library();
    for question in [
        "Wie viele Bücher gibt es?",
        "¿Cuántos libros hay?",
        "Combien de livres sont dans la base ?",
        "有多少本书?",
        "Сколько книг в библиотеке?",
    ] {
        let reason = refusal(question, &library);
        assert!(reason.contains("English"), "{question}: {reason}");
    }
    assert!(refusal("   ", &library).contains("empty"));
    assert!(refusal(&"how many books ".repeat(700), &library).contains("too long"));
    assert!(refusal("How many books?", &Catalog::default()).contains("no table"));
}

#[test]
fn rankings_say_how_many_and_which_end() {
    let hospital = hospital();
    let top = sql("Top 3 doctors by number of visits", &hospital);
    assert!(
        top.contains("ORDER BY visit_count DESC NULLS LAST") && top.ends_with("LIMIT 3"),
        "{top}"
    );
    let oldest = sql("Who is the oldest patient?", &hospital);
    assert!(oldest.contains("ORDER BY birth_year, id LIMIT 1"), "{oldest}");
    let emergencies = sql("How many emergency visits were there last month?", &hospital);
    assert!(
        emergencies.contains("is_emergency = TRUE")
            && emergencies.contains("TIMESTAMP '2026-10-01 00:00:00'"),
        "{emergencies}"
    );
}

#[test]
fn the_reading_names_measure_group_condition_and_joins() {
    let Translation::Query(query) = ask("total cost of visits by doctor for patients in York", &hospital())
    else {
        panic!("not read");
    };
    for part in [
        "sum of cost over visits",
        "by doctor",
        "patient city is 'York'",
        "visits.patient_id = patients.id",
    ] {
        assert!(query.reading.contains(part), "{part}: {}", query.reading);
    }
}
