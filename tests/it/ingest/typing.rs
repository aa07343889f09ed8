//! Types are judged by every value of a column, told in the report, and the user has the last word.

use clean_custard::catalog::ColumnKind;
use clean_custard::ingest::{ColumnOverride, Overrides, TableOverride};

use super::*;

fn column(header: &str, values: &[&str]) -> String {
    let mut text = format!("n;{header}\n");
    for (number, value) in values.iter().enumerate() {
        text.push_str(&format!("{number};\"{value}\"\n"));
    }
    text
}

#[tokio::test]
async fn types_come_from_every_value() {
    for (values, type_name, read_as) in [
        (&["1", "-20", "", "3"][..], "integer", &["1", "-20", "∅", "3"][..]),
        (&["1", "2.5", "3"], "decimal", &["1.0", "2.5", "3.0"]),
        (&["0.1234567", "2"], "float", &["0.1234567", "2.0"]),
        (&["1e3", "2.5E-1"], "float", &["1000.0", "0.25"]),
        (&["01234", "99999"], "text", &["01234", "99999"]),
        (&["+491234", "+492345"], "text", &["+491234", "+492345"]),
        (
            &["123456789012345678901", "1"],
            "text",
            &["123456789012345678901", "1"],
        ),
        (&["1,234.50", "12.25"], "decimal", &["1234.50", "12.25"]),
        (&["1.234,50", "12,25"], "decimal", &["1234.50", "12.25"]),
        (&["1 234,5", "12"], "decimal", &["1234.5", "12.0"]),
        (&["1,234,567", "12"], "integer", &["1234567", "12"]),
        (&["12.5%", "7%"], "decimal", &["12.5", "7.0"]),
        (&["12.5%", "0.07"], "text", &["12.5%", "0.07"]),
        (
            &["$1,234.50", "($3.00)", "-$2"],
            "decimal",
            &["1234.50", "-3.00", "-2.00"],
        ),
        (&["12,50 €", "3,00 €"], "decimal", &["12.50", "3.00"]),
        (&["$5", "€5"], "text", &["$5", "€5"]),
        (&["true", "FALSE"], "boolean", &["true", "false"]),
        (&["yes", "no"], "text", &["yes", "no"]),
        (
            &["2024-02-29", "1999-12-31"],
            "date",
            &["2024-02-29", "1999-12-31"],
        ),
        (
            &["31/12/1999", "01/02/2000"],
            "date",
            &["1999-12-31", "2000-02-01"],
        ),
        (
            &["12/31/1999", "01/02/2000"],
            "date",
            &["1999-12-31", "2000-01-02"],
        ),
        (&["31.12.1999", "1.2.2000"], "date", &["1999-12-31", "2000-02-01"]),
        (
            &["Jan 5, 2024", "February 29, 2024"],
            "date",
            &["2024-01-05", "2024-02-29"],
        ),
        (
            &["13/12/1999", "12/13/1999"],
            "text",
            &["13/12/1999", "12/13/1999"],
        ),
        (
            &["2023-02-29", "2023-02-28"],
            "text",
            &["2023-02-29", "2023-02-28"],
        ),
        (
            &["2024-01-05 13:30", "2024-01-06"],
            "timestamp",
            &["2024-01-05T13:30:00", "2024-01-06T00:00:00"],
        ),
        (
            &["2024-01-05T13:30:00+02:00", "2024-01-05T13:30:00Z"],
            "timestamp",
            &["2024-01-05T11:30:00Z", "2024-01-05T13:30:00Z"],
        ),
        (
            &["1/5/2024 3:04 PM", "12/25/2024 11:59 AM"],
            "timestamp",
            &["2024-01-05T15:04:00", "2024-12-25T11:59:00"],
        ),
        (&["10:20:30", "23:59:59"], "time", &["10:20:30", "23:59:59"]),
        (&["3:45", "4:10"], "text", &["3:45", "4:10"]),
        (
            &["5", "n/a", "-", "NULL", "7"],
            "integer",
            &["5", "∅", "∅", "∅", "7"],
        ),
        (&["Namibia", "NA", "None"], "text", &["Namibia", "NA", "None"]),
        (&[" padded ", "x"], "text", &[" padded ", "x"]),
        (&["1", "2", "three"], "text", &["1", "2", "three"]),
    ] {
        let done = import("c.csv", column("value", values)).await;
        let found: Vec<String> = done.rows().into_iter().map(|row| row[1].clone()).collect();
        let decided = &done.only().report.columns[1].decided;
        assert_eq!(done.types()[1].1, type_name, "{values:?}: {decided}");
        assert_eq!(found, read_as, "{values:?}: {decided}");
        assert!(decided.ends_with('.'), "{decided}");
    }
}

#[tokio::test]
async fn one_odd_value_far_below_keeps_a_column_text_and_is_named() {
    let mut text = "id,amount\n".to_owned();
    for n in 1..=150_000 {
        text.push_str(&format!(
            "{n},{}\n",
            if n == 149_000 {
                "see note".to_owned()
            } else {
                n.to_string()
            }
        ));
    }
    let done = import("late.csv", text).await;
    let column = &done.only().report.columns[1];
    assert_eq!(column.type_name, "text");
    assert_eq!(column.unparsed.len(), 1, "{column:?}");
    assert_eq!(
        (column.unparsed[0].line, column.unparsed[0].text.as_str()),
        (149_001, "see note")
    );
    let rows = done.rows();
    assert_eq!(rows.len(), 150_000);
    assert_eq!(rows[148_999], ["149000", "see note"]);
    assert!(
        rows.iter()
            .enumerate()
            .all(|(index, row)| row[0] == (index + 1).to_string()),
        "rows keep their order"
    );
}

#[tokio::test]
async fn what_the_beginning_suggests_gives_way_to_what_the_end_says() {
    // Long enough to be read in several pieces.
    const ROWS: usize = 110_000;
    const SURPRISES: usize = ROWS - 1_000;
    const WORD: usize = ROWS - 9;
    let filler = "a line of words that makes rows long and says nothing again and again ".repeat(2);
    let mut text = "id,filler,day,amount,size\n".to_owned();
    for n in 1..=ROWS {
        let cents = if n < SURPRISES { "" } else { ".25" };
        let size = if n == WORD { "tall" } else { "7" };
        text.push_str(&format!(
            "{n},{filler},2024-01-{:02},{n}{cents},{size}\n",
            n % 28 + 1
        ));
    }
    text.push_str("0,short,2024-02-01,1,2,beyond\n");
    let late = import("late.csv", text).await;
    let types: Vec<&str> = late.types().into_iter().map(|(_, type_name)| type_name).collect();
    assert_eq!(types, ["integer", "text", "date", "decimal", "text", "text"]);
    let report = &late.only().report;
    assert_eq!((report.row_count, report.odd_row_count), (ROWS as u64 + 1, 1));
    assert_eq!(report.columns[4].unparsed[0].line, WORD as u64 + 1);
    let rows = late.rows();
    assert_eq!(rows.len(), ROWS + 1);
    for (n, row) in (1..=ROWS).zip(&rows) {
        let cents = if n < SURPRISES { "00" } else { "25" };
        let size = if n == WORD { "tall" } else { "7" };
        assert_eq!(
            (row[0].as_str(), row[2].as_str()),
            (
                n.to_string().as_str(),
                format!("2024-01-{:02}", n % 28 + 1).as_str()
            )
        );
        assert_eq!(
            (row[3].as_str(), row[4].as_str(), row[5].as_str()),
            (format!("{n}.{cents}").as_str(), size, "∅")
        );
    }
    assert_eq!(rows[ROWS], ["0", "short", "2024-02-01", "1.00", "2", "beyond"]);
}

#[tokio::test]
async fn what_cannot_be_known_is_said() {
    let done = import("d.csv", column("day", &["05/06/2024", "07/08/2024"])).await;
    assert!(
        done.only().report.columns[1].decided.contains("could be"),
        "{:?}",
        done.only().report.columns[1]
    );
    // Another column of the same file tells.
    let done = import("d.csv", "a,b\n05/06/2024,01/31/2024\n07/08/2024,02/15/2024\n").await;
    assert_eq!(done.rows()[0], ["2024-05-06", "2024-01-31"]);
    let done = import("d.csv", "a\n1/1/2024\n2/1/2024\n3/1/2024\n").await;
    assert_eq!(done.rows()[1], ["2024-02-01"]);
    // One slip among thousands must not turn all of them into decimals.
    let slip = "a,b\n\"1,234\",\"7,000\"\n\"5,678\",\"7,100\"\n\"9,012\",\"7,200\"\n\"1,000\",\"7,300\"\n\"2,000\",\"7,400\"\n\"3,0000\",\"7,500\"\n";
    let done = import("slip.csv", slip).await;
    assert_eq!(done.types(), [("a", "text"), ("b", "integer")]);
    assert_eq!(done.rows()[0], ["1,234", "7000"]);
    let done = import("n.csv", "a;b\n1,234;0,5\n5,678;0,25\n").await;
    assert_eq!(done.rows()[0], ["1.234", "0.50"]);
}

#[tokio::test]
async fn the_user_has_the_last_word() {
    let overrides = |columns: &[(&str, Option<&str>, Option<&str>)]| Overrides {
        tables: vec![TableOverride {
            name: "c".into(),
            columns: columns
                .iter()
                .map(|(name, rename, type_name)| ColumnOverride {
                    name: (*name).into(),
                    rename: rename.map(Into::into),
                    type_name: type_name.map(Into::into),
                })
                .collect(),
        }],
    };
    let text = "n,zip,active\n1,01234,yes\n2,oops,no\n";
    let wanted = overrides(&[
        ("zip", Some("code"), Some("integer")),
        ("active", None, Some("boolean")),
        ("n", None, Some("text")),
    ]);
    let done = import_with("c.csv", text.as_bytes(), &wanted)
        .await
        .expect("an import");
    assert_eq!(
        done.types(),
        [("n", "text"), ("code", "integer"), ("active", "boolean")]
    );
    assert_eq!(done.rows(), [["1", "1234", "true"], ["2", "∅", "false"]]);
    let column = &done.only().report.columns[1];
    assert_eq!(
        (
            column.original_name.as_str(),
            column.unparsed[0].line,
            column.unparsed[0].text.as_str()
        ),
        ("zip", 3, "oops")
    );
    for (columns, words) in [
        (&[("nope", None, Some("text"))][..], "no column"),
        (&[("zip", None, Some("money"))][..], "not a type"),
        (&[("zip", Some(" "), None)][..], "empty"),
    ] {
        let error = import_with("c.csv", text.as_bytes(), &overrides(columns))
            .await
            .err()
            .expect("refused");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn the_catalog_knows_keys_and_values() {
    let mut text = "order_id,customer,channel,total\n".to_owned();
    for n in 0..1_000 {
        text.push_str(&format!(
            "{n},customer {},{},{}.50\n",
            n % 300,
            ["web", "shop", "phone"][n % 3],
            n % 40
        ));
    }
    let done = import("orders.csv", text).await;
    let table = &done.only().table;
    assert_eq!((table.name.as_str(), table.row_estimate), ("orders", Some(1_000)));
    assert_eq!(table.primary_key, ["order_id"]);
    let channel = table.column("channel").expect("a column");
    let mut values = channel.values.clone();
    values.sort();
    assert_eq!(values, ["phone", "shop", "web"]);
    assert!(channel.values_complete && channel.kind == ColumnKind::Text);
    let customer = table.column("customer").expect("a column");
    assert!(!customer.values_complete && customer.values.len() == 50);
    let total = table.column("total").expect("a column");
    assert_eq!(
        (total.kind, total.min.as_deref(), total.max.as_deref()),
        (ColumnKind::Decimal, Some("0.50"), Some("39.50"))
    );
}
