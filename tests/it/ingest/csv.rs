//! Delimited text: every dialect, encoding and ragged shape gives the same cells, whatever stands in them.

use clean_custard::error::Error;
use clean_custard::ingest::{ColumnOverride, Overrides, TableOverride};
use proptest::prelude::*;

use super::{import, import_with};

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
