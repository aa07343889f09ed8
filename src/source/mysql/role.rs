//! What the database says of itself, and what our user could do beyond reading: the fourth read-only layer
//! is a user that can only read, and this is how its absence is noticed.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Result};

use super::pool::is_mariadb;
use crate::source::Health;

/// Privileges that only show what is there.
const HARMLESS: [&str; 5] = ["USAGE", "SELECT", "SHOW VIEW", "SHOW DATABASES", "PROXY"];

/// Version and warnings.
pub(super) async fn probe(connection: &mut Conn) -> Result<Health> {
    let mut health = Health::default();
    let version: Option<(String, String)> = connection
        .query_first("SELECT VERSION(), SUBSTRING_INDEX(CURRENT_USER(), '@', 1)")
        .await?;
    let (version, user) = version.unwrap_or_default();
    let name = match is_mariadb(connection) {
        true => "MariaDB",
        false => "MySQL",
    };
    health.version = format!("{name} {}", version.split('-').next().unwrap_or(&version));
    let mut grants: Vec<String> = connection.query("SHOW GRANTS").await?;
    if !is_mariadb(connection) {
        // MySQL shows what active roles add only when they are named.
        let roles: Option<String> = connection.query_first("SELECT CURRENT_ROLE()").await?;
        if let Some(roles) = roles.filter(|roles| roles != "NONE") {
            grants = connection
                .query(format!("SHOW GRANTS FOR CURRENT_USER() USING {roles}"))
                .await?;
        }
    }
    health.role_warnings = warnings(&user, &grants);
    Ok(health)
}

/// One sentence for each grant that goes beyond reading.
fn warnings(user: &str, grants: &[String]) -> Vec<String> {
    let mut warnings = Vec::new();
    for grant in grants {
        let Some((privileges, place)) = parts(grant) else {
            continue;
        };
        let beyond: Vec<&str> = privileges
            .iter()
            .map(String::as_str)
            .filter(|name| !HARMLESS.contains(name))
            .collect();
        let can_grant = grant.contains("WITH GRANT OPTION");
        if beyond
            .iter()
            .any(|name| ["ALL PRIVILEGES", "SUPER"].contains(name))
            && place == "*.*"
        {
            return vec![format!(
                "The user {user} may do everything: it could change or delete all data and read the server's \
                 files. Use a user that may only SELECT."
            )];
        }
        if beyond.contains(&"FILE") {
            warnings.push(format!(
                "The user {user} may read and write files of the database server (FILE)."
            ));
        }
        let rest: Vec<&str> = beyond.into_iter().filter(|name| *name != "FILE").collect();
        if !rest.is_empty() {
            let (shown, more) = (rest.len().min(5), if rest.len() > 5 { ", …" } else { "" });
            warnings.push(format!(
                "The user {user} has been granted {}{more} on {place}.",
                rest[..shown].join(", ")
            ));
        } else if can_grant {
            warnings.push(format!(
                "The user {user} may grant its rights on {place} to others."
            ));
        }
    }
    warnings
}

/// `GRANT SELECT, INSERT (a, b) ON shop.* TO …`: the privileges without their columns, and the place. None for
/// the grant of a role, whose own grants are listed, too.
fn parts(grant: &str) -> Option<(Vec<String>, &str)> {
    let rest = grant.strip_prefix("GRANT ")?;
    let (privileges, rest) = rest.split_once(" ON ")?;
    let (place, _) = rest.split_once(" TO ")?;
    let mut depth = 0;
    let mut names = vec![String::new()];
    for c in privileges.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            c if depth == 0 => {
                if let Some(name) = names.last_mut() {
                    name.push(c);
                }
            }
            _ => {}
        }
    }
    let names = names
        .iter()
        .map(|name| name.trim().to_ascii_uppercase())
        .collect();
    Some((names, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(grants: &[&str]) -> Vec<String> {
        warnings(
            "ann",
            &grants.iter().map(|grant| (*grant).to_owned()).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn reading_is_no_warning() {
        assert_eq!(
            of(&[
                "GRANT USAGE ON *.* TO `ann`@`%` IDENTIFIED BY PASSWORD '*X'",
                "GRANT SELECT, SHOW VIEW ON `shop`.* TO `ann`@`%`",
                "GRANT SELECT (`id`, `name`) ON `shop`.`people` TO `ann`@`%`",
                "GRANT `reader` TO `ann`@`%`",
            ]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn writing_files_and_everything_are() {
        let found = of(&["GRANT SELECT, INSERT (`a`, `b`), FILE ON *.* TO `ann`@`%`"]);
        assert!(
            found[0].contains("FILE") && found[1].contains("granted INSERT on *.*"),
            "{found:?}"
        );
        let found = of(&[
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION",
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
        ]);
        assert!(found.len() == 1 && found[0].contains("everything"), "{found:?}");
        let found = of(&["GRANT SELECT ON `shop`.* TO `ann`@`%` WITH GRANT OPTION"]);
        assert!(found[0].contains("to others"), "{found:?}");
    }
}
