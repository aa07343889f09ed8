//! What the server says of itself, and what our user could do beyond reading: the fourth read-only layer is
//! a role that can only read, and this is how its absence is noticed.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};

use super::fault;
use crate::error::{Error, Result, SourceFault};
use crate::source::Health;

/// Actions that change data, with the word for it.
const WRITES: &[(&str, &str)] = &[
    ("insert", "insert"),
    ("update", "update"),
    ("remove", "delete"),
    ("dropCollection", "drop collections"),
    ("dropDatabase", "drop databases"),
    ("createCollection", "create collections"),
    ("createIndex", "create indexes"),
];

/// Actions that go further still.
const POWERS: &[(&str, &str)] = &[
    ("createUser", "create users"),
    ("grantRole", "grant roles"),
    ("createRole", "create roles"),
    ("shutdown", "shut the server down"),
    ("killop", "stop other people's work"),
    ("anyAction", "do anything"),
];

/// Version and warnings. Errors: `Source`, for a database that is not there or may not be read.
pub(super) async fn probe(database: &Database) -> Result<Health> {
    let build = command(database, doc! {"buildInfo": 1}).await?;
    let status = command(database, doc! {"connectionStatus": 1, "showPrivileges": true}).await?;
    if names(database).await?.is_empty() {
        return Err(Error::source(
            SourceFault::Name,
            format!(
                "There is no database \"{name}\" on this server, it holds no collection yet, or the user may not \
                 read it. Check the name after the host in the URL, and that the user has the role read on {name}.",
                name = database.name()
            ),
        ));
    }
    let mut health = Health {
        version: format!(
            "MongoDB {}",
            build.get_str("version").unwrap_or("of unknown version")
        ),
        role_warnings: Vec::new(),
    };
    if let Ok(info) = status.get_document("authInfo") {
        health.role_warnings = warnings(info);
    }
    Ok(health)
}

async fn command(database: &Database, command: Document) -> Result<Document> {
    database
        .run_command(command)
        .await
        .map_err(|error| fault::unreachable_or_refused(&error))
}

/// Collections and views that the user may read: name and kind, without the system's own.
pub(super) async fn names(database: &Database) -> Result<Vec<(String, String)>> {
    let list = doc! {"listCollections": 1, "nameOnly": true, "authorizedCollections": true};
    let cursor = database
        .run_cursor_command(list)
        .await
        .map_err(|error| fault::unreachable_or_refused(&error))?;
    let all: Vec<Document> = cursor
        .try_collect()
        .await
        .map_err(|error| fault::unreachable_or_refused(&error))?;
    let mut names: Vec<(String, String)> = all
        .into_iter()
        .filter_map(|entry| {
            let name = entry.get_str("name").ok()?;
            let kind = entry.get_str("type").unwrap_or("collection");
            (!name.starts_with("system.")).then(|| (name.to_owned(), kind.to_owned()))
        })
        .collect();
    names.sort();
    Ok(names)
}

/// What `connectionStatus` tells, in sentences.
fn warnings(info: &Document) -> Vec<String> {
    let documents = |name: &str| -> Vec<&Document> {
        info.get_array(name)
            .map(|items| items.iter().filter_map(Bson::as_document).collect())
            .unwrap_or_default()
    };
    let users = documents("authenticatedUsers");
    let Some(user) = users.first().and_then(|user| user.get_str("user").ok()) else {
        return vec![
            "The database asked for no user: whoever reaches it may read and write everything. Turn its access \
             control on, and use a user with the role read."
                .into(),
        ];
    };
    let everything: Vec<&str> = documents("authenticatedUserRoles")
        .iter()
        .filter_map(|role| role.get_str("role").ok())
        .filter(|role| matches!(*role, "root" | "__system"))
        .collect();
    if let Some(role) = everything.first() {
        return vec![format!(
            "The user {user} has the role {role}: it could change or delete everything. Use a user with the role \
             read on this database only."
        )];
    }
    let privileges = documents("authenticatedUserPrivileges");
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for privilege in privileges {
        let Ok(actions) = privilege.get_array("actions") else {
            continue;
        };
        let place = place(privilege);
        // What comes with a role for the server's own collections says nothing new.
        if place.contains(".system.") {
            continue;
        }
        for (action, words) in WRITES.iter().chain(POWERS) {
            if actions.iter().any(|given| given.as_str() == Some(action)) {
                let words_there = found.entry(place.clone()).or_default();
                if !words_there.contains(words) {
                    words_there.push(words);
                }
            }
        }
    }
    found
        .into_iter()
        .map(|(place, actions)| {
            format!(
                "The user {user} may {} in {place}. Use a user with the role read on this database only.",
                actions.join(", ")
            )
        })
        .collect()
}

/// What a privilege is about.
fn place(privilege: &Document) -> String {
    let Ok(resource) = privilege.get_document("resource") else {
        return "the server".into();
    };
    match (resource.get_str("db"), resource.get_str("collection")) {
        (Ok(""), Ok("")) => "every database".into(),
        (Ok(""), Ok(collection)) => format!("the collection {collection} of every database"),
        (Ok(database), Ok("")) => format!("the database {database}"),
        (Ok(database), Ok(collection)) => format!("{database}.{collection}"),
        _ => "the server".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_only_reads_is_no_reason_to_warn() {
        let info = doc! {
            "authenticatedUsers": [{"user": "reader", "db": "shop"}],
            "authenticatedUserRoles": [{"role": "read", "db": "shop"}],
            "authenticatedUserPrivileges": [
                {"resource": {"db": "shop", "collection": ""},
                 "actions": ["changeStream", "collStats", "find", "killCursors", "listCollections", "listIndexes"]},
            ],
        };
        assert_eq!(warnings(&info), Vec::<String>::new());
    }

    #[test]
    fn what_a_user_could_do_is_said() {
        let info = doc! {
            "authenticatedUsers": [{"user": "app", "db": "shop"}],
            "authenticatedUserRoles": [{"role": "readWrite", "db": "shop"}],
            "authenticatedUserPrivileges": [
                {"resource": {"db": "shop", "collection": ""}, "actions": ["find", "insert", "remove"]},
                {"resource": {"cluster": true}, "actions": ["shutdown"]},
            ],
        };
        let warnings = warnings(&info);
        assert_eq!(warnings.len(), 2);
        assert!(
            warnings[0].contains("insert, delete in the database shop"),
            "{warnings:?}"
        );
        assert!(warnings[1].contains("shut the server down"), "{warnings:?}");
        assert!(super::warnings(&doc! {"authenticatedUsers": []})[0].contains("no user"));
    }
}
