//! Whatever is asked, the guard neither panics nor lets through what is not on its lists.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::check;
use crate::catalog::{Catalog, Column, Table, TypeShare};
use crate::error::{Error, SourceFault};

fn catalog() -> Catalog {
    let column = |name: &str, type_name: &str| Column {
        name: name.into(),
        type_name: type_name.into(),
        types: vec![TypeShare {
            name: type_name.into(),
            share: 1.0,
        }],
        ..Column::default()
    };
    Catalog {
        tables: vec![
            Table {
                name: "a".into(),
                columns: vec![
                    column("_id", "int"),
                    column("n", "double"),
                    column("s", "string"),
                    column("at", "date"),
                    column("l", "array<object>"),
                    column("l.x", "int"),
                    column("d", "object"),
                    column("d.y", "string"),
                ],
                ..Table::default()
            },
            // Nothing is known of it.
            Table {
                name: "b".into(),
                ..Table::default()
            },
        ],
    }
}

/// Names that may only stand as keys of what never passes.
const FORBIDDEN: &[&str] = &[
    "$out",
    "$merge",
    "$where",
    "$function",
    "$accumulator",
    "$currentOp",
    "$collStats",
    "$changeStream",
    "$code",
];

fn name() -> impl Strategy<Value = String> {
    let names = [
        "$match",
        "$project",
        "$group",
        "$lookup",
        "$unionWith",
        "$facet",
        "$set",
        "$unwind",
        "$expr",
        "$and",
        "$eq",
        "$gt",
        "$sum",
        "$push",
        "$map",
        "$let",
        "$cond",
        "$literal",
        "$getField",
        "$elemMatch",
        "$in",
        "$not",
        "$sort",
        "$replaceWith",
        "$setWindowFields",
        "$top",
        "$date",
        "$oid",
        "_id",
        "n",
        "s",
        "at",
        "l",
        "l.x",
        "d.y",
        "from",
        "pipeline",
        "coll",
        "as",
        "let",
        "in",
        "input",
        "vars",
        "cond",
        "field",
        "output",
        "sortBy",
        "localField",
        "foreignField",
        "newRoot",
        "",
        "$",
        "$$",
        "a.b.",
        "collection",
    ];
    prop::sample::select(
        names
            .into_iter()
            .chain(FORBIDDEN.iter().copied())
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    )
}

fn value() -> impl Strategy<Value = Value> {
    let texts = [
        "$n",
        "$s",
        "$l.x",
        "$d.y",
        "$$ROOT",
        "$$this.x",
        "$$v",
        "$nothing",
        "a",
        "b",
        "c",
        "$",
        "$$",
        "$a..b",
        "$out",
        "2024-01-01",
        "n",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        prop::sample::select(texts.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Mostly right on the outside, so that the inside is reached.
fn query() -> impl Strategy<Value = String> {
    let stage = prop_oneof![
        3 => (name(), value()).prop_map(|(name, value)| json!({ name: value })),
        1 => value(),
    ];
    let collection = prop::sample::select(vec!["a", "b", "c"]);
    (collection, prop::collection::vec(stage, 0..4)).prop_map(|(collection, pipeline)| {
        json!({"collection": collection, "pipeline": pipeline}).to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn what_passes_holds_nothing_forbidden_and_passes_again(text in query()) {
        if let Ok(resolved) = check(&text, &catalog()) {
            for forbidden in FORBIDDEN {
                let key = format!("\"{forbidden}\":");
                prop_assert!(!resolved.text.contains(&key), "{}", resolved.text);
            }
            let again = check(&resolved.text, &catalog()).expect("what was printed passes");
            prop_assert_eq!(again.text, resolved.text);
            prop_assert_eq!(again.tables, resolved.tables);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}") {
        let _ = check(&text, &catalog());
    }
}

#[test]
fn numbers_are_kept_to_the_last_bit() {
    for number in [
        "-1.1403646819088522e-147",
        "0.1",
        "2.2250738585072014e-308",
        "9007199254740993",
    ] {
        let text = format!(r#"{{"collection": "a", "pipeline": [{{"$match": {{"n": {number}}}}}]}}"#);
        let resolved = check(&text, &catalog()).expect("a plain query");
        let printed: serde_json::Value = serde_json::from_str(&resolved.text).unwrap();
        let kept = &printed["pipeline"][0]["$match"]["n"];
        assert_eq!(kept.as_f64(), number.parse().ok(), "{}", resolved.text);
        if let Ok(whole) = number.parse::<i64>() {
            assert_eq!(kept.as_i64(), Some(whole), "{}", resolved.text);
        }
    }
}

#[test]
fn messages_name_the_nearest() {
    let said = |text: &str| match check(text, &catalog()) {
        Err(Error::Source {
            kind: SourceFault::Name,
            message,
        }) => message,
        other => panic!("{other:?}"),
    };
    let field = said(r#"{"collection": "a", "pipeline": [{"$project": {"x": "$l.xx"}}]}"#);
    assert!(field.contains("\"l.xx\"") && field.contains("l.x"), "{field}");
    let collection = said(r#"{"collection": "A", "pipeline": []}"#);
    assert!(
        collection.contains("\"A\"") && collection.contains(" a"),
        "{collection}"
    );
    let gone = said(r#"{"collection": "a", "pipeline": [{"$group": {"_id": "$s"}}, {"$match": {"n": 1}}]}"#);
    assert!(gone.contains("at this point"), "{gone}");
}
