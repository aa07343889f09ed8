//! One letter as it leaves: RFC 5322 with a text and an HTML part, made by lettre.

use chrono::NaiveDateTime;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use super::Template;
use crate::error::{Error, Result};

/// What is needed to write a letter.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Stays the same however often sending is tried: it makes the Message-ID, so that a letter that was sent
    /// twice after all (the answer of the mail server got lost) is shown once.
    pub id: String,
    pub to: String,
    pub template: Template,
    pub variables: serde_json::Value,
    pub created_at: NaiveDateTime,
}

/// A finished letter.
pub struct Letter {
    pub(super) draft: Draft,
    pub(super) message: Message,
}

impl Draft {
    /// Errors: `Invalid` when the address cannot be written to, `Internal` for our own mistakes.
    pub(super) fn write(self, from: &Mailbox, reply_to: Option<&Mailbox>) -> Result<Letter> {
        let words = self.template.words(&self.variables)?;
        let to = address(&self.to)?;
        let domain = from.email.domain().to_owned();
        let mut message = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to))
            .subject(words.subject)
            .date(self.created_at.and_utc().into())
            .message_id(Some(format!("<{}@{domain}>", self.id)))
            // RFC 3834: no out-of-office notes in answer to these.
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"));
        if let Some(reply_to) = reply_to {
            message = message.reply_to(reply_to.clone());
        }
        let message = message
            .multipart(MultiPart::alternative_plain_html(words.text, words.html))
            .map_err(Error::internal)?;
        Ok(Letter { draft: self, message })
    }
}

impl Letter {
    /// The link in it, if there is one.
    pub fn link(&self) -> Option<&str> {
        self.draft.variables.get("link")?.as_str()
    }
}

/// Errors: `Invalid`. Nothing that could be more than one address, or a command to a mail server.
pub fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|_| {
        Error::Invalid(format!(
            "`{}` is no e-mail address; it should look like name@example.com.",
            text.escape_debug()
        ))
    })
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn letter(to: &str, from: &str, name: &str) -> Result<String> {
        let draft = Draft {
            id: "0198f0a2-0000-7000-8000-000000000000".into(),
            to: to.into(),
            template: Template::VerifyEmail,
            variables: json!({ "name": name, "link": "https://custard.example.com/verify?token=x" }),
            created_at: crate::id::now(),
        };
        let letter = draft.write(&from.parse().unwrap(), None)?;
        Ok(String::from_utf8(letter.message.formatted()).unwrap())
    }

    #[test]
    fn a_letter_has_its_headers_and_two_parts() {
        let text = letter("zoe@example.com", "Käse & Co <custard@example.com>", "Zoë").unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.is_ascii(), "{head}");
        assert!(head.contains("From: =?utf-8?b?"), "{head}");
        assert!(head.contains("To: zoe@example.com"), "{head}");
        assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
        assert!(
            head.contains("Message-ID: <0198f0a2-0000-7000-8000-000000000000@example.com>"),
            "{head}"
        );
        assert!(head.contains("\r\nDate: "), "{head}");
        assert!(
            body.contains("text/plain") && body.contains("text/html"),
            "{body}"
        );
        assert!(text.lines().all(|line| line.len() <= 998));
    }

    #[test]
    fn no_header_can_be_smuggled_in() {
        for to in [
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com, b@example.com",
            "a@example.com> <b@example.com",
            "\"a\r\nDATA\"@example.com",
            "nobody",
            "",
        ] {
            assert!(letter(to, "c@example.com", "Z").is_err(), "{to:?}");
        }
        let text = letter(
            "a@example.com",
            "c@example.com",
            "Z\r\nBcc: b@example.com\r\n\r\nHi",
        )
        .unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("Bcc"), "{head}");
    }
}
