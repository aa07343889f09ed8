//! Masks on every kind of database, behind an agent and asked by a server that wants to see behind them: what is
//! seen is the disguise, in filters, groups and joins too, and equal values have equal hashes in all of them.

use std::sync::Arc;

use clean_custard::agent::Terms;
use clean_custard::config::{Mask, PolicyConfig};
use clean_custard::error::Error;
use clean_custard::source::{Kind, Limits, Source, connect};
use mongodb::bson::doc;
use serde_json::{Value, json};

use super::world::{self, Agent, Server, serving_under, within};
use crate::support::conformance::{sqlite, values};
use crate::support::{mongo, mysql, postgres};

const SCRIPT: &str = "
CREATE TABLE people (id int PRIMARY KEY, name varchar(40), email varchar(60), phone varchar(40), salary int, code int);
INSERT INTO people VALUES (1, 'Ada', 'SECRET-ada@example.com', 'SECRET-1234', 111111, 12345678),
    (2, 'Bob', 'SECRET-bob@example.com', 'SECRET', 222222, 7), (3, 'Cy', 'SECRET-ada@example.com', NULL, NULL, NULL);
CREATE TABLE orders (id int PRIMARY KEY, email varchar(60), total int);
INSERT INTO orders VALUES (1, 'SECRET-ada@example.com', 10), (2, 'SECRET-bob@example.com', 5);";

fn terms() -> Terms {
    Terms {
        policy: PolicyConfig {
            masked_columns: vec![
                ("*.email".into(), Mask::Hash),
                ("people.phone".into(), Mask::LastFour),
                ("people.code".into(), Mask::LastFour),
                ("people.salary".into(), Mask::Null),
            ],
            mask_key: Some("a key for tests only".into()),
            ..PolicyConfig::default()
        },
        ..world::terms()
    }
}

/// A source behind an agent with that policy.
async fn behind(kind: Kind, url: &str) -> (Server, Agent, Arc<dyn Source>) {
    let server = Server::start_for(kind).await;
    let agent = serving_under(&server, "c1", connect(url).unwrap(), terms());
    let source = server.online("c1").await;
    (server, agent, source)
}

async fn asked(source: &Arc<dyn Source>, query: &str) -> Result<Vec<Vec<Value>>, Error> {
    values(within(source.run(query, &Limits::default())).await?).await
}

async fn rows(source: &Arc<dyn Source>, query: &str) -> Vec<Vec<Value>> {
    let rows = asked(source, query)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let text = json!(rows).to_string();
    for secret in ["SECRET-ada", "SECRET-1", "111111", "222222", "12345678"] {
        assert!(!text.contains(secret), "{query}: {text}");
    }
    rows
}

/// The disguises of one SQL database; gives the hash of Ada's address.
async fn sql(source: &Arc<dyn Source>) -> String {
    let found = rows(source, "SELECT * FROM people ORDER BY id").await;
    let hash = |at: usize| found[at][2].as_str().unwrap().to_owned();
    assert!(
        hash(0).len() == 32 && hash(0).chars().all(|c| c.is_ascii_hexdigit()),
        "{}",
        hash(0)
    );
    assert_eq!(hash(0), hash(2));
    assert_ne!(hash(0), hash(1));
    assert_eq!(found[0][3..], [json!("****1234"), Value::Null, json!("****5678")]);
    assert_eq!(found[1][3..], [json!("****"), Value::Null, json!("****")]);
    assert_eq!(found[2][3..], [Value::Null, Value::Null, Value::Null]);
    // Whoever guesses learns nothing; whoever counts and joins is right.
    for (query, expected) in [
        (
            "SELECT count(*) FROM people WHERE email = 'SECRET-ada@example.com'",
            json!([[0]]),
        ),
        (
            "SELECT count(*) FROM people WHERE phone LIKE 'SECRET%'",
            json!([[0]]),
        ),
        ("SELECT count(*) FROM people WHERE salary > 0", json!([[0]])),
        ("SELECT count(DISTINCT email) FROM people", json!([[2]])),
        (
            "SELECT p.name, o.total FROM people AS p JOIN orders AS o ON o.email = p.email ORDER BY p.id",
            json!([["Ada", 10], ["Bob", 5], ["Cy", 10]]),
        ),
        (
            "SELECT count(*) AS n FROM people GROUP BY email ORDER BY n",
            json!([[1], [2]]),
        ),
        ("SELECT max(length(email)) FROM people", json!([[32]])),
    ] {
        assert_eq!(json!(rows(source, query).await), expected, "{query}");
    }
    rows(source, "SELECT concat(email, phone, salary) FROM people").await;
    rows(
        source,
        "SELECT p.* FROM (SELECT * FROM people) AS p ORDER BY email, phone, salary",
    )
    .await;
    hash(0)
}

#[actix_web::test]
async fn sql_databases_show_the_same_disguises() {
    let postgres = postgres::database(SCRIPT);
    let maria = mysql::database(SCRIPT);
    let file = sqlite::file(SCRIPT);
    let mut hashes = Vec::new();
    for (kind, url) in [
        (Kind::Postgresql, postgres.url()),
        (Kind::Mysql, maria.url()),
        (Kind::Sqlite, file.url()),
    ] {
        let (_server, _agent, source) = behind(kind, &url).await;
        hashes.push(sql(&source).await);
        // Our own function is nobody else's to call.
        let error = asked(&source, "SELECT custard_hash(name) FROM people").await;
        assert!(matches!(error, Err(Error::Refused(_))), "{error:?}");
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[actix_web::test]
async fn mongodb_shows_disguises_and_refuses_to_hash() {
    let person = |id: i32, email: &str, phone: Option<&str>| {
        doc! {"_id": id, "name": format!("P{id}"), "email": email, "phone": phone, "salary": 111_111 * id}
    };
    let people = vec![
        person(1, "SECRET-ada@example.com", Some("SECRET-1234")),
        person(2, "SECRET-bob@example.com", Some("SECRET")),
        person(3, "SECRET-ada@example.com", None),
    ];
    let database = mongo::shared().database(&[("people", people)]).await;
    let (_server, _agent, source) = behind(Kind::Mongodb, &database.url()).await;
    let of = |pipeline: Value| json!({"collection": "people", "pipeline": pipeline}).to_string();
    let sorted = of(json!([{"$sort": {"_id": 1}}, {"$project": {"_id": 0, "name": 1, "phone": 1}}]));
    assert_eq!(
        json!(rows(&source, &sorted).await),
        json!([["P1", "****1234"], ["P2", "****"], ["P3", null]])
    );
    rows(&source, &of(json!([{"$project": {"all": "$$ROOT"}}]))).await;
    let guessed = of(json!([{"$match": {"phone": "SECRET-1234"}}, {"$count": "n"}]));
    assert_eq!(json!(rows(&source, &guessed).await), json!([]));
    // What cannot be hashed is not nothing: counting it would give a wrong number.
    for pipeline in [
        json!([{"$group": {"_id": "$email", "n": {"$sum": 1}}}]),
        json!([{"$match": {"email": "SECRET-ada@example.com"}}]),
        json!([{"$project": {"email": 1}}]),
        json!([{"$sort": {"email": 1}}]),
    ] {
        match asked(&source, &of(pipeline.clone())).await {
            Err(Error::Refused(text)) => assert!(text.contains("hashes the field \"email\""), "{text}"),
            other => panic!("{pipeline}: {other:?}"),
        }
    }
}
