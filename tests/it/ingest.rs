//! Files in: every cell is found again, types are judged by the whole file, broken files get a sentence and
//! leave nothing. All data is invented here.

use std::path::Path;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use clean_custard::catalog::ColumnKind;
use clean_custard::error::Error;
use clean_custard::ingest::profile::Profile;
use clean_custard::ingest::{
    self, ColumnOverride, Format, Import, ImportLimits, ImportedTable, Overrides, TableOverride,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

fn limits() -> ImportLimits {
    ImportLimits {
        memory_bytes: 1 << 30,
        time: Duration::from_secs(120),
    }
}

/// An imported file and the folder it lies in.
struct Done {
    dir: tempfile::TempDir,
    import: Import,
}

impl Done {
    fn only(&self) -> &ImportedTable {
        assert_eq!(self.import.tables.len(), 1, "one table");
        &self.import.tables[0]
    }

    fn rows(&self) -> Vec<Vec<String>> {
        self.rows_of(self.only())
    }

    fn rows_of(&self, table: &ImportedTable) -> Vec<Vec<String>> {
        read(&self.dir.path().join("out").join(&table.parquet))
    }

    /// Name and type of each column.
    fn types(&self) -> Vec<(&str, &str)> {
        self.only()
            .report
            .columns
            .iter()
            .map(|column| (column.name.as_str(), column.type_name.as_str()))
            .collect()
    }
}

fn read(parquet: &Path) -> Vec<Vec<String>> {
    let file = std::fs::File::open(parquet).expect("the Parquet is there");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .expect("Parquet")
        .build()
        .expect("a reader");
    let mut rows = Vec::new();
    for batch in reader {
        let batch: RecordBatch = batch.expect("rows");
        let options = FormatOptions::default().with_null("∅");
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable column"))
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .map(|column| column.value(row).to_string())
                    .collect(),
            );
        }
    }
    rows
}

async fn import_with(name: &str, bytes: &[u8], overrides: &Overrides) -> Result<Done, Error> {
    ingest::set_worker_binary(env!("CARGO_BIN_EXE_clean-custard"));
    let dir = tempfile::tempdir().expect("a temp folder");
    let original = dir.path().join("original");
    std::fs::write(&original, bytes).expect("the original");
    let out = dir.path().join("out");
    std::fs::create_dir(&out).expect("the output folder");
    let result = ingest::import(&original, name, &out, overrides, &limits()).await;
    if result.is_err() {
        let left: Vec<_> = std::fs::read_dir(&out).expect("the folder").flatten().collect();
        assert!(left.is_empty(), "a failed import leaves nothing: {left:?}");
    }
    result.map(|import| Done { dir, import })
}

async fn import(name: &str, bytes: impl AsRef<[u8]>) -> Done {
    match import_with(name, bytes.as_ref(), &Overrides::default()).await {
        Ok(done) => done,
        Err(error) => panic!("{name}: {error}"),
    }
}

async fn refusal(name: &str, bytes: impl AsRef<[u8]>) -> String {
    match import_with(name, bytes.as_ref(), &Overrides::default()).await {
        Err(Error::Invalid(message)) => message,
        Err(other) => panic!("{name}: {other:?}"),
        Ok(done) => panic!("{name} gave {:?}", done.rows()),
    }
}

const PLAIN: &str = "id,name,amount\n1,Möller,2.50\n2,\"Smith, Jo\",10.00\n3,\"say \"\"hi\"\"\",0.75\n";

fn plain_rows() -> Vec<Vec<&'static str>> {
    vec![
        vec!["1", "Möller", "2.50"],
        vec!["2", "Smith, Jo", "10.00"],
        vec!["3", "say \"hi\"", "0.75"],
    ]
}

#[tokio::test]
async fn delimiters_line_ends_and_marks_make_no_difference() {
    for (delimiter, word) in [(',', ","), (';', ";"), ('|', "|"), ('\t', "tab")] {
        let text = PLAIN
            .replace("Smith, Jo", "Smith; Jo")
            .replace(',', &delimiter.to_string())
            .replace("Smith; Jo", &format!("Smith{delimiter} Jo"));
        for (ends, marked) in [("\n", false), ("\r\n", true), ("\r", false)] {
            let mut bytes = if marked {
                b"\xEF\xBB\xBF".to_vec()
            } else {
                Vec::new()
            };
            bytes.extend(text.replace('\n', ends).bytes());
            let done = import("people.csv", bytes).await;
            let mut expected = plain_rows();
            let smith = format!("Smith{delimiter} Jo");
            expected[1][1] = &smith;
            assert_eq!(done.rows(), expected, "{delimiter:?} {ends:?}");
            let report = &done.only().report;
            assert_eq!(report.delimiter.as_deref(), Some(word));
            assert!(
                report.header && report.odd_row_count == 0,
                "{:?}",
                report.odd_rows
            );
            assert_eq!(
                done.types(),
                [("id", "integer"), ("name", "text"), ("amount", "decimal")]
            );
        }
    }
}

#[tokio::test]
async fn encodings_are_recognised() {
    let utf16 = |big: bool, mark: bool| {
        let mut bytes = Vec::new();
        for unit in (if mark { "\u{feff}" } else { "" }.to_owned() + PLAIN).encode_utf16() {
            bytes.extend(if big {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            });
        }
        bytes
    };
    let windows = PLAIN
        .replace('ö', "\u{1}")
        .bytes()
        .map(|b| if b == 1 { 0xF6 } else { b })
        .collect();
    for (bytes, name) in [
        (utf16(false, true), "UTF-16LE"),
        (utf16(true, true), "UTF-16BE"),
        (utf16(false, false), "UTF-16LE"),
        (windows, "windows-1252"),
        (PLAIN.into(), "UTF-8"),
    ] {
        let done = import("people.csv", bytes).await;
        assert_eq!(done.rows(), plain_rows(), "{name}");
        assert_eq!(done.only().report.encoding.as_deref(), Some(name));
    }
    // A single byte that is no UTF-8 far below decides as well.
    let mut late = b"id,name\n".to_vec();
    for n in 0..200_000 {
        late.extend(format!("{n},row number {n}\n").bytes());
    }
    late.extend(b"200000,M\xF6ller\n");
    let done = import("late.csv", late).await;
    assert_eq!(
        done.rows().last().map(|row| row[1].clone()).as_deref(),
        Some("Möller")
    );
    assert_eq!(done.only().report.row_count, 200_001);
}

#[tokio::test]
async fn quotes_of_both_kinds_and_breaks_inside() {
    let done = import(
        "q.csv",
        "a,b\n\"line\none\",1\n\"he said \\\"no, never\\\" twice\",2\n\"c:\\\\x\",3\n",
    )
    .await;
    assert_eq!(
        done.rows(),
        [
            ["line\none", "1"],
            ["he said \"no, never\" twice", "2"],
            ["c:\\x", "3"]
        ]
    );
    // The first backslash quote stands beyond the part of the file that is looked at first.
    let mut text = "a,b\n".to_owned();
    for n in 0..120_000 {
        text.push_str(&format!("\"plain, text\",{n}\n"));
    }
    text.push_str("\"a \\\"late\\\" one, indeed\",7\n");
    let done = import("late.csv", text).await;
    assert_eq!(done.rows().last().expect("rows")[0], "a \"late\" one, indeed");
    let done = import("loose.csv", "a, b, c\n1, \"x, y\", 2\n2, \"z\", 3\n").await;
    assert_eq!(done.rows(), [["1", "x, y", "2"], ["2", "z", "3"]]);
}

#[tokio::test]
async fn ragged_rows_are_kept_and_reported() {
    let done = import("r.csv", "a,b,c\n1,2,3\n4,5\n6,7,8,extra\n\n9,10,11,\n12,13,14\n").await;
    assert_eq!(
        done.rows(),
        [
            ["1", "2", "3", "∅"],
            ["4", "5", "∅", "∅"],
            ["6", "7", "8", "extra"],
            ["9", "10", "11", "∅"],
            ["12", "13", "14", "∅"]
        ]
    );
    let report = &done.only().report;
    assert_eq!(report.odd_row_count, 2);
    assert_eq!((report.odd_rows[0].line, report.odd_rows[1].line), (3, 4));
    assert!(report.odd_rows[0].problem.starts_with("2 fields instead of 3"));
    assert_eq!(report.odd_rows[1].text, "6,7,8,extra");
    assert_eq!(report.columns[3].name, "column_4");
}

#[tokio::test]
async fn headers_are_found_and_made_unique() {
    let done = import("h.csv", "name,,name,\" total \n sum \"\nx,1,y,2\nz,3,w,4\n").await;
    let names: Vec<&str> = done.types().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["name", "column_2", "name_2", "total sum"]);
    let done = import("n.csv", "1,2.5,x\n2,3.5,y\n").await;
    assert!(!done.only().report.header);
    assert_eq!(done.rows().len(), 2);
    let done = import("years.csv", "country,2019,2020,2021\nA,1,2,3\nB,4,5,6\n").await;
    assert_eq!(done.types()[1].0, "2019");
    let done = import(
        "t.csv",
        "Yearly report\n\nregion,year,total\nnorth,2020,5\nsouth,2021,7\n",
    )
    .await;
    assert_eq!(done.rows(), [["north", "2020", "5"], ["south", "2021", "7"]]);
    assert_eq!(done.only().report.odd_rows[0].text, "Yearly report");
}

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

#[tokio::test]
async fn json_in_its_usual_forms() {
    let expected = [["1", "a\nb", "∅", "∅"], ["2", "∅", "9007199254740993", "5.5"]];
    let records = [
        "{\"id\":1,\"name\":\"a\\nb\"}",
        "{\"id\":2, \"big\": 9007199254740993,\n \"in\":{\"price\":5.5}}",
    ];
    for (name, text, format) in [
        (
            "a.json",
            format!("[{}, {}]", records[0], records[1]),
            Format::Json,
        ),
        (
            "a.json",
            format!(
                "{{\"meta\":{{\"n\":2}},\"rows\":[{},{}],\"more\":[1,2]}}",
                records[0], records[1]
            ),
            Format::Json,
        ),
        (
            "a.ndjson",
            format!("{}\n{}\n", records[0], records[1]),
            Format::Ndjson,
        ),
        (
            "a.csv",
            format!("\u{feff}[{},{}]", records[0], records[1]),
            Format::Json,
        ),
    ] {
        let done = import(name, &text).await;
        assert_eq!(done.import.format, format, "{text}");
        assert_eq!(
            done.types(),
            [
                ("id", "integer"),
                ("name", "text"),
                ("big", "integer"),
                ("in_price", "decimal")
            ],
            "{text}"
        );
        assert_eq!(done.rows(), expected, "{text}");
        assert_eq!(done.only().report.odd_row_count, 0);
    }
    let done = import("one.json", "{\"a\":1,\"tags\":[1,2],\"when\":\"2024-05-06\"}").await;
    assert_eq!(done.rows(), [["1", "[1,2]", "2024-05-06"]]);
    assert_eq!(done.types()[2].1, "date");
}

#[tokio::test]
async fn workbooks_have_a_table_for_each_sheet() {
    use rust_xlsxwriter::{Format as Style, Workbook};
    let mut book = Workbook::new();
    let date = Style::new().set_num_format("yyyy-mm-dd");
    let sheet = book.add_worksheet().set_name("Orders").expect("a name");
    for (column, name) in ["id", "when", "total", "note"].into_iter().enumerate() {
        sheet.write_string(0, column as u16, name).expect("written");
    }
    for row in 1..=3_u32 {
        sheet.write_number(row, 0, f64::from(row)).expect("written");
        let day = rust_xlsxwriter::ExcelDateTime::from_ymd(2024, 2, 26 + row as u8).expect("a day");
        sheet
            .write_datetime_with_format(row, 1, &day, &date)
            .expect("written");
        sheet
            .write_number(row, 2, 0.1 + 0.2 * f64::from(row))
            .expect("written");
    }
    sheet.write_string(2, 3, "only, here").expect("written");
    book.add_worksheet().set_name("Empty").expect("a name");
    let sheet = book.add_worksheet().set_name("Stores").expect("a name");
    sheet.write_string(0, 0, "store").expect("written");
    sheet.write_string(1, 0, "Mitte").expect("written");
    let bytes = book.save_to_buffer().expect("a workbook");
    let done = import("shop.xlsx", &bytes).await;
    let names: Vec<&str> = done
        .import
        .tables
        .iter()
        .map(|table| table.table.name.as_str())
        .collect();
    assert_eq!(names, ["orders", "stores"]);
    assert_eq!(
        done.rows_of(&done.import.tables[0]),
        [
            ["1", "2024-02-27", "0.3", "∅"],
            ["2", "2024-02-28", "0.5", "only, here"],
            ["3", "2024-02-29", "0.7", "∅"]
        ]
    );
    assert_eq!(done.rows_of(&done.import.tables[1]), [["Mitte"]]);
    let message = refusal("shop.xlsx", &bytes[..bytes.len() / 2]).await;
    assert!(message.contains("workbook"), "{message}");
}

#[tokio::test]
async fn columnar_files_keep_their_values() {
    use arrow::array::{DictionaryArray, Int32Array, StringArray, TimestampNanosecondArray};
    use std::sync::Arc;
    let words: DictionaryArray<arrow::datatypes::Int32Type> = ["x", "y", "x"].into_iter().collect();
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "n",
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])) as arrow::array::ArrayRef,
            true,
        ),
        ("w", Arc::new(words), true),
        ("w", Arc::new(StringArray::from(vec!["p", "q", "r"])), true),
        (
            "t",
            Arc::new(TimestampNanosecondArray::from(vec![0, 1, 1_000])),
            true,
        ),
    ])
    .expect("a batch");
    let mut parquet = Vec::new();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a file");
    let mut file = arrow::ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    file.write(&batch).expect("rows");
    let file = file.into_inner().expect("a file");
    let mut stream =
        arrow::ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    stream.write(&batch).expect("rows");
    let stream = stream.into_inner().expect("a stream");
    for (bytes, format) in [
        (&parquet, Format::Parquet),
        (&file, Format::Arrow),
        (&stream, Format::Arrow),
    ] {
        let done = import("t.bin", bytes).await;
        assert_eq!(done.import.format, format);
        assert_eq!(
            done.types(),
            [
                ("n", "integer"),
                ("w", "text"),
                ("w_2", "text"),
                ("t", "timestamp")
            ]
        );
        let rows = done.rows();
        assert_eq!(rows[0][..3], ["1", "x", "p"]);
        assert_eq!(rows[1][..3], ["∅", "y", "q"]);
        assert_eq!(rows[2][3], "1970-01-01T00:00:00.000001");
        let cut = &bytes[..bytes.len() * 2 / 3];
        assert!(
            import_with("t.bin", cut, &Overrides::default()).await.is_err(),
            "half a file is no file"
        );
    }
}

#[tokio::test]
async fn broken_files_are_told_where() {
    for (name, bytes, words) in [
        ("a.csv", &b"a,b\n1,2\n3,\"open\n4,5\n"[..], "line 3, column 3"),
        ("a.json", b"[{\"a\":1},\n {\"a\":}]", "line 2, column 7"),
        ("a.json", b"[{\"a\":1},\n {\"a\":2}", "line 2, column 2"),
        ("a.json", b"[{\"a\":1}] x", "line 1, column 11"),
        ("a.ndjson", b"{\"a\":1}\n{\"a\" 2}\n", "line 2"),
        ("a.csv", b"", "empty"),
        ("a.csv", b" \n\n", "empty"),
        ("a.csv", b"%PDF-1.7\n...", "PDF"),
        ("a.csv", b"\xFF\xD8\xFF\xE0\0\x10JFIF", "JPEG"),
        ("a.csv", b"\0\x01\x02\x03binary\0\0", "not text"),
        ("a.parquet", b"PAR1 but nothing else", "Parquet"),
        ("a.arrow", b"ARROW1\0\0 but nothing else", "Arrow"),
        ("a.parquet", b"a,b\n1,2\n", "named as a Parquet file"),
        ("a.xlsx", b"a,b\n1,2\n", "named as an Excel workbook"),
        ("a.html", b"<!DOCTYPE html><html></html>", "web page"),
        ("a.json", b"[]", "no records"),
    ] {
        let message = refusal(name, bytes).await;
        assert!(message.contains(words), "{name}: {message}");
        assert!(message.ends_with('.'), "{message}");
    }
}

#[tokio::test]
async fn limits_end_an_import_with_a_sentence() {
    ingest::set_worker_binary(env!("CARGO_BIN_EXE_clean-custard"));
    let dir = tempfile::tempdir().expect("a temp folder");
    let original = dir.path().join("big.csv");
    let mut text = "a,b\n".to_owned();
    for n in 0..400_000 {
        text.push_str(&format!("{n},some words that take up room {n}\n"));
    }
    std::fs::write(&original, text).expect("a file");
    for (memory_bytes, time, words) in [
        (24 << 20, Duration::from_secs(60), "memory"),
        (1 << 30, Duration::from_millis(1), "longer than"),
    ] {
        let out = dir.path().join(words);
        std::fs::create_dir(&out).expect("a folder");
        let limits = ImportLimits { memory_bytes, time };
        let error = ingest::import(&original, "big.csv", &out, &Overrides::default(), &limits)
            .await
            .expect_err("too little");
        assert!(error.to_string().contains(words), "{error:?}");
        assert!(
            matches!(error, Error::TooLarge(_) | Error::Timeout(_)),
            "{error:?}"
        );
    }
}

/// Processes whose parent we are and that work on this folder.
fn workers_on(dir: &Path) -> usize {
    let wanted = dir.display().to_string();
    std::fs::read_dir("/proc")
        .expect("Linux")
        .flatten()
        .filter(|entry| {
            std::fs::read_dir(entry.path().join("fd")).is_ok_and(|fds| {
                fds.flatten().any(|fd| {
                    std::fs::read_link(fd.path())
                        .is_ok_and(|to| to.display().to_string().starts_with(&wanted))
                })
            })
        })
        .count()
}

#[tokio::test]
async fn a_dropped_import_stops_its_worker() {
    ingest::set_worker_binary(env!("CARGO_BIN_EXE_clean-custard"));
    let dir = tempfile::tempdir().expect("a temp folder");
    let original = dir.path().join("big.csv");
    let mut text = "a,b,c\n".to_owned();
    for n in 0..1_500_000 {
        text.push_str(&format!("{n},words {n},{n}.5\n"));
    }
    std::fs::write(&original, text).expect("a file");
    let out = dir.path().join("out");
    std::fs::create_dir(&out).expect("a folder");
    let (limits, overrides) = (limits(), Overrides::default());
    {
        let running = ingest::import(&original, "big.csv", &out, &overrides, &limits);
        tokio::pin!(running);
        let started = async {
            while workers_on(dir.path()) == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            done = &mut running => panic!("it was over before it could be stopped: {:?}", done.map(|_| ())),
            () = started => {}
        }
    }
    tokio::time::timeout(Duration::from_secs(20), async {
        while workers_on(dir.path()) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the worker ends");
    assert!(!out.join("table-0.parquet").exists(), "nothing finished was left");
}

async fn profile(done: &Done) -> Profile {
    ingest::profile(&done.dir.path().join("out").join(&done.only().parquet), &limits())
        .await
        .expect("a profile")
}

#[tokio::test]
async fn profiles_tell_the_shape_of_columns() {
    let mut text = "n,word,price,day\n".to_owned();
    for n in 1..=1_000 {
        let word = if n % 10 == 0 {
            ""
        } else {
            ["red", "green", "red"][n % 3]
        };
        text.push_str(&format!("{n},{word},{}.25,2024-01-{:02}\n", n % 4, n % 20 + 1));
    }
    let done = import("p.csv", text).await;
    let profile = profile(&done).await;
    assert_eq!(profile.row_count, 1_000);
    let [n, word, price, day] = profile.columns.as_slice() else {
        panic!("four columns")
    };
    assert_eq!((n.distinct, n.distinct_approximate, n.nulls), (1_000, false, 0));
    assert_eq!(
        (n.min.as_deref(), n.max.as_deref(), n.mean),
        (Some("1"), Some("1000"), Some(500.5))
    );
    assert_eq!(n.histogram.iter().map(|bin| bin.count).sum::<u64>(), 1_000);
    let median: f64 = n
        .quantiles
        .as_ref()
        .expect("quantiles")
        .p50
        .parse()
        .expect("a number");
    assert!((499.0..=502.0).contains(&median), "{median}");
    assert_eq!(
        (
            word.distinct,
            word.nulls,
            word.top[0].value.as_str(),
            word.top[0].count
        ),
        (2, 100, "red", 600)
    );
    assert_eq!(
        (price.type_name.as_str(), price.distinct, price.mean),
        ("decimal", 4, Some(1.75))
    );
    assert_eq!(
        (day.min.as_deref(), day.max.as_deref(), day.histogram.len()),
        (Some("2024-01-01"), Some("2024-01-20"), 20)
    );
    assert_eq!(day.quantiles.as_ref().expect("quantiles").p50.len(), 10);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever stands in the cells: written by any CSV writer, every cell is found again as text.
    #[test]
    fn every_cell_is_found_again(
        rows in proptest::collection::vec(proptest::collection::vec("[ -~\\näöü€]{0,12}", 3), 1..40),
        delimiter in proptest::sample::select(vec![b',', b';', b'\t', b'|']),
    ) {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
        writer.write_record(["first column", "second column", "third column"]).expect("written");
        for row in &rows {
            writer.write_record(row).expect("written");
        }
        let bytes = writer.into_inner().expect("text");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let columns = ["first column", "second column", "third column"].map(|name| ColumnOverride {
            name: name.into(),
            rename: None,
            type_name: Some("text".into()),
        });
        let as_text = Overrides { tables: vec![TableOverride { name: "c".into(), columns: columns.into() }] };
        let done = runtime.block_on(import_with("c.csv", &bytes, &as_text)).expect("an import");
        let expected: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| if cell.is_empty() { "∅".to_owned() } else { cell.clone() }).collect())
            .collect();
        prop_assert_eq!(done.rows(), expected);
    }

    /// Rubbish never breaks the importer: it imports or says why not.
    #[test]
    fn rubbish_is_imported_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in "[,;\"\\\\\\n a1.]{0,200}") {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            match runtime.block_on(import_with("c.csv", bytes, &Overrides::default())) {
                Ok(_) | Err(Error::Invalid(_) | Error::TooLarge(_)) => {}
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
