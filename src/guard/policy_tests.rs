//! Unit tests of the policy: what its patterns mean, and what is left of a catalog.

use std::time::Duration;

use super::*;

fn policy(allow: &[&str], deny: &[&str], hidden: &[&str], masked: &[(&str, Mask)]) -> Policy {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Policy::new(PolicyConfig {
        allow_tables: texts(allow),
        deny_tables: texts(deny),
        hidden_columns: texts(hidden),
        masked_columns: masked
            .iter()
            .map(|(text, mask)| ((*text).to_owned(), *mask))
            .collect(),
        ..PolicyConfig::default()
    })
}

#[test]
fn tables_are_open_unless_a_list_says_otherwise() {
    let open = policy(&[], &[], &[], &[]);
    assert!(open.allows_table(Some("public"), "orders"));
    assert!(!open.restricts());

    let some = policy(
        &["sales.*", "customers"],
        &["*_archive", "sales.secret*"],
        &[],
        &[],
    );
    assert!(some.restricts());
    for (schema, table, expected) in [
        (Some("sales"), "orders", true),
        (Some("SALES"), "Orders", true),
        (Some("public"), "customers", true),
        (None, "customers", true),
        (Some("public"), "orders", false),
        (Some("sales"), "orders_archive", false),
        (Some("sales"), "secrets", false),
        (Some("salesx"), "orders", false),
        (None, "orders", false),
    ] {
        assert_eq!(some.allows_table(schema, table), expected, "{schema:?} {table}");
    }
}

/// A dot may be part of a name. Such a name must neither slip past a rule that closes nor through one that
/// opens.
#[test]
fn a_name_with_a_dot_is_read_the_way_that_lets_less_out() {
    let deny = policy(&[], &["hr.people"], &[], &[]);
    assert!(!deny.allows_table(Some("hr"), "people"));
    assert!(!deny.allows_table(Some("public"), "hr.people"));
    assert!(!deny.allows_table(None, "hr.people"));
    let allow = policy(&["hr.people"], &[], &[], &[]);
    assert!(allow.allows_table(Some("hr"), "people"));
    assert!(!allow.allows_table(Some("public"), "hr.people"));
    assert!(allow.allows_table(None, "hr.people"));
}

#[test]
fn columns_are_hidden_in_every_schema_unless_one_is_named() {
    let policy = policy(
        &[],
        &[],
        &["people.ssn", "hr.staff.*", "*.password*", "users.address"],
        &[],
    );
    for (schema, table, column, expected) in [
        (Some("public"), "people", "ssn", true),
        (Some("api"), "People", "SSN", true),
        (Some("public"), "people", "ssn2", false),
        (Some("public"), "mypeople", "ssn", false),
        (Some("hr"), "staff", "anything", true),
        (Some("public"), "staff", "anything", false),
        (Some("public"), "any", "password_hash", true),
        (None, "users", "address.street", true),
        (None, "users", "addresses", false),
    ] {
        assert_eq!(
            policy.hides_column(schema, table, column),
            expected,
            "{schema:?} {table} {column}"
        );
    }
}

#[test]
fn a_table_is_restricted_if_a_column_nobody_has_seen_could_be() {
    let some = policy(&[], &[], &["people.ssn"], &[("hr.*.salary", Mask::Null)]);
    assert!(some.restricts_columns(Some("public"), "people"));
    assert!(some.restricts_columns(Some("hr"), "staff"));
    assert!(!some.restricts_columns(Some("public"), "orders"));
    let every = policy(&[], &[], &["*.ssn"], &[]);
    assert!(every.restricts_columns(None, "orders"));
    let nested = policy(&[], &[], &["users.address.street"], &[]);
    assert!(nested.restricts_below(None, "users", "address"));
    assert!(!nested.restricts_below(None, "users", "name"));
}

#[test]
fn the_strongest_mask_counts() {
    let masked = policy(
        &[],
        &[],
        &[],
        &[
            ("*.email", Mask::LastFour),
            ("people.email", Mask::Null),
            ("people.*", Mask::Hash),
        ],
    );
    assert_eq!(masked.mask(None, "people", "email"), Some(Mask::Null));
    assert_eq!(masked.mask(None, "people", "name"), Some(Mask::Hash));
    assert_eq!(masked.mask(None, "orders", "email"), Some(Mask::LastFour));
    assert_eq!(masked.mask(None, "orders", "id"), None);
}

fn column(name: &str) -> Column {
    Column {
        name: name.into(),
        type_name: "int4".into(),
        kind: ColumnKind::Integer,
        default: Some("1".into()),
        values: vec!["1".into()],
        values_complete: true,
        distinct_estimate: Some(1),
        min: Some("1".into()),
        max: Some("1".into()),
        ..Column::default()
    }
}

fn table(name: &str, columns: &[&str]) -> Table {
    Table {
        schema: Some("public".into()),
        name: name.into(),
        columns: columns.iter().map(|name| column(name)).collect(),
        ..Table::default()
    }
}

fn points(column: &str, table: &str, reference: &str) -> ForeignKey {
    ForeignKey {
        columns: vec![column.into()],
        schema: Some("public".into()),
        table: table.into(),
        references: vec![reference.into()],
    }
}

/// Whatever names something hidden goes with it: keys, and the values and statistics of masked columns.
#[test]
fn nothing_in_the_catalog_tells_of_what_is_hidden() {
    let full = Catalog {
        tables: vec![
            Table {
                primary_key: vec!["id".into()],
                unique: vec![vec!["ssn".into()], vec!["phone".into()], vec!["email".into()]],
                ..table("people", &["id", "ssn", "email", "phone", "salary"])
            },
            Table {
                primary_key: vec!["id".into(), "code".into()],
                foreign_keys: vec![
                    points("person", "people", "id"),
                    points("person", "people", "ssn"),
                    points("person", "people", "email"),
                    points("code", "secrets", "id"),
                    points("email", "people", "email"),
                ],
                ..table("orders", &["id", "code", "person", "email"])
            },
            table("secrets", &["id"]),
        ],
    };
    let policy = policy(
        &[],
        &["secrets"],
        &["people.ssn", "orders.code"],
        &[
            ("*.email", Mask::Hash),
            ("people.phone", Mask::LastFour),
            ("people.salary", Mask::Null),
        ],
    );
    let seen = policy.catalog(&full);
    let json = serde_json::to_string(&seen).unwrap();
    for hidden in ["ssn", "secrets", "\"code\""] {
        assert!(!json.contains(hidden), "{hidden} is in {json}");
    }
    let people = seen.table(None, "people").unwrap();
    assert_eq!(people.primary_key, ["id"]);
    assert_eq!(people.unique, [["email"]]);
    assert_eq!(people.column("id").unwrap().values, ["1"]);
    for (name, kind) in [
        ("email", ColumnKind::Text),
        ("phone", ColumnKind::Text),
        ("salary", ColumnKind::Integer),
    ] {
        let column = people.column(name).unwrap();
        assert_eq!(column.kind, kind, "{name}");
        assert_eq!(column.default, None, "{name}");
        assert!(column.values.is_empty() && !column.values_complete, "{name}");
        assert!(
            column
                .comment
                .as_deref()
                .is_some_and(|text| text.contains("masked"))
        );
        assert_eq!(
            (&column.min, &column.max, column.distinct_estimate),
            (&None, &None, None)
        );
    }
    let orders = seen.table(None, "orders").unwrap();
    assert!(orders.primary_key.is_empty());
    let kept: Vec<&str> = orders
        .foreign_keys
        .iter()
        .map(|key| key.references[0].as_str())
        .collect();
    assert_eq!(kept, ["id", "email"]);
}

#[test]
fn rules_that_fit_nothing_are_named() {
    let full = Catalog {
        tables: vec![table("people", &["id", "ssn"])],
    };
    let policy = policy(
        &["public.*"],
        &["secret"],
        &["people.ssn", "people.snn"],
        &[("person.id", Mask::Hash)],
    );
    assert_eq!(
        policy.idle_rules(&full),
        [
            "deny_tables: secret",
            "hidden_columns: people.snn",
            "masked_columns: person.id"
        ]
    );
}

#[test]
fn the_summary_counts_and_names_nothing() {
    let policy = Policy::new(PolicyConfig {
        max_rows: 7,
        max_time: Duration::from_secs(2),
        hidden_columns: vec!["people.ssn".into()],
        ..PolicyConfig::default()
    });
    let json = serde_json::to_string(&policy.summary()).unwrap();
    assert!(!json.contains("ssn"), "{json}");
    assert_eq!(policy.summary().max_rows, 7);
    assert_eq!(policy.summary().max_time_ms, 2_000);
    assert_eq!(policy.summary().hidden_columns, 1);
}

#[test]
fn a_key_of_ones_own_makes_hashes_that_last() {
    let with = |key: Option<&str>| {
        Policy::new(PolicyConfig {
            masked_columns: vec![("a.b".into(), Mask::Hash)],
            mask_key: key.map(Into::into),
            ..PolicyConfig::default()
        })
    };
    let key = "sixteen letters!";
    assert_eq!(with(Some(key)).mask_key(), with(Some(key)).mask_key());
    assert_ne!(with(None).mask_key(), with(None).mask_key());
    assert!(with(None).hashes_with_passing_key());
    assert!(!with(Some(key)).hashes_with_passing_key());
    assert!(!format!("{:?}", with(Some(key)).limits()).contains(key));
}
