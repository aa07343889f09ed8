//! The agent's policy on a real PostgreSQL, asked by a server that wants everything: nothing hidden, denied
//! or masked leaves, by whatever road, and what is left gives right answers.

use std::sync::Arc;

use clean_custard::agent::Terms;
use clean_custard::catalog::{Catalog, ColumnKind};
use clean_custard::config::{Mask, PolicyConfig};
use clean_custard::error::Error;
use clean_custard::source::{Limits, Source, connect};
use serde_json::{Value, json};

use super::world::{self, Agent, Server, serving_under, within};
use crate::support::conformance::values;
use crate::support::postgres::{Database, database};

/// Everything that must never leave has SECRET in it.
pub(super) const SCRIPT: &str = "
CREATE SCHEMA hr;
CREATE SCHEMA api;
CREATE TYPE team AS ENUM ('red', 'blue');
CREATE TABLE people (
    id int PRIMARY KEY, name text, ssn_secret text UNIQUE, email text, phone text, salary numeric, team team
);
COMMENT ON COLUMN people.ssn_secret IS 'SECRET number';
CREATE TABLE orders (
    id int PRIMARY KEY, person int REFERENCES people, ssn_secret text REFERENCES people (ssn_secret),
    email text, total numeric(12, 2)
);
CREATE TABLE hr.secrets (id int, person int REFERENCES people, review_secret text);
CREATE TABLE hr.people (id int, name text, anything text);
CREATE VIEW api.people AS SELECT * FROM public.people;
CREATE VIEW team_sizes AS SELECT team, count(*) AS n, min(ssn_secret) <> '' AS known FROM people GROUP BY team;
CREATE INDEX people_ssn_secret ON people (lower(ssn_secret));
INSERT INTO people VALUES
    (1, 'Ada', 'SECRET-1', 'ada.SECRET@example.com', '+49 170 SECRET 1234', 1111111, 'red'),
    (2, 'Bob', 'SECRET-2', 'bob.SECRET@example.com', 'SECRET', 2222222, 'red'),
    (3, 'Cy', NULL, NULL, NULL, NULL, 'blue');
INSERT INTO orders VALUES
    (1, 1, 'SECRET-1', 'ada.SECRET@example.com', 12.5), (2, 1, NULL, 'ada.SECRET@example.com', 3),
    (3, 2, 'SECRET-2', 'nobody.SECRET@example.com', 4);
INSERT INTO hr.secrets VALUES (1, 1, 'SECRET review');
INSERT INTO hr.people VALUES (1, 'Hr', 'SECRET');
ANALYZE;
";

pub(super) fn terms() -> Terms {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Terms {
        policy: PolicyConfig {
            deny_tables: texts(&["hr.*"]),
            hidden_columns: texts(&["*.ssn_secret*"]),
            masked_columns: vec![
                ("*.email".into(), Mask::Hash),
                ("people.phone".into(), Mask::LastFour),
                ("people.salary".into(), Mask::Null),
            ],
            mask_key: Some("a key for tests only".into()),
            ..PolicyConfig::default()
        },
        ..world::terms()
    }
}

/// As superuser, so that nothing but the policy stands in the way.
async fn under_policy(database: &Database<'_>, server: &Server) -> (Arc<dyn Source>, Agent) {
    let source = connect(&database.admin_url()).unwrap();
    let agent = serving_under(server, "c1", source, terms());
    (server.online("c1").await, agent)
}

async fn ask(source: &dyn Source, text: &str) -> Result<Vec<Vec<Value>>, Error> {
    values(within(source.run(text, &Limits::default())).await?).await
}

fn told(catalog: &Catalog) -> String {
    serde_json::to_string(catalog).unwrap()
}

#[actix_web::test]
async fn the_catalog_knows_nothing_of_what_is_kept_back() {
    let database = database(SCRIPT);
    let server = Server::start().await;
    let (source, _agent) = under_policy(&database, &server).await;
    let catalog = source.catalog().await.unwrap();
    let json = told(&catalog);
    for kept in ["secret", "SECRET", "\"hr\"", "1111111"] {
        assert!(!json.contains(kept), "{kept} is in {json}");
    }
    let people = catalog.table(Some("public"), "people").unwrap();
    let names: Vec<&str> = people.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "name", "email", "phone", "salary", "team"]);
    assert_eq!(people.column("email").unwrap().kind, ColumnKind::Text);
    assert_eq!(people.column("team").unwrap().values, ["red", "blue"]);
    // A view has its own name, and only rules for that name hold for it; `*.` holds for every name.
    assert!(catalog.table(Some("api"), "people").is_some());
    let orders = catalog.table(Some("public"), "orders").unwrap();
    assert_eq!(orders.foreign_keys.len(), 1, "{:?}", orders.foreign_keys);
    // The role's warnings name tables; they say less here.
    let warnings = server.hub.status("c1").role_warnings.join(" ");
    assert!(
        warnings.contains("superuser") && !warnings.contains("hr."),
        "{warnings}"
    );
}

/// Whether a text tells what has to stay.
pub(super) fn kept_back(told: &str) -> bool {
    ["SECRET", "secret", "1111111", "2222222"]
        .iter()
        .any(|kept| told.contains(kept))
}

/// Roads to a hidden column, a denied table or a value behind a mask. Each is refused or tells nothing.
pub(super) const ROADS: &[&str] = &[
    // By name.
    "SELECT ssn_secret FROM people",
    "SELECT \"ssn_secret\" FROM public.people",
    "SELECT p.ssn_secret FROM people p",
    "SELECT public.people.ssn_secret FROM public.people",
    "SELECT id FROM people WHERE ssn_secret LIKE 'S%'",
    "SELECT count(*) FROM people GROUP BY ssn_secret",
    "SELECT id FROM people ORDER BY ssn_secret",
    "SELECT count(*) FROM people HAVING min(ssn_secret) > ''",
    "SELECT count(*) FILTER (WHERE ssn_secret > '') FROM people",
    "SELECT rank() OVER (ORDER BY ssn_secret) FROM people",
    "SELECT (SELECT max(ssn_secret) FROM people)",
    "SELECT id FROM orders WHERE ssn_secret IN (SELECT ssn_secret FROM people)",
    "SELECT o.id FROM orders o JOIN people p USING (ssn_secret)",
    "SELECT l.s FROM people p, LATERAL (SELECT p.ssn_secret AS s) l",
    "WITH x AS (SELECT * FROM people) SELECT ssn_secret FROM x",
    "WITH x(a, b, c, d, e, f, g) AS (SELECT * FROM people) SELECT c FROM x",
    "SELECT c FROM people AS p(a, b, c, d, e, f, g)",
    "SELECT g FROM people AS p(a, b, c, d, e, f, g)",
    "SELECT id FROM orders UNION SELECT id FROM people ORDER BY ssn_secret",
    // As part of a whole.
    "SELECT * FROM people",
    "SELECT people.* FROM people",
    "SELECT public.people.* FROM public.people",
    "SELECT p.* FROM public.people AS p",
    "SELECT * FROM api.people",
    "SELECT people.* FROM api.people",
    "SELECT * FROM people NATURAL JOIN orders",
    "SELECT * FROM people JOIN orders ON orders.person = people.id",
    "SELECT * FROM people a, people b",
    "SELECT p FROM people p",
    "SELECT people FROM people",
    "SELECT row_to_json(p) FROM people p",
    "SELECT row_to_json(people) FROM people",
    "SELECT to_jsonb(people) FROM people",
    "SELECT to_json(p.*) FROM people p",
    "SELECT to_json(public.people.*) FROM public.people",
    "SELECT json_agg(p) FROM people p",
    "SELECT json_agg(row_to_json(p)) FROM people p",
    "SELECT jsonb_agg(p.*) FROM people p",
    "SELECT array_agg(p) FROM people p",
    "SELECT p::text FROM people p",
    "SELECT CAST(people AS text) FROM people",
    "SELECT max(p::text) FROM people p",
    "SELECT string_agg(p::text, ',') FROM people p",
    "SELECT concat(p, p.*) FROM people p",
    "SELECT format('%s', p) FROM people p",
    "SELECT quote_literal(p) FROM people p",
    "SELECT ROW(p.*) FROM people p",
    "SELECT ROW(p.*)::text FROM people p",
    "SELECT coalesce(p, NULL) FROM people p",
    "SELECT (p).ssn_secret FROM people p",
    "SELECT (people).ssn_secret FROM people",
    "SELECT (p.*).ssn_secret FROM people p",
    "SELECT ssn_secret(p) FROM people p",
    "SELECT x.ssn_secret FROM (SELECT p FROM people p) x",
    "SELECT (x.p).ssn_secret FROM (SELECT p FROM people p) x",
    "SELECT (array_agg(p))[1] FROM people p",
    "SELECT ((array_agg(p))[1]).ssn_secret FROM people p",
    "SELECT json_object_keys(row_to_json(p)) FROM people p",
    "SELECT key, value FROM people p, json_each_text(row_to_json(p))",
    "SELECT value FROM people p, jsonb_each(to_jsonb(p))",
    "SELECT to_tsvector(p::text) FROM people p",
    "SELECT md5(p.ssn_secret) FROM people p",
    "SELECT count(p.ssn_secret) FROM people p",
    "SELECT * FROM (TABLE people) x",
    "TABLE people",
    "SELECT * FROM ONLY people",
    "SELECT * FROM people TABLESAMPLE system(100)",
    // Columns that every table has.
    "SELECT ctid, xmin, tableoid FROM people",
    "SELECT tableoid::regclass FROM people",
    // Names of columns from the type of a row.
    "SELECT row_to_json('(1,,,,,,)'::people)",
    "SELECT json_object_keys(row_to_json('(1,,)'::hr.secrets))",
    "SELECT row_to_json(NULL::people)",
    "SELECT row_to_json(people '(1,,,,,,)')",
    "SELECT (NULL::people).ssn_secret",
    "SELECT '{}'::people[]",
    "SELECT row_to_json(a) FROM json_to_record('{\"a\": {}}') AS x(a people)",
    "SELECT row_to_json(a) FROM json_to_recordset('[{\"a\": {}}]') AS x(a hr.secrets)",
    "SELECT json_populate_record(NULL::people, '{}')",
    // Tables that are kept back.
    "SELECT * FROM hr.secrets",
    "SELECT * FROM secrets",
    "SELECT * FROM \"hr\".\"secrets\"",
    "SELECT review_secret FROM hr.secrets",
    "SELECT * FROM hr.people",
    "SELECT (SELECT review_secret FROM hr.secrets LIMIT 1)",
    "WITH secrets AS (SELECT * FROM hr.secrets) SELECT * FROM secrets",
    "SELECT count(*) FROM people WHERE EXISTS (SELECT 1 FROM hr.secrets)",
    "SELECT * FROM custard.hr.secrets",
    // Around the catalog.
    "SELECT query_to_xml('SELECT * FROM people', true, true, '')",
    "SELECT table_to_xml('people', true, true, '')",
    "SELECT * FROM pg_stats",
    "SELECT most_common_vals FROM pg_catalog.pg_stats",
    "SELECT column_name FROM information_schema.columns",
    "SELECT pg_get_viewdef('api.people')",
    "SELECT * FROM dblink('', 'SELECT ssn_secret FROM people') AS x(s text)",
    // Behind the masks.
    "SELECT email, phone, salary FROM people",
    "SELECT max(email), min(phone), sum(salary) FROM people",
    "SELECT id FROM people WHERE email LIKE '%SECRET%'",
    "SELECT id FROM people WHERE phone LIKE '+49%'",
    "SELECT id FROM people WHERE salary > 0",
    "SELECT id FROM people WHERE p.email = 'ada.SECRET@example.com'",
    "SELECT string_agg(email || phone, ',') FROM people",
    "SELECT team, array_agg(salary ORDER BY salary) FROM people GROUP BY team",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY salary) FROM people",
    "SELECT width_bucket(salary, 0, 3000000, 10) FROM people",
    "SELECT CAST(phone AS int) FROM people",
    "SELECT 1 / salary FROM people",
    "SELECT o.id FROM orders o JOIN people p ON o.email = p.email WHERE p.email LIKE 'ada%'",
];

#[actix_web::test]
async fn no_road_leads_to_what_is_kept_back() {
    let database = database(SCRIPT);
    let server = Server::start().await;
    let (source, _agent) = under_policy(&database, &server).await;
    let mut leaks = Vec::new();
    for road in ROADS {
        let told = match ask(&*source, road).await {
            Ok(rows) => format!("{rows:?}"),
            // What the query itself said may be said again.
            Err(error) => error
                .to_string()
                .split(['"', ' ', '.', '(', ')', ',', '\'', ';', '?'])
                .filter(|word| !road.contains(word))
                .collect::<Vec<_>>()
                .join(" "),
        };
        if kept_back(&told) {
            leaks.push(format!("{road}\n  {told}"));
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// What a query gives that may be asked, with the disguise in the place of the value everywhere.
#[actix_web::test]
async fn what_is_left_gives_right_answers() {
    let database = database(SCRIPT);
    let server = Server::start().await;
    let (source, _agent) = under_policy(&database, &server).await;
    let null = Value::Null;
    let people = ask(&*source, "SELECT * FROM people ORDER BY id").await.unwrap();
    let hash = people[0][2].as_str().unwrap().to_owned();
    assert_eq!((hash.len(), people[0].len()), (32, 6));
    assert!(hash.chars().all(|letter| letter.is_ascii_hexdigit()));
    assert_eq!(people[0][3], json!("****1234"));
    // Four of six letters would be most of it.
    assert_eq!(people[1][3], json!("****"));
    assert_eq!(
        people[2],
        [
            json!(3),
            json!("Cy"),
            null.clone(),
            null.clone(),
            null.clone(),
            json!("blue")
        ]
    );
    for (query, expected) in [
        ("SELECT count(*) FROM people", vec![vec![json!(3)]]),
        (
            "SELECT count(email), count(salary), sum(salary) FROM people",
            vec![vec![json!(2), json!(0), null.clone()]],
        ),
        (
            "SELECT p.name, sum(o.total) FROM orders o JOIN people p ON p.email = o.email GROUP BY p.name",
            vec![vec![json!("Ada"), json!("15.50")]],
        ),
        (
            "SELECT name FROM people NATURAL JOIN (SELECT id FROM orders) o WHERE public.people.id < 3 ORDER BY 1",
            vec![vec![json!("Ada")], vec![json!("Bob")]],
        ),
        (
            "SELECT \"P\".\"name\" FROM public.people AS \"P\" WHERE right(\"P\".phone, 2) = '34'",
            vec![vec![json!("Ada")]],
        ),
        (
            "SELECT row_to_json(o)::text FROM orders o WHERE id = 3 AND o.email IS NULL",
            vec![],
        ),
        (
            "SELECT team::text, n FROM team_sizes ORDER BY n",
            vec![vec![json!("blue"), json!(1)], vec![json!("red"), json!(2)]],
        ),
        (
            "SELECT count(*) FROM people WHERE team = 'red'::team",
            vec![vec![json!(2)]],
        ),
        (
            "SELECT p.name, sum(o.total) FROM people p JOIN orders o ON o.person = p.id GROUP BY p.id ORDER BY 1",
            vec![
                vec![json!("Ada"), json!("15.50")],
                vec![json!("Bob"), json!("4.00")],
            ],
        ),
        (
            "SELECT P.Name, sum(O.Total) FROM People P JOIN Orders O ON O.Person = P.ID GROUP BY P.ID ORDER BY 1",
            vec![
                vec![json!("Ada"), json!("15.50")],
                vec![json!("Bob"), json!("4.00")],
            ],
        ),
        (
            "SELECT upper(name), count(*) FROM people GROUP BY id HAVING team = 'blue' ORDER BY lower(name)",
            vec![vec![json!("CY"), json!(1)]],
        ),
        (
            "SELECT id FROM people AS p(id, b) WHERE b = 'Ada'",
            vec![vec![json!(1)]],
        ),
        (
            "WITH RECURSIVE up(id) AS (SELECT id FROM people WHERE id = 1 UNION SELECT p.id FROM people p, up \
             WHERE p.id = up.id + 1) SELECT max(id) FROM up",
            vec![vec![json!(3)]],
        ),
    ] {
        let found = ask(&*source, query).await;
        assert_eq!(
            found.unwrap_or_else(|error| panic!("{query}\n{error}")),
            expected,
            "{query}"
        );
    }
    let by_hash = format!("SELECT name FROM people WHERE email = '{hash}'");
    assert_eq!(ask(&*source, &by_hash).await.unwrap(), [[json!("Ada")]]);
    let json = ask(&*source, "SELECT row_to_json(p)::text FROM people p WHERE id = 3")
        .await
        .unwrap();
    assert_eq!(
        json,
        [[json!(
            r#"{"id":3,"name":"Cy","email":null,"phone":null,"salary":null,"team":"blue"}"#
        )]]
    );
}

/// The catalog is read now and then; the database may have changed since.
#[actix_web::test]
async fn what_was_added_since_the_catalog_was_read_stays_hidden() {
    let database = Arc::new(database(SCRIPT));
    let server = Server::start().await;
    let (source, _agent) = under_policy(&database, &server).await;
    let before = ask(&*source, "SELECT * FROM team_sizes ORDER BY n")
        .await
        .unwrap();
    // It waits for queries that are just ending, and they for this thread.
    let altered = database.clone();
    let alter = move || {
        altered.psql(
        "ALTER TABLE orders ADD COLUMN ssn_secret_too text DEFAULT 'SECRET';
         CREATE OR REPLACE VIEW team_sizes AS
         SELECT team, count(*) AS n, min(ssn_secret) <> '' AS known, min(ssn_secret) AS ssn_secret FROM people GROUP BY team;",
    )
    };
    tokio::task::spawn_blocking(alter).await.unwrap();
    for query in [
        "SELECT * FROM orders",
        "SELECT o FROM orders o",
        "SELECT to_json(o) FROM orders o",
        "SELECT t FROM team_sizes t",
    ] {
        let rows = ask(&*source, query).await.unwrap();
        assert!(!format!("{rows:?}").contains("SECRET"), "{query}: {rows:?}");
    }
    assert_eq!(
        ask(&*source, "SELECT * FROM team_sizes ORDER BY n")
            .await
            .unwrap(),
        before
    );
}

/// A bare name means the table of the catalog, whatever the role's search path says.
#[actix_web::test]
async fn a_denied_table_of_the_same_name_is_not_read_in_its_place() {
    let database = database(SCRIPT);
    database.psql(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = hr, public', current_database()); END $$",
    );
    let server = Server::start().await;
    let (source, _agent) = under_policy(&database, &server).await;
    let rows = ask(&*source, "SELECT id, name FROM public.people ORDER BY id")
        .await
        .unwrap();
    assert_eq!(rows.len(), 3);
    let bare = ask(&*source, "SELECT name FROM people WHERE id = 1")
        .await
        .unwrap();
    assert_eq!(bare, [[json!("Ada")]]);
}

#[actix_web::test]
async fn only_allowed_tables_are_open() {
    let database = database(SCRIPT);
    let server = Server::start().await;
    let mut terms = world::terms();
    terms.policy.allow_tables = vec!["public.orders".into(), "*.team_sizes".into()];
    let _agent = serving_under(&server, "c1", connect(&database.url()).unwrap(), terms);
    let source = server.online("c1").await;
    let catalog = source.catalog().await.unwrap();
    let names: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["orders", "team_sizes"]);
    assert!(catalog.tables[0].foreign_keys.is_empty());
    assert_eq!(
        ask(&*source, "SELECT count(*) FROM orders").await.unwrap(),
        [[json!(3)]]
    );
    for closed in [
        "SELECT * FROM people",
        "SELECT * FROM api.people",
        "SELECT * FROM hr.secrets",
    ] {
        let error = ask(&*source, closed).await.unwrap_err().to_string();
        assert!(error.starts_with("There is no table"), "{error}");
    }
}
