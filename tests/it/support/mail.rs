//! Letters as tests read them, and the outbox of a [`TestApp`].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::app::{TestApp, eventually};

/// A letter, decoded.
#[derive(Debug, Clone)]
pub struct Mail {
    pub head: String,
    pub to: String,
    /// Decoded only if it is plain ASCII, as the tests' subjects are.
    pub subject: String,
    pub message_id: String,
    pub text: String,
    pub html: String,
}

impl Mail {
    pub fn parse(letter: &str) -> Mail {
        let letter = letter.replace("\r\n", "\n");
        let (head, body) = letter.split_once("\n\n").expect("a head and a body");
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let boundary = header(&head, "Content-Type")
            .split("boundary=")
            .nth(1)
            .expect("a boundary")
            .trim_matches('"')
            .to_owned();
        let separator = format!("--{boundary}");
        let mut parts = body
            .split(&separator)
            .filter_map(|part| part.trim_start_matches('\n').split_once("\n\n"))
            .map(|(head, body)| decode(head, body));
        Mail {
            to: header(&head, "To"),
            subject: header(&head, "Subject"),
            message_id: header(&head, "Message-ID"),
            text: parts.next().expect("a text"),
            html: parts.next().expect("a page"),
            head,
        }
    }

    /// The link in it. Panics when there is none.
    pub fn link(&self) -> String {
        let begin = self
            .text
            .find("http")
            .unwrap_or_else(|| panic!("no link in: {}", self.text));
        let rest = &self.text[begin..];
        rest.split_whitespace().next().expect("a link").to_owned()
    }

    /// The single-use token of its link.
    pub fn token(&self) -> String {
        let link = self.link();
        let (_, token) = link.split_once("token=").expect("a token");
        token.to_owned()
    }
}

impl TestApp {
    /// The letters in the outbox, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        let folder = self.config.server.data_dir.join("outbox");
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .collect();
        // By their ids, which sort by age.
        paths.sort_by_key(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            name[name.len() - 36..].to_owned()
        });
        paths
            .iter()
            .map(|path| Mail::parse(&std::fs::read_to_string(path).expect("a letter")))
            .collect()
    }

    /// Waits for a letter to `to` whose subject contains `subject`; the newest one.
    pub async fn mail(&self, to: &str, subject: &str) -> Mail {
        eventually(&format!("a letter to {to}: {subject}"), async || {
            let mut mails = self.mails();
            mails.retain(|mail| mail.to == to && mail.subject.contains(subject));
            mails.pop()
        })
        .await
    }
}

fn header(head: &str, name: &str) -> String {
    head.lines()
        .find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
        .unwrap_or_default()
}

fn decode(head: &str, body: &str) -> String {
    let body = body.trim_end_matches('\n');
    match header(head, "Content-Transfer-Encoding").as_str() {
        "quoted-printable" => quoted_printable(body),
        "base64" => {
            let bytes = STANDARD.decode(body.replace('\n', "")).expect("base64");
            String::from_utf8(bytes).expect("UTF-8")
        }
        _ => body.to_owned(),
    }
}

fn quoted_printable(body: &str) -> String {
    let joined = body.replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'=', [high, low, tail @ ..]) = (first, tail) {
            let hex = std::str::from_utf8(&[*high, *low])
                .map(str::to_owned)
                .expect("hex digits");
            bytes.push(u8::from_str_radix(&hex, 16).expect("hex digits"));
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
