//! Operations beyond counting and adding up: ratios, shares, changes, the best of each group, alternatives,
//! averages as bounds, parts of dates, glossary formulas, follow-up questions, and every dialect.

use std::sync::Arc;

use chrono::NaiveDate;

use super::follow::Thread;
use super::render::{self, Flavor};
use super::schema::Schema;
use super::tests::{ask, freight, hospital, library, sql, table};
use super::{planned, translate};
use crate::catalog::{Catalog, Dialect};
use crate::translate::{Context, Query, Translation, Turn};

fn context<'a>(question: &'a str, catalog: &'a Arc<Catalog>) -> Context<'a> {
    Context {
        question,
        dialect: Dialect::Postgresql,
        catalog,
        glossary: "",
        examples: &[],
        turns: &[],
        today: NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date"),
        failed: None,
    }
}

fn query(context: &Context<'_>) -> Query {
    match translate(context) {
        Translation::Query(query) => Query {
            text: query.text.split_whitespace().collect::<Vec<_>>().join(" "),
            ..query
        },
        other => panic!("{}: {other:?}", context.question),
    }
}

#[test]
fn ratios_are_one_pass_over_the_same_rows_and_two_queries_over_others() {
    let hospital = hospital();
    let ratio = sql("What is the ratio of emergency visits to all visits?", &hospital);
    assert_eq!(
        ratio,
        "SELECT CAST(COUNT(CASE WHEN is_emergency = TRUE THEN 1 END) AS DOUBLE PRECISION) / NULLIF(COUNT(*), 0) \
         AS ratio FROM visits"
    );
    let ratio = sql("ratio of visits to doctors", &hospital);
    assert_eq!(
        ratio,
        "SELECT CAST(COUNT(*) AS DOUBLE PRECISION) / NULLIF((SELECT COUNT(*) AS doctor_count FROM doctors), 0) AS \
         ratio FROM visits"
    );
    let percent = sql("What percentage of patients are from York?", &hospital);
    assert!(
        percent.contains("COUNT(CASE WHEN city = 'York' THEN 1 END)") && percent.contains("* 100"),
        "{percent}"
    );
    let share = sql("share of cost by doctor", &hospital);
    assert!(share.contains("SUM(SUM(visits.cost)) OVER ()"), "{share}");
}

#[test]
fn the_difference_of_two_figures_is_one_row() {
    let library = library();
    assert_eq!(
        sql(
            "What is the difference between the highest and the lowest shelf price?",
            &library
        ),
        "SELECT MAX(\"shelf price\") - MIN(\"shelf price\") AS difference FROM books"
    );
    let years = sql("difference in loans between 2024 and 2025", &library);
    assert!(
        years.contains("COUNT(CASE WHEN loaned_on >= DATE '2024-01-01'"),
        "{years}"
    );
}

#[test]
fn the_best_of_each_group_is_ranked_within_it() {
    let library = library();
    let best = sql(
        "What are the top 2 books in each genre by number of loans?",
        &library,
    );
    assert!(
        best.contains("ROW_NUMBER() OVER (PARTITION BY books.genre ORDER BY COUNT(*) DESC NULLS LAST")
            && best.contains("WHERE place <= 2"),
        "{best}"
    );
    let rows = sql("What is the most expensive book in each genre?", &library);
    assert!(
        rows.contains("PARTITION BY genre ORDER BY \"shelf price\" DESC"),
        "{rows}"
    );
}

#[test]
fn alternatives_averages_and_parts_of_dates_are_conditions() {
    let library = library();
    let either = sql(
        "How many books have more than 500 pages or are in the genre Poetry?",
        &library,
    );
    assert!(either.contains("(pages > 500 OR genre = 'Poetry')"), "{either}");
    let above = sql("Which books have a shelf price above the average?", &library);
    assert!(
        above.contains("\"shelf price\" > (SELECT AVG(\"shelf price\") FROM books)"),
        "{above}"
    );
    let march = sql("How many loans were there in March?", &library);
    assert!(
        march.contains("EXTRACT(MONTH FROM loaned_on) AS INTEGER) = 3"),
        "{march}"
    );
    let weekend = sql("How many loans were there on weekends?", &library);
    assert!(weekend.contains("IN (0, 6)"), "{weekend}");
    let days = sql(
        "average number of days between departed at and arrived at",
        &freight(),
    );
    assert!(days.contains("EXTRACT(EPOCH FROM \"ArrivedAt\")"), "{days}");
    let doctors = sql("Which doctors have an average cost above 100?", &hospital());
    assert!(doctors.contains("HAVING AVG(visits.cost) > 100"), "{doctors}");
}

#[test]
fn things_that_only_share_a_word_are_not_connected() {
    let mut catalog = hospital();
    let city = table(
        "cities",
        &["city: text = Leeds|York", "region: text = North|East"],
    );
    catalog.tables.push(city);
    // A patient and a doctor of one city have nothing to do with each other.
    catalog.tables.retain(|table| table.name != "visits");
    assert!(!matches!(
        ask("How many patients are there by ward?", &catalog),
        Translation::Query(_)
    ));
    let region = sql("How many patients are there by region?", &catalog);
    assert!(region.contains("GROUP BY cities.region"), "{region}");
}

#[test]
fn changes_are_from_period_to_period() {
    let growth = sql("cost of visits growth by month", &hospital());
    assert!(growth.contains("LAG(SUM(cost)) OVER (ORDER BY"), "{growth}");
    let running = sql("cumulative cost of visits by month", &hospital());
    assert!(running.contains("SUM(SUM(cost)) OVER (ORDER BY"), "{running}");
}

#[test]
fn both_values_are_looked_for_in_different_rows() {
    let both = sql(
        "How many books have loans by members from both Oslo and Bergen?",
        &library(),
    );
    assert_eq!(both.matches("EXISTS (").count(), 2, "{both}");
}

#[test]
fn the_glossary_gives_terms_a_meaning_and_the_reading_says_so() {
    let hospital = hospital();
    let glossary = "VPD = number of visits / number of different patients\nchild visit: visits by doctors in the ward Children";
    let hospital = Arc::new(hospital);
    let mut asked = context("What is the VPD by ward?", &hospital);
    asked.glossary = glossary;
    // Two figures of different columns of the same rows.
    assert!(matches!(
        translate(&asked),
        Translation::Refuse { .. } | Translation::Query(_)
    ));
    let hospital = Arc::new(hospital);
    let mut asked = context("What is the CPV in 2025?", &hospital);
    asked.glossary = "CPV (cost per visit) = total cost / number of visits * 100";
    let found = query(&asked);
    assert!(
        found
            .text
            .contains("CAST(SUM(cost) AS DOUBLE PRECISION) / NULLIF(COUNT(*), 0)"),
        "{}",
        found.text
    );
    assert!(found.reading.contains("(glossary)"), "{}", found.reading);
}

#[test]
fn follow_up_questions_change_the_one_before() {
    let library = library();
    let turn = |question: &str| Turn {
        question: question.into(),
        query: String::new(),
    };
    let turns = [turn("How many loans were there in 2025?")];
    let library = Arc::new(library);
    let mut asked = context("and by month?", &library);
    asked.turns = &turns;
    let found = query(&asked).text;
    assert!(
        found.contains("GROUP BY CAST(date_trunc('month'") && found.contains("2025-01-01"),
        "{found}"
    );
    asked.question = "only for Oslo";
    let found = query(&asked).text;
    assert!(
        found.contains("members.city = 'Oslo'") && found.contains("2025-01-01"),
        "{found}"
    );
    asked.question = "what about 2024?";
    let found = query(&asked).text;
    assert!(
        found.contains("2024-01-01") && !found.contains("2026-01-01"),
        "{found}"
    );
    let turns = [turn("Top 3 books by number of loans"), turn("only in 2025")];
    asked.turns = &turns;
    asked.question = "top 10 instead";
    let found = query(&asked).text;
    assert!(
        found.ends_with("LIMIT 10") && found.contains("2025-01-01"),
        "{found}"
    );
    asked.question = "as a chart";
    assert!(query(&asked).text.ends_with("LIMIT 3"));
    asked.question = "And how many members are there?";
    assert_eq!(query(&asked).text, "SELECT COUNT(*) AS member_count FROM members");
}

#[test]
fn what_is_not_read_in_full_stays_unanswered() {
    for question in [
        "ratio of loans to",
        "percentage of loans",
        "What is the growth of members?",
        "How many books or",
        "What percentage of books are blue?",
        "top books in each genre by number of loans",
    ] {
        assert!(
            !matches!(ask(question, &library()), Translation::Query(_)),
            "{question}"
        );
    }
}

fn in_dialect(question: &str, catalog: &Catalog, dialect: Dialect) -> String {
    let catalog = &Arc::new(catalog.clone());
    let mut asked = context(question, catalog);
    asked.dialect = dialect;
    query(&asked).text
}

/// SQL whose connector may not be there.
fn in_flavor(question: &str, catalog: &Catalog, flavor: Flavor) -> String {
    let schema = Schema::new(catalog, &[question]);
    let thread = Thread {
        parts: vec![question.to_owned()],
        ..Thread::default()
    };
    let today = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
    let plan = planned(&thread, &schema, today, None).expect("it is read");
    let text = render::in_flavor(&plan, &schema, flavor);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn dialects_differ_where_they_must() {
    let library = library();
    let mysql = in_flavor("average number of pages by genre", &library, Flavor::Mysql);
    assert_eq!(
        mysql,
        "SELECT genre, AVG(CAST(pages AS DOUBLE)) AS average_pages FROM books GROUP BY genre ORDER BY average_pages \
         DESC, genre IS NULL, genre"
    );
    let sqlite = in_flavor(
        "How many loans were there per month in 2025?",
        &library,
        Flavor::Sqlite,
    );
    assert_eq!(
        sqlite,
        "SELECT date(loaned_on, 'start of month') AS \"month\", COUNT(*) AS loan_count FROM loans WHERE loaned_on >= \
         '2025-01-01' AND loaned_on < '2026-01-01' GROUP BY date(loaned_on, 'start of month') ORDER BY \
         date(loaned_on, 'start of month') NULLS LAST"
    );
    let mongo = in_dialect(
        "How many loans by members from Oslo were there?",
        &library,
        Dialect::Mongodb,
    );
    assert_eq!(
        mongo,
        "{\"collection\": \"loans\", \"pipeline\": [ {\"$lookup\": {\"from\": \"members\", \"localField\": \
         \"member_id\", \"foreignField\": \"member_id\", \"as\": \"members\"}}, {\"$unwind\": \"$members\"}, \
         {\"$match\": {\"members.city\": \"Oslo\"}}, {\"$facet\": {\"rows\": [{\"$group\": {\"_id\": null, \"m1\": \
         {\"$sum\": 1}}}]}}, {\"$set\": {\"m1\": {\"$ifNull\": [{\"$first\": \"$rows.m1\"}, 0]}}}, {\"$project\": \
         {\"_id\": 0, \"loan_count\": \"$m1\"}} ]}"
    );
}

#[test]
fn names_and_values_cannot_become_syntax_in_any_dialect() {
    let mut catalog = freight();
    catalog.tables[0].name = "Ports`; DROP TABLE x; --".into();
    catalog.tables[0].columns[1].values = vec!["O'Hare\\'; DELETE FROM x; --".into()];
    let text = in_flavor("Show the Ports DROP TABLE x", &catalog, Flavor::Mysql);
    assert!(text.contains("FROM `Ports``; DROP TABLE x; --`"), "{text}");
    let library = library();
    let question = "Show the authors with name \"Robert\\'); DROP TABLE books;--\"";
    let text = in_flavor(question, &library, Flavor::Mysql);
    assert!(
        text.contains("LOWER('Robert\\\\''); DROP TABLE books;--')"),
        "{text}"
    );
    let text = in_dialect(question, &library, Dialect::Mongodb);
    let parsed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        parsed["pipeline"][0]["$match"]["name"]["$regex"],
        "^Robert\\\\'\\); DROP TABLE books;\\-\\-$"
    );
}

#[test]
fn a_column_named_like_an_operation_is_that_column_after_another_operation() {
    let shop = Catalog {
        tables: vec![table(
            "orders",
            &[
                "order_id: int",
                "city: text = York|Leeds",
                "total: decimal",
                "price: decimal",
            ],
        )],
    };
    assert_eq!(
        sql("What is the average total by city?", &shop),
        "SELECT city, AVG(total) AS average_total FROM orders GROUP BY city ORDER BY average_total DESC NULLS LAST, \
         city"
    );
    assert_eq!(
        sql("What is the highest total?", &shop),
        "SELECT MAX(total) AS highest_total FROM orders"
    );
    // Here it is the operation: a column follows.
    assert_eq!(
        sql("total price", &shop),
        "SELECT SUM(price) AS total_price FROM orders"
    );
}

#[test]
fn other_ways_to_say_the_same_give_the_same_query() {
    let library = library();
    for (catalog, ways) in [
        (
            &library,
            &[
                "How many members are in Oslo?",
                "count the members in Oslo",
                "members in Oslo, how many?",
                "number of members living in Oslo",
            ][..],
        ),
        (
            &library,
            &[
                "How many loans are there?",
                "count loans",
                "loan count",
                "number of loans",
            ],
        ),
        (
            &library,
            &[
                "top 5 books by pages",
                "the 5 books with the most pages",
                "5 best books by pages",
            ],
        ),
    ] {
        let first = sql(ways[0], catalog);
        for way in ways {
            assert_eq!(sql(way, catalog), first, "{way}");
        }
    }
    // "only" that leaves others out is no filling.
    for question in [
        "Which members only loaned books by authors from Chile?",
        "members who have loaned only Poetry books",
    ] {
        assert!(
            matches!(ask(question, &library), Translation::Refuse { .. }),
            "{question}"
        );
    }
    // A number that ranks nothing is not dropped.
    assert!(matches!(
        ask("Show 5 books", &library),
        Translation::Refuse { .. }
    ));
}

#[test]
fn money_taken_in_is_one_number_unless_it_is_split() {
    let shop = Catalog {
        tables: vec![table(
            "orders",
            &[
                "order_id: int",
                "ordered_on: date",
                "channel: text = Web|Shop",
                "total_amount: decimal",
            ],
        )],
    };
    for question in [
        "revenue in 2024",
        "the revenue of the channel Web",
        "give me the revenue in total",
    ] {
        let query = sql(question, &shop);
        assert!(
            query.starts_with("SELECT SUM(total_amount)"),
            "{question}: {query}"
        );
    }
}
