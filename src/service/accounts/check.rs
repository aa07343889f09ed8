//! What addresses, names and passwords may look like.

use super::NewAccount;
use crate::error::{Error, Result};

/// Characters of a password at least.
pub(super) const PASSWORD_MIN: usize = 10;

/// Argon2 would take any length; a megabyte of password is an attack.
const PASSWORD_MAX: usize = 1_000;

/// Every field of a new account, cleaned. Errors: `Invalid`.
pub(super) fn account(account: NewAccount) -> Result<NewAccount> {
    let email = email(&account.email)?;
    password(&account.password)?;
    Ok(NewAccount {
        name: name(&account.name, "name")?,
        organization: name(&account.organization, "name of the organization")?,
        password: account.password,
        email,
    })
}

/// As addresses are compared and stored; for looking one up, whatever was typed.
pub(super) fn normalize(email: &str) -> String {
    email.trim().to_lowercase()
}

/// A normalised address. Errors: `Invalid` when it cannot be one.
pub(super) fn email(given: &str) -> Result<String> {
    let email = normalize(given);
    let valid = email.len() <= 254
        && email.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty()
                && user.len() <= 64
                && !host.is_empty()
                && !host.starts_with('.')
                && !host.ends_with('.')
                && !host.contains("..")
                && !host.contains('@')
                && !email.chars().any(|letter| {
                    letter.is_whitespace() || letter.is_control() || "<>,;:\"\\()[]".contains(letter)
                })
        });
    if valid {
        Ok(email)
    } else {
        Err(Error::Invalid(
            "This is not an e-mail address; it should look like name@example.com.".into(),
        ))
    }
}

/// The part after the @.
pub(super) fn domain(email: &str) -> &str {
    email.rsplit('@').next().unwrap_or_default()
}

/// A trimmed name of at most 200 characters. Errors: `Invalid`.
pub(super) fn name(name: &str, what: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "The {what} has to have between 1 and 200 characters."
        )));
    }
    Ok(name.to_owned())
}

/// Errors: `Invalid` when it is too short or too long.
pub(super) fn password(password: &str) -> Result<()> {
    let length = password.chars().count();
    if length < PASSWORD_MIN {
        return Err(Error::Invalid(format!(
            "The password is too short; it needs at least {PASSWORD_MIN} characters."
        )));
    }
    if length > PASSWORD_MAX {
        return Err(Error::Invalid(
            "The password is too long; 1,000 characters are the most.".into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_lower_case_without_spaces_around() {
        assert_eq!(email("  Ada@Example.COM ").unwrap(), "ada@example.com");
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a da@example.com",
            "ada@b@c",
            "ada@example.com\r\nBcc: all@example.com",
            "ada\u{0}@example.com",
            "Ada <ada@example.com>",
            "ada@.com",
            "ada@example..com",
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
        assert!(email(&format!("{}@example.com", "a".repeat(300))).is_err());
        assert_eq!(domain("ada@example.com"), "example.com");
    }

    #[test]
    fn names_are_bounded_and_carry_no_control_characters() {
        assert_eq!(name(" Ada ", "name").unwrap(), "Ada");
        assert!(name("", "name").is_err());
        assert!(name("a\nb", "name").is_err());
        assert!(name(&"a".repeat(201), "name").is_err());
    }
}
