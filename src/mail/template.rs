//! The letters there are, and their words: `assets/mail/<name>.txt` (first line: the subject) and
//! `<name>.html`, which share one layout. It knows nothing of sending.

use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// A text given by people (a name, an organization) at most, in characters: a letter is no place for prose.
const MAX_TEXT: usize = 120;

/// One kind of letter. Variables in brackets may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// `name`, `link`, [`valid_for`, e.g. "24 hours"].
    VerifyEmail,
    /// `inviter`, `organization`, `link`, [`role`, e.g. "an analyst"], [`valid_for`].
    Invitation,
    /// `name`, `link`, [`valid_for`].
    ResetPassword,
    /// `name`, [`at`, `ip`, `link` to log in].
    PasswordChanged,
    /// To the new address with `link` (confirm it), to the old one without (it was changed): `name`, `email`
    /// (the new one), [`link`, `valid_for`].
    EmailChanged,
    /// `name`, `attempts`, [`ip`, `link`].
    SuspiciousLogin,
    /// `name`, [`email`, `organization` when it went too].
    AccountDeleted,
    /// To whom has an account, when somebody signed up with its address: `name`, `link` to a new password,
    /// [`valid_for`].
    AccountExists,
    /// `name`.
    Test,
}

/// A letter's words, filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub subject: String,
    pub text: String,
    pub html: String,
}

macro_rules! sources {
    ($($name:literal),+) => {
        [$(
            (concat!($name, ".txt"), include_str!(concat!("../../assets/mail/", $name, ".txt"))),
            (concat!($name, ".html"), include_str!(concat!("../../assets/mail/", $name, ".html"))),
        )+ ("layout.html", include_str!("../../assets/mail/layout.html"))]
    };
}

/// Embedded and parsed once. A fault in a template shows in the test that renders each of them.
static TEMPLATES: LazyLock<std::result::Result<Environment<'static>, minijinja::Error>> =
    LazyLock::new(|| {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        // A missing variable is a mistake of ours, except where the template asks whether it is there.
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        for (name, source) in sources!(
            "verify_email",
            "invitation",
            "reset_password",
            "password_changed",
            "email_changed",
            "suspicious_login",
            "account_deleted",
            "account_exists",
            "test"
        ) {
            environment.add_template(name, source)?;
        }
        Ok(environment)
    });

impl Template {
    /// All of them.
    pub const ALL: [Template; 9] = [
        Template::VerifyEmail,
        Template::Invitation,
        Template::ResetPassword,
        Template::PasswordChanged,
        Template::EmailChanged,
        Template::SuspiciousLogin,
        Template::AccountDeleted,
        Template::AccountExists,
        Template::Test,
    ];

    /// As it stands in the store, in the API and in the file names.
    pub fn name(self) -> &'static str {
        match self {
            Template::VerifyEmail => "verify_email",
            Template::Invitation => "invitation",
            Template::ResetPassword => "reset_password",
            Template::PasswordChanged => "password_changed",
            Template::EmailChanged => "email_changed",
            Template::SuspiciousLogin => "suspicious_login",
            Template::AccountDeleted => "account_deleted",
            Template::AccountExists => "account_exists",
            Template::Test => "test",
        }
    }

    /// The template of this name; None for one that this version does not know.
    pub fn parse(name: &str) -> Option<Template> {
        Template::ALL.into_iter().find(|template| template.name() == name)
    }

    /// Fills in the variables, an object of texts and numbers. What people wrote is tamed first. Errors:
    /// `Internal` when a variable is missing or `link` is no web address.
    pub fn words(self, variables: &Value) -> Result<Words> {
        let variables = tame(variables)?;
        let environment = TEMPLATES.as_ref().map_err(Error::internal)?;
        let render = |suffix: &str, context: &Map<String, Value>| {
            environment
                .get_template(&format!("{}.{suffix}", self.name()))
                .and_then(|template| template.render(minijinja::value::Serde(context)))
                .map_err(|error| Error::internal(format!("mail template {}: {error:#}", self.name())))
        };
        let text = render("txt", &variables)?;
        let (subject, text) = text
            .split_once('\n')
            .and_then(|(first, rest)| Some((first.strip_prefix("Subject: ")?, rest)))
            .ok_or_else(|| Error::internal(format!("mail template {} has no subject", self.name())))?;
        let subject = plain(subject);
        let mut with_subject = variables;
        with_subject.insert("subject".into(), subject.clone().into());
        Ok(Words {
            html: render("html", &with_subject)?,
            text: format!("{}\n", text.trim()),
            subject,
        })
    }
}

/// Names and the like come from strangers, and the letter goes to somebody else: no line breaks, no length,
/// and nothing that a mail program makes a link of. Links are ours and have to be web addresses.
fn tame(variables: &Value) -> Result<Map<String, Value>> {
    let object = variables
        .as_object()
        .ok_or_else(|| Error::internal("the variables of a letter are no object"))?;
    object
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::String(link) if name == "link" => {
                    let sound = url::Url::parse(link)
                        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
                        && !link
                            .chars()
                            .any(|letter| letter.is_whitespace() || letter.is_control());
                    if !sound {
                        return Err(Error::internal("the link of a letter is no web address"));
                    }
                    link.clone().into()
                }
                Value::String(text) => harmless(text).into(),
                other => other.clone(),
            };
            Ok((name.clone(), value))
        })
        .collect()
}

/// One line of at most [`MAX_TEXT`] characters that no mail program makes a link of.
fn harmless(text: &str) -> String {
    let flat: String = plain(text).chars().take(MAX_TEXT).collect();
    let looks_like_a_link = flat.contains("://") || flat.to_ascii_lowercase().contains("www.");
    if looks_like_a_link {
        flat.replace("://", " ").replace(['/', '.'], " ")
    } else {
        flat
    }
}

/// Without control characters (also those that turn the direction of text) and runs of blanks.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => ' ',
            letter if letter.is_control() => ' ',
            letter => letter,
        })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn everything() -> Value {
        json!({
            "name": "Zoë <b>", "link": "https://custard.example.com/verify?token=a&b=c", "inviter": "Olive",
            "organization": "Ex & Co", "role": "an analyst", "valid_for": "24 hours", "at": "1 May 2026",
            "ip": "192.0.2.1", "email": "new@example.com", "attempts": 10,
        })
    }

    #[test]
    fn every_letter_has_a_subject_a_text_and_a_page() {
        for template in Template::ALL {
            assert_eq!(Template::parse(template.name()), Some(template));
            let words = template.words(&everything()).unwrap();
            assert!(
                !words.subject.is_empty() && !words.subject.contains('\n'),
                "{template:?}"
            );
            assert!(
                words.text.len() > 60 && !words.text.contains("&lt;"),
                "{}",
                words.text
            );
            assert!(
                words.html.contains(&words.subject) || words.html.contains("&amp;"),
                "{}",
                words.html
            );
            assert!(!words.html.contains("<b>"), "unescaped: {}", words.html);
            for part in [&words.text, &words.html] {
                assert!(!part.contains("{{") && !part.contains("{%"), "{part}");
            }
        }
    }

    #[test]
    fn what_may_be_missing_leaves_no_hole() {
        let least = json!({ "name": "Zoë", "link": "http://localhost:8080/verify?token=x", "inviter": "O",
            "organization": "E", "email": "new@example.com", "attempts": 10 });
        for template in Template::ALL {
            template.words(&least).unwrap();
        }
        let changed = Template::EmailChanged
            .words(&json!({ "name": "Z", "email": "n@example.com" }))
            .unwrap();
        assert_eq!(changed.subject, "Your e-mail address was changed");
        assert!(!changed.html.contains("href"));
    }

    #[test]
    fn a_missing_variable_is_refused() {
        assert!(Template::VerifyEmail.words(&json!({ "name": "Zoë" })).is_err());
        assert!(Template::Test.words(&json!([])).is_err());
        for link in [
            "javascript:alert(1)",
            "/verify",
            "https://a.example/\r\nBcc: x@example.com",
        ] {
            let variables = json!({ "name": "Zoë", "link": link });
            assert!(Template::VerifyEmail.words(&variables).is_err(), "{link}");
        }
    }

    #[test]
    fn strangers_words_make_no_headers_and_no_links() {
        let words = Template::Invitation
            .words(&json!({
                "inviter": "Eve\r\nBcc: all@example.com", "organization": "Win at https://evil.example/now\u{202e}",
                "link": "https://custard.example.com/invitation?token=x",
            }))
            .unwrap();
        assert_eq!(
            words.subject,
            "Eve Bcc: all@example.com invites you to Win at https evil example now"
        );
        assert!(!words.text.contains("evil.example"), "{}", words.text);
    }
}
