//! What is set against something else: periods against each other, values against each other, rows against the
//! average, and which period is the best.

use std::sync::Arc;

use chrono::NaiveDate;

use super::tests::{ask, library, sql, table};
use super::translate;
use crate::catalog::{Catalog, Dialect};
use crate::translate::{Context, Translation, Turn};

fn shop() -> Catalog {
    Catalog {
        tables: vec![
            table(
                "orders",
                &[
                    "order_id: int",
                    "customer_id: int",
                    "ordered_on: date",
                    "amount: decimal",
                    "channel: text = Web|Phone|Shop",
                ],
            ),
            table("customers", &["customer_id: int", "name: text", "age: int"]),
            table(
                "products",
                &["product_id: int", "name: text", "list_price: decimal"],
            ),
        ],
    }
}

fn reading(question: &str) -> String {
    match ask(question, &shop()) {
        Translation::Query(query) => query.reading,
        other => panic!("{question}: {other:?}"),
    }
}

#[test]
fn two_periods_are_laid_side_by_side() {
    assert_eq!(
        sql("amount in 2025 compared to 2024", &shop()),
        "SELECT SUM(CASE WHEN ordered_on >= DATE '2024-01-01' AND ordered_on < DATE '2025-01-01' THEN amount END) AS \
         total_amount_2024, SUM(CASE WHEN ordered_on >= DATE '2025-01-01' AND ordered_on < DATE '2026-01-01' THEN amount \
         END) AS total_amount_2025, SUM(CASE WHEN ordered_on >= DATE '2025-01-01' AND ordered_on < DATE '2026-01-01' THEN \
         amount END) - SUM(CASE WHEN ordered_on >= DATE '2024-01-01' AND ordered_on < DATE '2025-01-01' THEN amount END) \
         AS change, (CAST(SUM(CASE WHEN ordered_on >= DATE '2025-01-01' AND ordered_on < DATE '2026-01-01' THEN amount \
         END) - SUM(CASE WHEN ordered_on >= DATE '2024-01-01' AND ordered_on < DATE '2025-01-01' THEN amount END) AS \
         DOUBLE PRECISION) / NULLIF(SUM(CASE WHEN ordered_on >= DATE '2024-01-01' AND ordered_on < DATE '2025-01-01' THEN \
         amount END), 0)) * 100 AS change_percent FROM orders WHERE (ordered_on >= DATE '2024-01-01' AND ordered_on < DATE \
         '2025-01-01' OR ordered_on >= DATE '2025-01-01' AND ordered_on < DATE '2026-01-01')"
    );
    let same = sql("amount in 2025 compared to 2024", &shop());
    for question in [
        "Compare the revenue of 2024 and 2025",
        "compare revenue in 2025 with 2024",
        "How much did revenue grow from 2024 to 2025?",
        "by how much did revenue increase between 2024 and 2025?",
        "revenue growth from 2024 to 2025",
        "revenue 2025 vs 2024",
    ] {
        assert_eq!(
            sql(question, &shop()).replace("total_revenue_", "total_amount_"),
            same,
            "{question}"
        );
    }
    assert_eq!(
        reading("how many more orders were there in May 2025 than in May 2024"),
        "number of orders whose ordered on is in May 2024 and number of orders whose ordered on is in May 2025 and the \
         change from the first to the second and that change in percent of the first"
    );
    let years = Catalog {
        tables: vec![table("papers", &["paper_id: int", "title: text", "year: int"])],
    };
    assert_eq!(
        sql("number of papers in 2020 compared to 2015", &years),
        "SELECT COUNT(CASE WHEN \"year\" = 2015 THEN 1 END) AS paper_count_2015, COUNT(CASE WHEN \"year\" = 2020 THEN 1 END) \
         AS paper_count_2020, COUNT(CASE WHEN \"year\" = 2020 THEN 1 END) - COUNT(CASE WHEN \"year\" = 2015 THEN 1 END) AS \
         change, (CAST(COUNT(CASE WHEN \"year\" = 2020 THEN 1 END) - COUNT(CASE WHEN \"year\" = 2015 THEN 1 END) AS DOUBLE \
         PRECISION) / NULLIF(COUNT(CASE WHEN \"year\" = 2015 THEN 1 END), 0)) * 100 AS change_percent FROM papers WHERE \
         (\"year\" = 2015 OR \"year\" = 2020)"
    );
    assert!(reading("revenue by month in 2025 compared to 2024").contains(" by month of ordered on"));
    assert!(
        sql("revenue by month in 2025 compared to 2024", &shop()).contains("GROUP BY CAST(EXTRACT(MONTH")
    );
    assert!(
        sql("revenue by channel in 2025 vs 2024", &shop())
            .contains("ORDER BY change DESC NULLS LAST, channel")
    );
}

#[test]
fn what_cannot_be_laid_side_by_side_is_refused() {
    for question in [
        "revenue by month in March 2025 compared to March 2024",
        "revenue and number of orders in 2025 compared to 2024",
        "compare revenue in 2025",
        "revenue compared to number of orders",
        "top 3 channels by revenue in 2025 compared to 2024",
        "revenue versus",
    ] {
        assert!(
            matches!(ask(question, &shop()), Translation::Refuse { .. }),
            "{question}: {:?}",
            ask(question, &shop())
        );
    }
}

#[test]
fn amounts_beside_numbers_of_rows_are_both_computed() {
    assert_eq!(
        sql("revenue and number of orders in 2025", &shop()),
        "SELECT SUM(amount) AS total_revenue, COUNT(*) AS order_count FROM orders WHERE ordered_on >= DATE '2025-01-01' AND \
         ordered_on < DATE '2026-01-01'"
    );
}

#[test]
fn a_period_is_compared_within_a_conversation() {
    let catalog = Arc::new(shop());
    let turns = [Turn {
        question: "revenue in 2025".into(),
        query: "SELECT SUM(amount) FROM orders".into(),
    }];
    let translation = translate(&Context {
        question: "compared to 2024?",
        dialect: Dialect::Postgresql,
        catalog: &catalog,
        glossary: "",
        examples: &[],
        turns: &turns,
        today: NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date"),
        failed: None,
    });
    let Translation::Query(query) = translation else {
        panic!("{translation:?}");
    };
    assert!(query.text.contains("total_revenue_2024") && query.text.contains("total_revenue_2025"));
}

#[test]
fn named_values_are_compared_one_by_one_and_meant_together() {
    assert_eq!(
        sql("compare revenue of Web and Phone", &shop()),
        "SELECT channel, SUM(amount) AS total_revenue FROM orders WHERE channel IN ('Web', 'Phone') GROUP BY channel ORDER \
         BY total_revenue DESC NULLS LAST, channel"
    );
    assert_eq!(
        sql("How many Web and Phone orders were there?", &shop()),
        "SELECT COUNT(*) AS order_count FROM orders WHERE channel IN ('Web', 'Phone')"
    );
    // No row has two values in one column.
    let Translation::Refuse { reason } = ask("orders with channel Web and channel Phone", &shop()) else {
        panic!("two values in one column");
    };
    assert!(reason.contains("\"Web or Phone\""), "{reason}");
}

#[test]
fn the_best_period_is_found() {
    let best = "SELECT CAST(date_trunc('month', ordered_on) AS DATE) AS \"month\", SUM(amount) AS total_revenue FROM orders \
                GROUP BY CAST(date_trunc('month', ordered_on) AS DATE) ORDER BY total_revenue DESC NULLS LAST, \
                CAST(date_trunc('month', ordered_on) AS DATE) LIMIT 1";
    for question in [
        "which month had the highest revenue?",
        "In which month was revenue highest?",
        "what month had the most revenue",
    ] {
        assert_eq!(sql(question, &shop()), best, "{question}");
    }
    for question in [
        "top 3 months by revenue",
        "which 3 months had the highest revenue?",
    ] {
        assert_eq!(
            sql(question, &shop()),
            best.replace("LIMIT 1", "LIMIT 3"),
            "{question}"
        );
    }
    assert!(
        reading("which weekday has the fewest orders?")
            .contains("only the one with the lowest number of orders")
    );
}

#[test]
fn rows_are_compared_with_the_average_and_with_numbers() {
    let than_average = "SELECT product_id, name, list_price FROM products WHERE list_price > (SELECT AVG(list_price) \
                        FROM products) ORDER BY product_id";
    for question in [
        "products more expensive than average",
        "which products are more expensive than the average product?",
        "products more expensive than the average price",
    ] {
        assert_eq!(sql(question, &shop()), than_average, "{question}");
    }
    assert_eq!(
        reading("products cheaper than 5 dollars"),
        "product id, name, list price of products, where list price is less than 5"
    );
    assert_eq!(
        reading("customers older than 30 years"),
        "customer id, name, age of customers, where age is more than 30"
    );
    // A loan has no age, and a book's price is not in its loans.
    assert!(!matches!(
        ask("loans older than 30 years", &library()),
        Translation::Query(_)
    ));
}

#[test]
fn how_often_something_was_done_is_a_condition() {
    assert_eq!(
        reading("customers who ordered at least 10 times"),
        "customer id, name, age of customers, where there are at least 10 orders"
    );
    assert_eq!(
        reading("customers who ordered more than once"),
        "customer id, name, age of customers, where there are more than 1 orders"
    );
    assert_eq!(
        reading("customers who ordered twice"),
        "customer id, name, age of customers, where there are equal to 2 orders"
    );
    assert!(!matches!(
        ask("products that are at least 10 times as expensive", &shop()),
        Translation::Query(_)
    ));
}

#[test]
fn an_average_number_per_owner_is_asked_back() {
    let Translation::Clarify { options, .. } = ask("average number of orders per customer", &shop()) else {
        panic!("not asked");
    };
    let read: Vec<String> = options
        .iter()
        .map(|option| sql(&option.question, &shop()))
        .collect();
    assert_eq!(read.len(), 2);
    assert!(
        read[0].contains("EXISTS") && !read[1].contains("EXISTS"),
        "{read:?}"
    );
}

#[test]
fn medians_are_computed_where_the_database_can() {
    let catalog = Arc::new(shop());
    let ask = |dialect| {
        translate(&Context {
            question: "median amount by channel",
            dialect,
            catalog: &catalog,
            glossary: "",
            examples: &[],
            turns: &[],
            today: NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date"),
            failed: None,
        })
    };
    let text = |dialect| match ask(dialect) {
        Translation::Query(query) => query.text,
        other => panic!("{other:?}"),
    };
    assert!(
        text(Dialect::Postgresql)
            .contains("PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY amount) AS median_amount")
    );
    assert!(text(Dialect::Datafusion).contains("MEDIAN(CAST(amount AS DOUBLE PRECISION)) AS median_amount"));
    for dialect in [Dialect::Mysql, Dialect::Sqlite, Dialect::Mongodb] {
        assert!(matches!(ask(dialect), Translation::Refuse { .. }), "{dialect:?}");
    }
}

#[test]
fn spending_is_the_money_taken_in() {
    let mut catalog = shop();
    catalog.tables[0].foreign_keys.push(crate::catalog::ForeignKey {
        columns: vec!["customer_id".into()],
        schema: None,
        table: "customers".into(),
        references: vec!["customer_id".into()],
    });
    let text = sql("which 5 customers spent the most?", &catalog);
    assert!(
        text.contains("SUM(orders.amount) AS total_revenue") && text.ends_with("LIMIT 5"),
        "{text}"
    );
}

#[test]
fn a_column_called_total_amount_is_not_taken_for_a_sum() {
    let mut catalog = shop();
    catalog.tables[0].columns[3].name = "total_amount".into();
    for (question, expected) in [
        (
            "highest total amount of an order",
            "SELECT MAX(total_amount) AS highest_total_amount FROM orders",
        ),
        (
            "average total amount of Web orders",
            "SELECT AVG(total_amount) AS average_total_amount FROM orders WHERE channel = 'Web'",
        ),
        (
            "How many orders had a total amount of more than 50?",
            "SELECT COUNT(*) AS order_count FROM orders WHERE total_amount > 50",
        ),
    ] {
        assert_eq!(sql(question, &catalog), expected, "{question}");
    }
}
