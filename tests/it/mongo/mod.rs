//! The MongoDB source against a real mongod: catalog, values, limits, cancelling, the guard's corpus through
//! the whole path, and the server going away.

mod agent;
mod own_keys;
mod policy;
mod replicas;
mod shop;
mod types;

use std::sync::Arc;
use std::time::Duration;

use clean_custard::catalog::{Catalog, ColumnKind, TableKind};
use clean_custard::error::{Error, SourceFault};
use clean_custard::guard;
use clean_custard::rows::columns;
use clean_custard::source::{Dialect, Limits, Source, connect};
use futures::StreamExt;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

pub use self::shop::shop;
use crate::support::conformance::{self, suite, values};
use crate::support::mongo::{Mongod, shared};

const ALLOWED: &str = include_str!("../../corpus/mongo_allowed.jsonl");
const REFUSED: &str = include_str!("../../corpus/mongo_refused.jsonl");

fn source(url: &str) -> Arc<dyn Source> {
    connect(url).expect("a URL of the test server")
}

/// The lines of a corpus that are queries.
fn lines(corpus: &str) -> impl Iterator<Item = &str> {
    corpus
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// As the pipeline does it: guard, then run. Columns as `name type`, and the rows.
async fn asked(
    source: &dyn Source,
    catalog: &Catalog,
    query: &str,
) -> Result<(Vec<String>, Vec<Vec<Value>>), Error> {
    let checked = guard::check(query, catalog, Dialect::Mongodb)?;
    let rows = source.run(&checked.text, &Limits::default()).await?;
    let names = columns(&rows.schema)
        .into_iter()
        .map(|column| format!("{} {}", column.name, column.type_name))
        .collect();
    Ok((names, values(rows).await?))
}

fn query(collection: &str, pipeline: Value) -> String {
    json!({"collection": collection, "pipeline": pipeline}).to_string()
}

#[tokio::test]
async fn it_conforms() {
    let database = conformance::mongo::shop(shared()).await;
    suite(source(&database.url()), &conformance::mongo::words(), &database).await;
}

/// The user may do everything here.
#[tokio::test]
async fn an_administrator_writes_nothing() {
    let database = conformance::mongo::shop(shared()).await;
    conformance::writes(
        &*source(&database.root_url()),
        &conformance::mongo::words(),
        &database,
    )
    .await;
}

#[tokio::test]
async fn the_catalog_tells_paths_types_keys_views_and_time_series() {
    let database = shop(shared()).await;
    let catalog = source(&database.url()).catalog().await.expect("a catalog");
    let names: Vec<(&str, TableKind)> = catalog
        .tables
        .iter()
        .map(|table| (table.name.as_str(), table.kind))
        .collect();
    assert_eq!(
        names,
        [
            ("customers", TableKind::Table),
            ("orders", TableKind::Table),
            ("paid_orders", TableKind::View),
            ("products", TableKind::Table),
            ("readings", TableKind::TimeSeries)
        ]
    );
    let customers = catalog.table(None, "customers").expect("customers");
    assert_eq!(customers.row_estimate, Some(4));
    assert_eq!(customers.primary_key, ["_id"]);
    assert_eq!(customers.unique, [["name"]]);
    assert_eq!(customers.indexes, [["address.city"]]);
    let described: Vec<String> = customers
        .columns
        .iter()
        .map(|column| format!("{} {}", column.name, column.type_name))
        .collect();
    assert_eq!(
        described,
        [
            "_id objectId",
            "name string",
            "address object",
            "address.city string",
            "address.zip int",
            "tags array<string>",
            "friend objectId"
        ]
    );
    let friend = customers.column("friend").expect("friend");
    assert_eq!((friend.seen, friend.nullable), (Some(0.75), true));
    let city = customers.column("address.city").expect("city");
    assert_eq!(
        (city.values.join(","), city.values_complete),
        ("Bern,Basel,Chur".into(), true)
    );
    let orders = catalog.table(None, "orders").expect("orders");
    let kinds: Vec<ColumnKind> = ["at", "items", "items.qty", "total", "total_exact", "note"]
        .iter()
        .map(|name| orders.column(name).expect("a column").kind)
        .collect();
    assert_eq!(
        kinds,
        [
            ColumnKind::TimestampTz,
            ColumnKind::Array,
            ColumnKind::Integer,
            ColumnKind::Float,
            ColumnKind::Decimal,
            ColumnKind::Other
        ]
    );
    let points = |name: &str| -> Vec<String> {
        let table = catalog.table(None, name).expect("a collection");
        let keys = table.foreign_keys.iter();
        keys.map(|key| format!("{} -> {}.{}", key.columns[0], key.table, key.references[0]))
            .collect()
    };
    assert_eq!(points("orders"), ["customer_id -> customers._id"]);
    assert_eq!(points("customers"), ["friend -> customers._id"]);
    let note = orders.column("note").expect("note");
    assert_eq!(
        note.types.iter().map(|share| share.share).collect::<Vec<_>>(),
        [0.5, 0.5]
    );
    assert!(
        catalog
            .table(None, "readings")
            .expect("readings")
            .column("where.room")
            .is_some()
    );
}

#[tokio::test]
async fn a_field_that_a_later_sample_misses_stays() {
    let documents: Vec<Document> = (0..3_000).map(|n| doc! {"_id": n, "n": n}).collect();
    let database = shared().database(&[("big", documents)]).await;
    let big = database.root().collection::<Document>("big");
    big.insert_one(doc! {"_id": 9_999, "rare": true})
        .await
        .expect("the newest");
    let source = source(&database.url());
    let has_rare = |catalog: &Catalog| {
        let big = catalog.table(None, "big").expect("big");
        assert_eq!(big.row_estimate, Some(3_001));
        big.column("rare").is_some()
    };
    assert!(
        has_rare(&source.catalog().await.expect("a catalog")),
        "the newest is looked at"
    );
    // Buried under newer ones, it is in no sample any more, or by chance only.
    big.delete_one(doc! {"_id": 9_999}).await.expect("gone");
    big.insert_one(doc! {"_id": 1_500_000, "n": 1})
        .await
        .expect("another");
    assert!(
        has_rare(&source.catalog().await.expect("a catalog")),
        "what was known is kept"
    );
}

#[tokio::test]
async fn the_allowed_corpus_runs() {
    let database = shop(shared()).await;
    let source = source(&database.url());
    let catalog = source.catalog().await.expect("a catalog");
    let mut failed = Vec::new();
    for line in lines(ALLOWED) {
        match asked(&*source, &catalog, line).await {
            Ok((names, _)) if !names.is_empty() => {}
            Ok(_) => failed.push(format!("no columns: {line}")),
            Err(error) => failed.push(format!("{error}: {line}")),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
async fn results_are_right() {
    let database = shop(shared()).await;
    let source = source(&database.url());
    let catalog = source.catalog().await.expect("a catalog");
    let ask = async |text: String| asked(&*source, &catalog, &text).await.expect("rows");
    let (names, rows) = ask(query(
        "orders",
        json!([{"$group": {"_id": null, "n": {"$sum": 1}, "revenue": {"$sum": "$total"}, "exact": {"$sum": "$total_exact"}}}]),
    ))
    .await;
    assert_eq!(
        names,
        ["exact decimal", "n integer", "revenue float"],
        "`_id: null` says nothing"
    );
    assert_eq!(rows, [[json!("302.40"), json!(24), json!(750.0)]]);
    let (names, rows) = ask(query(
        "orders",
        json!([{"$unwind": "$items"}, {"$lookup": {"from": "customers", "localField": "customer_id", "foreignField": "_id", "as": "c"}},
               {"$unwind": "$c"}, {"$group": {"_id": "$c.address.city", "qty": {"$sum": "$items.qty"}}},
               {"$sort": {"qty": -1}}, {"$project": {"_id": 0, "city": "$_id", "qty": 1}}]),
    ))
    .await;
    assert_eq!(names, ["qty integer", "city text"]);
    assert_eq!(rows, [[json!(48), json!("Bern")], [json!(24), json!("Basel")]]);
    // A column that no document has is a column all the same.
    let (names, rows) = ask(query(
        "orders",
        json!([{"$match": {"_id": 2}}, {"$project": {"_id": 1, "note": 1}}]),
    ))
    .await;
    assert_eq!(names, ["_id integer", "note text"]);
    assert_eq!(rows, [[json!(2), Value::Null]]);
    let (names, rows) = ask(query(
        "orders",
        json!([{"$match": {"_id": 0}}, {"$project": {"status": 1}}]),
    ))
    .await;
    assert_eq!(
        (names, rows.len()),
        (vec!["_id text".to_owned(), "status text".to_owned()], 0)
    );
}

/// The whole path, as the user that may do everything and as the one that only reads.
#[tokio::test]
async fn the_refused_corpus_changes_nothing() {
    let database = shop(shared()).await;
    let before = database.fingerprint().await;
    let mut passed = Vec::new();
    for url in [database.root_url(), database.url()] {
        let source = source(&url);
        let catalog = source.catalog().await.expect("a catalog");
        for line in lines(REFUSED) {
            match asked(&*source, &catalog, line).await {
                Err(Error::Refused(_))
                | Err(Error::Source {
                    kind: SourceFault::Name | SourceFault::Syntax | SourceFault::Type,
                    ..
                }) => {}
                other => passed.push(format!("{other:?}: {line}")),
            }
        }
    }
    assert!(passed.is_empty(), "{}", passed.join("\n"));
    assert_eq!(database.fingerprint().await, before);
}

/// Without the guard the source holds as well: what writes or runs code is not sent.
#[tokio::test]
async fn the_source_alone_writes_nothing() {
    let database = shop(shared()).await;
    let before = database.fingerprint().await;
    let source = source(&database.root_url());
    let mut written = 0;
    for line in lines(REFUSED).filter(|line| {
        [
            "$out",
            "\\u0024out",
            "$merge",
            "$where",
            "$function",
            "$accumulator",
            "$code",
        ]
        .iter()
        .any(|word| line.contains(word))
    }) {
        let outcome = match source.run(line, &Limits::default()).await {
            Ok(rows) => values(rows).await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(outcome.is_err(), "{line}");
        written += 1;
    }
    assert!(written > 15, "only {written} such lines were found");
    assert_eq!(database.fingerprint().await, before);
}

#[test]
fn depth_is_refused_and_not_followed() {
    let catalog = Catalog::default();
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    for value in [
        nested("[", "]"),
        nested("{\"$and\":[", "]}"),
        nested("{\"a\":", "}"),
        nested("{\"$facet\":{\"a\":[", "]}}"),
    ] {
        let text = format!("{{\"collection\":\"orders\",\"pipeline\":[{value}]}}");
        assert!(matches!(
            guard::check(&text, &catalog, Dialect::Mongodb),
            Err(Error::Refused(_))
        ));
    }
}

#[tokio::test]
async fn limits_cut_and_say_so() {
    let documents: Vec<Document> = (0..30_000_i32)
        .map(|n| doc! {"_id": n, "pad": "x".repeat(100)})
        .collect();
    let database = shared().database(&[("many", documents)]).await;
    let source = source(&database.url());
    let all = query("many", json!([]));
    for (limits, expected, cut) in [
        (
            Limits {
                rows: 25_000,
                ..Limits::default()
            },
            25_000,
            true,
        ),
        (
            Limits {
                rows: 30_000,
                ..Limits::default()
            },
            30_000,
            false,
        ),
        (
            Limits {
                rows: 1,
                ..Limits::default()
            },
            1,
            true,
        ),
    ] {
        let rows = source.run(&all, &limits).await.expect("it runs");
        let truncated = rows.truncated.clone();
        assert_eq!(values(rows).await.expect("rows").len(), expected);
        assert_eq!(truncated.get(), cut, "{limits:?}");
    }
    let rows = source
        .run(
            &all,
            &Limits {
                bytes: 1_000_000,
                ..Limits::default()
            },
        )
        .await
        .expect("it runs");
    let truncated = rows.truncated.clone();
    let count = values(rows).await.expect("rows").len();
    assert!(truncated.get() && (5_000..12_000).contains(&count), "{count}");
    database.wait_for_busy(|busy| busy == 0).await;
}

/// A query that would take for ever.
fn endless() -> String {
    let cross = json!({"$lookup": {"from": "many", "pipeline": [], "as": "x"}});
    query(
        "many",
        json!([cross, {"$unwind": "$x"}, {"$lookup": {"from": "many", "pipeline": [], "as": "y"}}, {"$unwind": "$y"},
               {"$group": {"_id": null, "n": {"$sum": 1}}}]),
    )
}

async fn many(server: &Mongod) -> crate::support::mongo::Database<'_> {
    let documents: Vec<Document> = (0..20_000_i32)
        .map(|n| doc! {"_id": n, "n": n, "pad": "x".repeat(200)})
        .collect();
    server.database(&[("many", documents)]).await
}

#[tokio::test]
async fn time_ends_at_the_server() {
    let database = many(shared()).await;
    let source = source(&database.url());
    let limits = Limits {
        time_ms: 300,
        ..Limits::default()
    };
    let error = source.run(&endless(), &limits).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    database.wait_for_busy(|busy| busy == 0).await;
}

#[tokio::test]
async fn leaving_kills_the_operation_and_the_cursor() {
    let database = many(shared()).await;
    let source = source(&database.url());
    // While it waits for its first document.
    let asking = tokio::spawn({
        let source = source.clone();
        async move { source.run(&endless(), &Limits::default()).await.map(|_| ()) }
    });
    database.wait_for_busy(|busy| busy > 0).await;
    asking.abort();
    database.wait_for_busy(|busy| busy == 0).await;
    // In the middle of its documents.
    let mut rows = source
        .run(&query("many", json!([{"$sort": {"_id": 1}}])), &Limits::default())
        .await
        .expect("it runs");
    rows.batches.next().await.expect("a batch").expect("rows");
    database.wait_for_busy(|busy| busy > 0).await;
    drop(rows);
    database.wait_for_busy(|busy| busy == 0).await;
}

#[tokio::test]
async fn a_role_that_could_write_is_reported() {
    let database = shop(shared()).await;
    let reader = source(&database.url()).check().await.expect("it says what it is");
    assert!(reader.version.starts_with("MongoDB "), "{}", reader.version);
    assert_eq!(reader.role_warnings, Vec::<String>::new());
    let root = source(&database.root_url())
        .check()
        .await
        .expect("it says what it is");
    assert!(root.role_warnings[0].contains("root"), "{:?}", root.role_warnings);
    database
        .command(doc! {"createUser": "writer", "pwd": "w", "roles": ["readWrite"]})
        .await;
    let url = format!("mongodb://writer:w@127.0.0.1:{}/{}", shared().port, database.name);
    let writer = source(&url).check().await.expect("it says what it is");
    assert!(
        writer.role_warnings[0].contains("insert"),
        "{:?}",
        writer.role_warnings
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_plainly() {
    let database = shop(shared()).await;
    let port = shared().port;
    let said = async |url: String| source(&url).check().await.unwrap_err().to_string();
    let wrong_password = said(format!(
        "mongodb://custard_reader:wrong@127.0.0.1:{port}/{}",
        database.name
    ))
    .await;
    assert!(
        wrong_password.contains("password") && !wrong_password.contains("wrong@"),
        "{wrong_password}"
    );
    let missing = said(format!(
        "mongodb://custard_root:root-secret@127.0.0.1:{port}/nowhere?authSource=admin"
    ))
    .await;
    assert!(missing.contains("no database \"nowhere\""), "{missing}");
    let unreachable = said("mongodb://127.0.0.1:1/shop?serverSelectionTimeoutMS=300".into()).await;
    assert!(
        unreachable.contains("could not be reached") && unreachable.contains("refused"),
        "{unreachable}"
    );
    // A user of another database: found in admin without being told.
    let in_admin = format!(
        "mongodb://custard_root:root-secret@127.0.0.1:{port}/{}",
        database.name
    );
    source(&in_admin).check().await.expect("it is found");
    // TLS where the server has none.
    let tls = said(format!(
        "mongodb://127.0.0.1:{port}/shop?tls=true&serverSelectionTimeoutMS=500"
    ))
    .await;
    assert!(tls.contains("could not be reached"), "{tls}");
    // A user without a right to read.
    database
        .command(doc! {"createUser": "nobody", "pwd": "n", "roles": []})
        .await;
    let nothing = said(format!("mongodb://nobody:n@127.0.0.1:{port}/{}", database.name)).await;
    assert!(nothing.contains("role read"), "{nothing}");
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_found_again() {
    let mut server = Mongod::start(&[]);
    let (url, name) = {
        let database = many(&server).await;
        (database.url(), database.name.clone())
    };
    let source = source(&url);
    assert!(source.check().await.is_ok());
    let asking = tokio::spawn({
        let source = source.clone();
        async move { source.run(&endless(), &Limits::default()).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.down();
    let error = tokio::time::timeout(Duration::from_secs(30), asking)
        .await
        .expect("it ends")
        .expect("no panic")
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Source {
                kind: SourceFault::Unreachable,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(source.check().await.is_err());
    server.up();
    let health = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            if let Ok(health) = source.check().await {
                return health;
            }
        }
    })
    .await
    .expect("it is found again");
    assert!(health.version.starts_with("MongoDB"), "{name}");
    let rows = source
        .run(&query("many", json!([{"$count": "n"}])), &Limits::default())
        .await
        .expect("it runs");
    assert_eq!(values(rows).await.expect("rows"), [[json!(20_000)]]);
}

/// A certificate for this machine's loopback address, signed by an authority of its own: the authority's
/// file, and the file for the server.
fn certificates(folder: &std::path::Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(vec!["authority".to_owned()]).expect("parameters");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority");
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut server = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    // By default everybody is called the same, and OpenSSL takes that for self-signed.
    server
        .distinguished_name
        .push(rcgen::DnType::CommonName, "127.0.0.1");
    let server = server.signed_by(&key, &issuer).expect("a certificate");
    let (ca_file, server_file) = (folder.join("ca.pem"), folder.join("server.pem"));
    std::fs::write(&ca_file, authority.pem()).expect("a file");
    std::fs::write(&server_file, server.pem() + &key.serialize_pem()).expect("a file");
    (ca_file, server_file)
}

#[tokio::test]
async fn tls_is_checked_against_the_named_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, file) = certificates(folder.path());
    let file = file.display().to_string();
    let server = Mongod::start(&["--tlsMode", "preferTLS", "--tlsCertificateKeyFile", &file]);
    let database = shop(&server).await;
    let url = format!("{}?tls=true&serverSelectionTimeoutMS=1500", database.url());
    let trusted = source(&format!("{url}&tlsCAFile={}", authority.display()));
    assert!(
        trusted
            .check()
            .await
            .expect("it is trusted")
            .version
            .starts_with("MongoDB")
    );
    let stranger = source(&url).check().await.unwrap_err().to_string();
    assert!(stranger.contains("tlsCAFile"), "{stranger}");
}

/// A server that lets nobody in who does not show a certificate of its authority.
#[tokio::test]
async fn a_certificate_of_ones_own_opens_the_door() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, file) = certificates(folder.path());
    let (authority, file) = (authority.display().to_string(), file.display().to_string());
    let server = Mongod::start(&[
        "--tlsMode",
        "preferTLS",
        "--tlsCertificateKeyFile",
        &file,
        "--tlsCAFile",
        &authority,
    ]);
    let database = shop(&server).await;
    let url = format!(
        "{}?tls=true&serverSelectionTimeoutMS=1500&tlsCAFile={authority}",
        database.url()
    );
    // The server's own is signed by the same authority.
    let shown = source(&format!("{url}&tlsCertificateKeyFile={file}"));
    assert!(
        shown
            .check()
            .await
            .expect("it is let in")
            .version
            .starts_with("MongoDB")
    );
    let nothing = source(&url).check().await.unwrap_err().to_string();
    assert!(nothing.contains("could not be reached"), "{nothing}");
}
