//! Every Arrow type as JSON.

use std::sync::Arc;

use arrow::array::*;
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::*;
use serde_json::json;

use super::*;

fn one(name: &str, array: ArrayRef) -> Vec<Value> {
    marked(name, array, None)
}

fn marked(name: &str, array: ArrayRef, mark: Option<&str>) -> Vec<Value> {
    let mut field = Field::new(name, array.data_type().clone(), true);
    if let Some(mark) = mark {
        field = field.with_metadata([(TYPE_KEY.to_owned(), mark.to_owned())].into());
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    values(&batch, 0..usize::MAX)
        .unwrap()
        .into_iter()
        .map(|mut row| row.remove(0))
        .collect()
}

#[test]
fn integers_beyond_two_to_the_53_are_strings() {
    let edge = 1_i64 << 53;
    let cells = one(
        "n",
        Arc::new(Int64Array::from(vec![
            Some(edge),
            Some(edge + 1),
            Some(-edge - 1),
            Some(-3),
            None,
        ])),
    );
    assert_eq!(
        cells,
        [
            json!(edge),
            json!("9007199254740993"),
            json!("-9007199254740993"),
            json!(-3),
            Value::Null
        ]
    );
    let cells = one("n", Arc::new(UInt64Array::from(vec![7, u64::MAX])));
    assert_eq!(cells, [json!(7), json!("18446744073709551615")]);
    let small: Vec<ArrayRef> = vec![
        Arc::new(Int8Array::from(vec![-128])),
        Arc::new(Int16Array::from(vec![-128])),
        Arc::new(Int32Array::from(vec![-128])),
    ];
    for array in small {
        assert_eq!(one("n", array), [json!(-128)]);
    }
    let small: Vec<ArrayRef> = vec![
        Arc::new(UInt8Array::from(vec![255])),
        Arc::new(UInt16Array::from(vec![255])),
        Arc::new(UInt32Array::from(vec![255])),
    ];
    for array in small {
        assert_eq!(one("n", array), [json!(255)]);
    }
}

#[test]
fn decimals_keep_their_scale() {
    let array = Decimal128Array::from(vec![Some(1050), Some(-5), None])
        .with_precision_and_scale(10, 2)
        .unwrap();
    assert_eq!(
        one("d", Arc::new(array)),
        [json!("10.50"), json!("-0.05"), Value::Null]
    );
    let wide = Decimal256Array::from(vec![
        i256::from_string("123456789012345678901234567890123456789012").unwrap(),
    ])
    .with_precision_and_scale(50, 10)
    .unwrap();
    assert_eq!(
        one("d", Arc::new(wide)),
        [json!("12345678901234567890123456789012.3456789012")]
    );
    let narrow = Decimal32Array::from(vec![150])
        .with_precision_and_scale(5, 1)
        .unwrap();
    assert_eq!(one("d", Arc::new(narrow)), [json!("15.0")]);
    let middle = Decimal64Array::from(vec![150])
        .with_precision_and_scale(12, 0)
        .unwrap();
    assert_eq!(one("d", Arc::new(middle)), [json!("150")]);
}

#[test]
fn floats_are_the_shortest_numbers_and_never_invalid_json() {
    let cells = one(
        "f",
        Arc::new(Float64Array::from(vec![
            0.1,
            1e300,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ])),
    );
    assert_eq!(
        cells,
        [
            json!(0.1),
            json!(1e300),
            json!("NaN"),
            json!("Infinity"),
            json!("-Infinity")
        ]
    );
    assert_eq!(
        one("f", Arc::new(Float32Array::from(vec![0.1])))[0].to_string(),
        "0.1"
    );
}

#[test]
fn times_are_iso_with_a_zone_only_where_the_column_has_one() {
    let micros = 1_709_214_300_500_000; // 2024-02-29T13:45:00.5Z
    let naive = TimestampMicrosecondArray::from(vec![Some(micros), None]);
    assert_eq!(
        one("t", Arc::new(naive.clone())),
        [json!("2024-02-29T13:45:00.500"), Value::Null]
    );
    assert_eq!(
        one("t", Arc::new(naive.clone().with_timezone("UTC")))[0],
        json!("2024-02-29T13:45:00.500Z")
    );
    assert_eq!(
        one("t", Arc::new(naive.clone().with_timezone("Europe/Berlin")))[0],
        json!("2024-02-29T14:45:00.500+01:00")
    );
    assert_eq!(
        one("t", Arc::new(naive.with_timezone("Mars/Olympus")))[0],
        json!("2024-02-29T13:45:00.500Z")
    );
    assert_eq!(
        one("t", Arc::new(TimestampSecondArray::from(vec![0])))[0],
        json!("1970-01-01T00:00:00")
    );
    assert_eq!(
        one("t", Arc::new(TimestampNanosecondArray::from(vec![1])))[0],
        json!("1970-01-01T00:00:00.000000001")
    );
    assert_eq!(
        one(
            "t",
            Arc::new(TimestampMicrosecondArray::from(vec![
                i64::MAX,
                i64::MIN,
                i64::MAX - 1
            ]))
        ),
        [
            json!("infinity"),
            json!("-infinity"),
            json!("9223372036854775806 microseconds since 1970-01-01")
        ]
    );
    assert_eq!(
        one("d", Arc::new(Date32Array::from(vec![19_782, -1, i32::MAX]))),
        [json!("2024-02-29"), json!("1969-12-31"), json!("infinity")]
    );
    assert_eq!(
        one("d", Arc::new(Date64Array::from(vec![1_709_164_800_000])))[0],
        json!("2024-02-29")
    );
    assert_eq!(
        one("t", Arc::new(Time64MicrosecondArray::from(vec![49_500_500_000])))[0],
        json!("13:45:00.500")
    );
    assert_eq!(
        one("t", Arc::new(Time32SecondArray::from(vec![49_500])))[0],
        json!("13:45:00")
    );
}

#[test]
fn intervals_are_iso_with_signs_on_their_parts() {
    assert_eq!(iso_interval(14, 3, 14_706_700_000_000), "P1Y2M3DT4H5M6.7S");
    assert_eq!(iso_interval(0, -1, -7_200_000_000_000), "P-1DT-2H");
    assert_eq!(iso_interval(0, 0, -500_000_000), "PT-0.5S");
    assert_eq!(iso_interval(0, 0, 0), "PT0S");
    let array = IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, 2, 3_000_000_000)]);
    assert_eq!(one("i", Arc::new(array)), [json!("P1M2DT3S")]);
    assert_eq!(
        one("i", Arc::new(DurationMillisecondArray::from(vec![90_000]))),
        [json!("PT1M30S")]
    );
    assert_eq!(
        one("i", Arc::new(IntervalYearMonthArray::from(vec![-13]))),
        [json!("P-1Y-1M")]
    );
}

#[test]
fn text_bytes_and_marks() {
    let texts: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec!["ä"])),
        Arc::new(LargeStringArray::from(vec!["ä"])),
        Arc::new(StringViewArray::from(vec!["ä"])),
    ];
    for array in texts {
        assert_eq!(one("s", array), [json!("ä")]);
    }
    let bytes: Vec<ArrayRef> = vec![
        Arc::new(BinaryArray::from(vec![b"\x00\xff".as_slice()])),
        Arc::new(LargeBinaryArray::from(vec![b"\x00\xff".as_slice()])),
        Arc::new(BinaryViewArray::from(vec![b"\x00\xff".as_slice()])),
    ];
    for array in bytes {
        assert_eq!(one("b", array), [json!("AP8=")]);
    }
    let id = uuid::Uuid::from_u128(7);
    let array = FixedSizeBinaryArray::try_from_iter([id.into_bytes()].into_iter()).unwrap();
    assert_eq!(
        marked("u", Arc::new(array), Some("uuid")),
        [json!(id.to_string())]
    );
    assert_eq!(one("z", Arc::new(NullArray::new(2))), [Value::Null, Value::Null]);
    assert_eq!(one("b", Arc::new(BooleanArray::from(vec![true]))), [json!(true)]);
}

#[test]
fn json_columns_are_parsed_without_losing_digits() {
    let texts = vec![
        r#"{"id":12345678901234567890,"price":0.1,"pi":3.14159265358979323846,"text":"1234567890123456789 \" 1e999"}"#,
        "[1e999,-9007199254740993,2]",
        "not json",
        "1234567890123456789 1234567890123456789",
        "00000000000000000000001",
    ];
    assert_eq!(
        marked("j", Arc::new(StringArray::from(texts)), Some("json")),
        [
            json!({"id": "12345678901234567890", "price": 0.1, "pi": "3.14159265358979323846", "text": "1234567890123456789 \" 1e999"}),
            json!(["1e999", "-9007199254740993", 2]),
            json!("not json"),
            json!("1234567890123456789 1234567890123456789"),
            json!("00000000000000000000001"),
        ]
    );
    let deep = "[".repeat(100_000);
    assert_eq!(
        marked(
            "j",
            Arc::new(StringArray::from(vec![deep.as_str()])),
            Some("json")
        ),
        [json!(deep)]
    );
}

#[test]
fn nested_values_and_dictionaries() {
    let mut list = ListBuilder::new(Int64Builder::new());
    list.append_value([Some(1), None]);
    list.append_null();
    list.append_value([]);
    let list: ArrayRef = Arc::new(list.finish());
    assert_eq!(one("l", list.clone()), [json!([1, null]), Value::Null, json!([])]);
    let view = arrow::compute::cast(
        &list,
        &DataType::ListView(Arc::new(Field::new("item", DataType::Int64, true))),
    )
    .unwrap();
    assert_eq!(one("l", view), [json!([1, null]), Value::Null, json!([])]);

    let object = StructArray::from(vec![
        (
            Arc::new(Field::new("a", DataType::Int64, true)),
            Arc::new(Int64Array::from(vec![1, 1 << 60])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("b", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec![None, Some("x")])) as ArrayRef,
        ),
    ]);
    assert_eq!(
        one("o", Arc::new(object)),
        [
            json!({"a": 1, "b": null}),
            json!({"a": "1152921504606846976", "b": "x"})
        ]
    );

    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    map.keys().append_value("k");
    map.values().append_value(5);
    map.append(true).unwrap();
    map.keys().append_value("k");
    map.values().append_value(5);
    map.keys().append_value("k");
    map.values().append_value(6);
    map.append(true).unwrap();
    assert_eq!(
        one("m", Arc::new(map.finish())),
        [json!({"k": 5}), json!([["k", 5], ["k", 6]])]
    );

    let words: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("a")].into_iter().collect();
    assert_eq!(one("d", Arc::new(words)), [json!("a"), Value::Null, json!("a")]);
    let runs =
        RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3]), &StringArray::from(vec!["x", "y"]))
            .unwrap();
    assert_eq!(one("r", Arc::new(runs)), [json!("x"), json!("x"), json!("y")]);
}

#[test]
fn lists_too_deep_are_refused_not_followed() {
    let mut array: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    for _ in 0..200 {
        let field = Arc::new(Field::new("item", array.data_type().clone(), true));
        array = Arc::new(ListArray::new(
            field,
            OffsetBuffer::new(ScalarBuffer::from(vec![0, 1])),
            array,
            None,
        ));
    }
    let field = Field::new("l", array.data_type().clone(), true);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    assert!(matches!(values(&batch, 0..1), Err(Error::Invalid(_))));
}

#[test]
fn a_range_is_cut_to_the_batch() {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![1, 2, 3]))]).unwrap();
    assert_eq!(values(&batch, 1..2).unwrap(), [[json!(2)]]);
    assert_eq!(values(&batch, 2..90).unwrap(), [[json!(3)]]);
    assert!(values(&batch, 5..9).unwrap().is_empty());
}
