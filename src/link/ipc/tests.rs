//! Streams that are whole, cut, damaged and hostile.

use std::sync::LazyLock;

use arrow::array::*;
use arrow::datatypes::*;
use proptest::prelude::*;

use super::*;

/// The sample, encoded.
static STREAM: LazyLock<Vec<u8>> = LazyLock::new(|| encode(&[sample()]));

fn sample() -> RecordBatch {
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    let mut lists = ListBuilder::new(Int64Builder::new());
    let mut decimals = Decimal128Builder::new().with_precision_and_scale(38, 10).unwrap();
    for i in 0..1000 {
        dictionary.append_value(["red", "green", "blue"][i % 3]);
        lists.append_value((0..i as i64 % 4).map(Some));
        decimals.append_option((i % 7 != 0).then_some(i as i128 * 1_000_000_007));
    }
    let texts: Vec<Option<String>> = (0..1000)
        .map(|i| (i % 5 != 0).then(|| format!("row {i} ☃")))
        .collect();
    let views: StringViewArray = texts.iter().map(|t| t.as_deref()).collect();
    RecordBatch::try_from_iter_with_nullable([
        (
            "n",
            Arc::new(Int64Array::from_iter_values(0..1000)) as ArrayRef,
            false,
        ),
        ("text", Arc::new(StringArray::from(texts)), true),
        ("view", Arc::new(views), true),
        ("colour", Arc::new(dictionary.finish()), true),
        ("list", Arc::new(lists.finish()), true),
        ("decimal", Arc::new(decimals.finish()), true),
        ("nothing", Arc::new(NullArray::new(1000)), true),
        (
            "at",
            Arc::new(TimestampMicrosecondArray::from_iter_values(0..1000).with_timezone("UTC")),
            true,
        ),
    ])
    .unwrap()
}

fn encode(batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = Encoder::new(&batches[0].schema()).unwrap();
    let mut bytes = encoder.take();
    for batch in batches {
        for piece in encoder.pieces(batch).unwrap() {
            bytes.extend(encoder.encode(&piece).unwrap());
        }
    }
    bytes.extend(encoder.finish().unwrap());
    bytes
}

fn decode(bytes: &[u8], step: usize, max_rows: u64) -> Result<Vec<RecordBatch>> {
    let mut decoder = Decoder::new(max_rows);
    let mut batches = Vec::new();
    for chunk in bytes.chunks(step) {
        decoder.feed(Bytes::copy_from_slice(chunk));
        while let Some(batch) = decoder.next_batch()? {
            batches.push(batch);
        }
    }
    decoder.finish()?;
    Ok(batches)
}

fn joined(batches: &[RecordBatch]) -> RecordBatch {
    arrow::compute::concat_batches(&batches[0].schema(), batches).unwrap()
}

#[test]
fn every_type_survives_whatever_the_pieces() {
    let sent = sample();
    let bytes = encode(&[sent.clone(), sent.slice(10, 5), sent.slice(0, 0)]);
    for step in [1, 7, 4096, bytes.len()] {
        let received = decode(&bytes, step, 1005).unwrap();
        let received = joined(&received);
        assert_eq!(received.num_rows(), 1005);
        for (name, column) in sent
            .schema()
            .fields()
            .iter()
            .map(|f| f.name())
            .zip(received.columns())
        {
            let sent = sent.column_by_name(name).unwrap();
            let plain = cast(sent, column.data_type()).unwrap();
            assert_eq!(column.slice(0, 1000).as_ref(), plain.as_ref(), "{name}");
            assert_eq!(
                column.slice(1000, 5).as_ref(),
                plain.slice(10, 5).as_ref(),
                "{name}"
            );
        }
    }
}

#[test]
fn a_large_batch_travels_in_pieces_and_an_empty_result_as_its_columns() {
    let long = "x".repeat(10_000);
    let batch = RecordBatch::try_from_iter([(
        "text",
        Arc::new(StringArray::from_iter_values(
            (0..1000).map(|i| format!("{i}{long}")),
        )) as ArrayRef,
    )])
    .unwrap();
    let encoder = Encoder::new(&batch.schema()).unwrap();
    let pieces = encoder.pieces(&batch).unwrap();
    assert!(pieces.len() >= 20, "{}", pieces.len());
    assert_eq!(
        joined(&decode(&encode(std::slice::from_ref(&batch)), 65_528, 1000).unwrap()),
        batch
    );

    let bytes = encode(&[batch.slice(0, 0)]);
    let mut decoder = Decoder::new(0);
    decoder.feed(bytes.into());
    assert!(decoder.next_batch().unwrap().is_none());
    assert_eq!(decoder.schema().unwrap(), batch.schema());
    decoder.finish().unwrap();
}

#[test]
fn one_row_beyond_the_limit_is_refused() {
    let bytes = encode(&[sample()]);
    assert!(decode(&bytes, 4096, 1000).is_ok());
    let error = decode(&bytes, 4096, 999).unwrap_err().to_string();
    assert!(error.contains("more rows than were asked for"), "{error}");
}

#[test]
fn a_result_that_is_not_whole_is_refused() {
    let bytes = encode(&[sample()]);
    for end in [0, 5, 100, bytes.len() / 2, bytes.len() - 8, bytes.len() - 1] {
        assert!(decode(&bytes[..end], 4096, 1000).is_err(), "{end}");
    }
    let mut more = bytes.clone();
    more.extend_from_slice(b"more");
    assert!(decode(&more, 4096, 1000).is_err());
}

/// A message whose buffers claim, or unfold to, far more than they hold.
#[test]
fn what_would_unfold_to_gigabytes_is_refused_before_it_does() {
    let zeros = RecordBatch::try_from_iter([(
        "zeros",
        Arc::new(Int64Array::from(vec![0; 4_000_000])) as ArrayRef,
    )])
    .unwrap();
    let mut encoder = Encoder::new(&zeros.schema()).unwrap();
    let mut bytes = encoder.take();
    let start = bytes.len();
    bytes.extend(encoder.encode(&zeros).unwrap());
    assert!(
        decode(&bytes, 65_536, u64::MAX)
            .unwrap_err()
            .to_string()
            .contains("middle")
    );
    // The declared size of the one long buffer: 32,000,000.
    let declared = 32_000_000_i64.to_le_bytes();
    let at = start
        + bytes[start..]
            .windows(8)
            .position(|window| window == declared)
            .unwrap();
    for claim in [i64::MAX, -2, 40_000_000, 8] {
        let mut hostile = bytes.clone();
        hostile[at..at + 8].copy_from_slice(&claim.to_le_bytes());
        assert!(decode(&hostile, 65_536, u64::MAX).is_err(), "{claim}");
    }
}

#[test]
fn types_that_multiply_what_was_sent_are_refused() {
    let views: StringViewArray = ["a"].into_iter().map(Some).collect();
    let words: DictionaryArray<Int32Type> = ["a"].into_iter().collect();
    for column in [Arc::new(views) as ArrayRef, Arc::new(words)] {
        let batch = RecordBatch::try_from_iter([("column", column)]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let error = decode(writer.get_ref(), 4096, 10).unwrap_err().to_string();
        assert!(error.contains("type that was not agreed"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is changed on the way: an error or rows, never a panic or an endless allocation.
    #[test]
    fn damaged_streams_are_errors(at in any::<prop::sample::Index>(), bytes in prop::collection::vec(any::<u8>(), 1..9)) {
        let mut stream = STREAM.clone();
        let at = at.index(stream.len() - bytes.len());
        stream[at..at + bytes.len()].copy_from_slice(&bytes);
        if let Ok(batches) = decode(&stream, 4096, 1000) {
            prop_assert!(batches.iter().map(RecordBatch::num_rows).sum::<usize>() <= 1000);
        }
    }
}
