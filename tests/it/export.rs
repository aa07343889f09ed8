//! Results as files: every format written, then read back by a reader that is not ours.

use std::io::{Cursor, Write};
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use calamine::{Data, Reader};
use clean_custard::error::Error;
use clean_custard::rows::{Export, Format, TYPE_KEY};
use serde_json::{Value, json};

fn column(name: &str, array: impl Array + 'static) -> (Field, ArrayRef) {
    let array: ArrayRef = Arc::new(array);
    (Field::new(name, array.data_type().clone(), true), array)
}

fn marked(name: &str, mark: &str, array: impl Array + 'static) -> (Field, ArrayRef) {
    let (field, array) = column(name, array);
    (
        field.with_metadata([(TYPE_KEY.to_owned(), mark.to_owned())].into()),
        array,
    )
}

fn batch(columns: Vec<(Field, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// Two rows of every type; the second is null throughout.
fn everything() -> RecordBatch {
    let mut list = ListBuilder::new(Int64Builder::new());
    list.append_value([Some(1), None]);
    list.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(5);
    map.append(true).unwrap();
    map.append(false).unwrap();
    let object = StructArray::try_new(
        vec![Field::new("a", DataType::Int64, true)].into(),
        vec![Arc::new(Int64Array::from(vec![Some(1), None]))],
        Some(vec![true, false].into()),
    )
    .unwrap();
    let words: DictionaryArray<Int32Type> = vec![Some("word"), None].into_iter().collect();
    let micros = Some(1_709_214_300_500_000); // 2024-02-29T13:45:00.5Z
    let mut fixed = FixedSizeBinaryBuilder::new(2);
    fixed.append_value([0, 255]).unwrap();
    fixed.append_null();
    batch(vec![
        column("null", NullArray::new(2)),
        column("boolean", BooleanArray::from(vec![Some(true), None])),
        column("i8", Int8Array::from(vec![Some(-8), None])),
        column("i16", Int16Array::from(vec![Some(-16), None])),
        column("i32", Int32Array::from(vec![Some(-32), None])),
        column("i64", Int64Array::from(vec![Some(9_007_199_254_740_993), None])),
        column("u8", UInt8Array::from(vec![Some(8), None])),
        column("u16", UInt16Array::from(vec![Some(16), None])),
        column("u32", UInt32Array::from(vec![Some(32), None])),
        column("u64", UInt64Array::from(vec![Some(u64::MAX), None])),
        column(
            "f16",
            Float16Array::from(vec![
                Some(<Float16Type as ArrowPrimitiveType>::Native::from_f32(0.5)),
                None,
            ]),
        ),
        column("f32", Float32Array::from(vec![Some(0.1), None])),
        column("f64", Float64Array::from(vec![Some(-1234.5), None])),
        column(
            "decimal",
            Decimal128Array::from(vec![Some(123_450), None])
                .with_precision_and_scale(12, 2)
                .unwrap(),
        ),
        column(
            "wide",
            Decimal256Array::from(vec![
                i256::from_string("1234567890123456789012345678901234567890"),
                None,
            ])
            .with_precision_and_scale(60, 5)
            .unwrap(),
        ),
        column("text", StringArray::from(vec![Some("größe, \"x\"\n€"), None])),
        column("large", LargeStringArray::from(vec![Some("large"), None])),
        column("view", StringViewArray::from(vec![Some("view"), None])),
        column(
            "binary",
            BinaryArray::from(vec![Some(b"\x00\xff".as_slice()), None]),
        ),
        column(
            "binary_view",
            BinaryViewArray::from(vec![Some(b"\x00\xff".as_slice()), None]),
        ),
        column("fixed", fixed.finish()),
        column("date", Date32Array::from(vec![Some(19_782), None])),
        column("date64", Date64Array::from(vec![Some(1_709_164_800_000), None])),
        column(
            "time",
            Time64MicrosecondArray::from(vec![Some(49_500_500_000), None]),
        ),
        column("timestamp", TimestampMicrosecondArray::from(vec![micros, None])),
        column(
            "zoned",
            TimestampMicrosecondArray::from(vec![micros, None]).with_timezone("Europe/Berlin"),
        ),
        column(
            "duration",
            DurationMillisecondArray::from(vec![Some(90_000), None]),
        ),
        column(
            "interval",
            IntervalMonthDayNanoArray::from(vec![
                Some(IntervalMonthDayNano::new(14, 3, 1_500_000_000)),
                None,
            ]),
        ),
        column("list", list.finish()),
        column("object", object),
        column("map", map.finish()),
        column("dictionary", words),
        marked(
            "json",
            "json",
            StringArray::from(vec![Some("{\"b\":1,\"a\":12345678901234567890}"), None]),
        ),
        marked(
            "numeric",
            "decimal",
            StringArray::from(vec![Some("-12345678901234567890.5"), None]),
        ),
    ])
}

/// What each column of [`everything`] is in JSON; in CSV and XLSX the same as text.
fn expected() -> Vec<(&'static str, Value)> {
    vec![
        ("null", Value::Null),
        ("boolean", json!(true)),
        ("i8", json!(-8)),
        ("i16", json!(-16)),
        ("i32", json!(-32)),
        ("i64", json!("9007199254740993")),
        ("u8", json!(8)),
        ("u16", json!(16)),
        ("u32", json!(32)),
        ("u64", json!("18446744073709551615")),
        ("f16", json!(0.5)),
        ("f32", json!(0.1)),
        ("f64", json!(-1234.5)),
        ("decimal", json!("1234.50")),
        ("wide", json!("12345678901234567890123456789012345.67890")),
        ("text", json!("größe, \"x\"\n€")),
        ("large", json!("large")),
        ("view", json!("view")),
        ("binary", json!("AP8=")),
        ("binary_view", json!("AP8=")),
        ("fixed", json!("AP8=")),
        ("date", json!("2024-02-29")),
        ("date64", json!("2024-02-29")),
        ("time", json!("13:45:00.500")),
        ("timestamp", json!("2024-02-29T13:45:00.500")),
        ("zoned", json!("2024-02-29T14:45:00.500+01:00")),
        ("duration", json!("PT1M30S")),
        ("interval", json!("P1Y2M3DT1.5S")),
        ("list", json!([1, null])),
        ("object", json!({"a": 1})),
        ("map", json!({"k": 5})),
        ("dictionary", json!("word")),
        ("json", json!({"b": 1, "a": "12345678901234567890"})),
        ("numeric", json!("-12345678901234567890.5")),
    ]
}

fn export(format: Format, batches: &[RecordBatch]) -> Vec<u8> {
    let mut export = Export::new(format, &batches[0].schema(), Vec::new()).unwrap();
    for batch in batches {
        export.write(batch).unwrap();
    }
    export.finish().unwrap()
}

#[test]
fn json_is_an_array_of_objects() {
    let batch = everything();
    let text = export(Format::Json, &[batch.clone(), batch]);
    let rows: Vec<serde_json::Map<String, Value>> = serde_json::from_slice(&text).unwrap();
    assert_eq!(rows.len(), 4);
    for (name, value) in expected() {
        assert_eq!((&rows[2][name], &rows[3][name]), (&value, &Value::Null), "{name}");
    }
    // In the order of the columns, which a parsed object no longer tells.
    let text = String::from_utf8(text).unwrap();
    let places: Vec<Option<usize>> = expected()
        .iter()
        .map(|(name, _)| text.find(&format!("\"{name}\":")))
        .collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}");

    let twice = batch_of_twins();
    let rows: Value = serde_json::from_slice(&export(Format::Json, &[twice])).unwrap();
    assert_eq!(rows, json!([{"n": 1, "n_3": 2, "n_2": 3}]));
    let none: Value = serde_json::from_slice(&export(Format::Json, &[everything().slice(0, 0)])).unwrap();
    assert_eq!(none, json!([]));
}

/// Columns `n`, `n` and `n_2`.
fn batch_of_twins() -> RecordBatch {
    batch(vec![
        column("n", Int64Array::from(vec![1])),
        column("n", Int64Array::from(vec![2])),
        column("n_2", Int64Array::from(vec![3])),
    ])
}

#[test]
fn csv_reads_back_cell_for_cell() {
    let text = export(Format::Csv, &[everything()]);
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    for (at, (name, value)) in expected().into_iter().enumerate() {
        let text = match (name, value) {
            // Text stays as the source sent it.
            ("json", _) => "{\"b\":1,\"a\":12345678901234567890}".to_owned(),
            (_, Value::Null) => String::new(),
            (_, Value::String(text)) => text,
            (_, other) => other.to_string(),
        };
        assert_eq!(
            (&header[at], &rows[0][at], &rows[1][at]),
            (name, text.as_str(), "")
        );
    }
}

#[test]
fn csv_holds_no_formulas_and_tells_null_from_empty() {
    let texts = [
        "=1+1",
        "@x",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "-",
        "-5",
        "+49 (30) 123-45",
        "\tx",
        "a=1",
        "",
    ];
    let rows = batch(vec![
        column("=name", StringArray::from(texts.to_vec())),
        marked("amount", "decimal", StringArray::from(vec!["-5.00"; texts.len()])),
        column("empty", StringArray::from(vec![None::<&str>; texts.len()])),
    ]);
    let text = String::from_utf8(export(Format::Csv, &[rows])).unwrap();
    assert_eq!(
        text.split("\r\n").collect::<Vec<_>>(),
        [
            "'=name,amount,empty",
            "'=1+1,-5.00,",
            "'@x,-5.00,",
            "'+cmd|' /C calc'!A0,-5.00,",
            "'-2+3,-5.00,",
            "-,-5.00,",
            "-5,-5.00,",
            "+49 (30) 123-45,-5.00,",
            "'\tx,-5.00,",
            "a=1,-5.00,",
            "\"\",-5.00,",
            ""
        ]
    );
    let alone = batch(vec![column("n", Int64Array::from(vec![None, Some(1)]))]);
    assert_eq!(
        String::from_utf8(export(Format::Csv, &[alone])).unwrap(),
        "n\r\n\"\"\r\n1\r\n"
    );
}

#[test]
fn arrow_and_parquet_keep_types_and_values() {
    let batch = everything();
    let bytes = export(Format::Arrow, &[batch.clone(), batch.clone()]);
    let reader = arrow::ipc::reader::StreamReader::try_new(Cursor::new(bytes), None).unwrap();
    assert_eq!(
        reader.map(Result::unwrap).collect::<Vec<_>>(),
        [batch.clone(), batch.clone()]
    );

    let bytes = bytes::Bytes::from(export(Format::Parquet, &[batch.clone(), batch.clone()]));
    let mut reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes)
        .unwrap()
        .build()
        .unwrap();
    let read = reader.next().unwrap().unwrap();
    assert_eq!(read.num_rows(), 4);
    for (at, field) in batch.schema().fields().iter().enumerate() {
        let name = field.name();
        let cells = clean_custard::rows::json::values(&read, 0..2).unwrap();
        let expected = expected();
        assert_eq!(
            (&cells[0][at], &cells[1][at]),
            (&expected[at].1, &Value::Null),
            "{name}"
        );
        // What Parquet has no type for comes back as another; all else as it was.
        if !matches!(name.as_str(), "f16" | "interval") {
            assert_eq!(read.schema().field(at).data_type(), field.data_type(), "{name}");
        }
    }
    let bytes = bytes::Bytes::from(export(Format::Parquet, &[batch_of_twins()]));
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let names: Vec<&String> = reader
        .schema()
        .fields()
        .iter()
        .map(|field| field.name())
        .collect();
    assert_eq!(names, ["n", "n_3", "n_2"]);
}

fn sheet(bytes: Vec<u8>) -> calamine::Range<Data> {
    let mut book = calamine::Xlsx::new(Cursor::new(bytes)).unwrap();
    book.worksheet_range_at(0).unwrap().unwrap()
}

#[test]
fn xlsx_cells_are_typed_and_lose_no_digit() {
    let range = sheet(export(Format::Xlsx, &[everything()]));
    let cell = |name: &str| {
        let at = (0..range.width() as u32)
            .find(|at| range.get_value((0, *at)) == Some(&Data::String(name.into())))
            .unwrap_or_else(|| panic!("no column {name}"));
        range.get_value((1, at)).unwrap().clone()
    };
    assert_eq!(cell("boolean"), Data::Bool(true));
    assert_eq!(cell("i32"), Data::Float(-32.0));
    assert_eq!(cell("f32"), Data::Float(0.1));
    assert_eq!(cell("decimal"), Data::Float(1234.5));
    // More digits than a spreadsheet's numbers keep.
    assert_eq!(cell("i64"), Data::String("9007199254740993".into()));
    assert_eq!(cell("u64"), Data::String("18446744073709551615".into()));
    assert_eq!(cell("numeric"), Data::String("-12345678901234567890.5".into()));
    assert_eq!(
        cell("wide"),
        Data::String("12345678901234567890123456789012345.67890".into())
    );
    assert_eq!(cell("text"), Data::String("größe, \"x\"\n€".into()));
    assert_eq!(cell("list"), Data::String("[1,null]".into()));
    assert_eq!(
        cell("json"),
        Data::String("{\"b\":1,\"a\":12345678901234567890}".into())
    );
    let date = |name: &str| match cell(name) {
        Data::DateTime(date) => date.as_f64(),
        other => panic!("{name}: {other:?}"),
    };
    // Days since the end of 1899.
    assert_eq!(date("date"), 45_351.0);
    let noon = 45_351.0 + 49_500.5 / 86_400.0;
    assert!((date("timestamp") - noon).abs() < 1e-8, "{}", date("timestamp"));
    assert!(
        (date("zoned (UTC)") - noon).abs() < 1e-8,
        "{}",
        date("zoned (UTC)")
    );
    let row: Vec<&Data> = range
        .rows()
        .nth(2)
        .map(|row| row.iter().collect())
        .unwrap_or_default();
    assert!(row.iter().all(|cell| **cell == Data::Empty), "{row:?}");
}

#[test]
fn xlsx_text_is_no_formula_and_old_dates_stay_text() {
    let rows = batch(vec![
        column(
            "text",
            StringArray::from(vec!["=1+1", "https://x.example", "\u{0}\u{1b}"]),
        ),
        column("day", Date32Array::from(vec![-25_567, -25_568, -25_508])), // 1900-01-01, 1899-12-31, 1900-03-01
    ]);
    let range = sheet(export(Format::Xlsx, &[rows]));
    assert_eq!(range.get_value((1, 0)), Some(&Data::String("=1+1".into())));
    let day = |row| match range.get_value((row, 1)) {
        Some(Data::DateTime(date)) => date.as_f64().to_string(),
        Some(Data::String(text)) => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!([day(1), day(2), day(3)], ["1", "1899-12-31", "61"]);
}

#[test]
fn what_a_sheet_cannot_hold_is_said() {
    let rows = batch(vec![column("n", NullArray::new(1_048_576))]);
    let mut export = Export::new(Format::Xlsx, &rows.schema(), Vec::new()).unwrap();
    let error = export.write(&rows).unwrap_err();
    assert!(
        matches!(error, Error::TooLarge(_)) && error.to_string().contains("1048575 rows"),
        "{error}"
    );

    let long = batch(vec![column("t", StringArray::from(vec!["𝄞".repeat(20_000)]))]);
    let mut export = Export::new(Format::Xlsx, &long.schema(), Vec::new()).unwrap();
    export.write(&long).unwrap();
    let range = sheet(export.finish().unwrap());
    let Some(Data::String(text)) = range.get_value((1, 0)) else {
        panic!()
    };
    assert!(text.ends_with("… (cut, 20000 characters in all)") && text.encode_utf16().count() <= 32_767);
}

#[test]
fn a_sink_that_fails_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let rows = everything();
    for format in Format::ALL {
        let written = Export::new(format, &rows.schema(), Full).and_then(|mut export| {
            export.write(&rows)?;
            export.finish()
        });
        let error = written.err().unwrap_or_else(|| panic!("{format:?}"));
        assert!(error.to_string().contains("disk full"), "{format:?}: {error}");
    }
}

#[test]
fn formats_are_known_by_their_words() {
    for format in Format::ALL {
        assert_eq!(format.extension().parse::<Format>().unwrap(), format);
    }
    assert!(matches!("exe".parse::<Format>(), Err(Error::Invalid(_))));
}
