//! JSON, workbooks and columnar files keep their values.

use arrow::array::RecordBatch;
use clean_custard::ingest::{Format, Overrides};

use super::{import, import_with, refusal};

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
