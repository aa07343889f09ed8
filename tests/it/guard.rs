//! The guard against its corpus, against hostile text, and against a real PostgreSQL.

use clean_custard::error::{Error, SourceFault};
use clean_custard::guard::sql;
use clean_custard::source::Dialect;
use proptest::prelude::*;

const ALLOWED: &str = include_str!("../corpus/sql_allowed.sql");
const REFUSED: &str = include_str!("../corpus/sql_refused.sql");

/// The statements of a corpus, each with the line that says why it is there.
fn corpus(text: &'static str) -> Vec<(&'static str, &'static str)> {
    text.split("\n--! ")
        .skip(1)
        .map(|block| {
            let (why, statement) = block.split_once('\n').expect("a statement below its reason");
            (why, statement.trim_end())
        })
        .collect()
}

#[test]
fn everything_on_the_allowed_list_passes_and_is_stable() {
    for (why, statement) in corpus(ALLOWED) {
        let text = match sql::check(statement, Dialect::Postgresql) {
            Ok(guarded) => guarded.text(),
            Err(error) => panic!("{why}: {statement}\n{error}"),
        };
        let again = sql::check(&text, Dialect::Postgresql).expect("what came out goes in again");
        assert_eq!(again.text(), text, "{why}");
    }
}

#[test]
fn nothing_on_the_refused_list_passes() {
    for (why, statement) in corpus(REFUSED) {
        for dialect in [Dialect::Postgresql, Dialect::Datafusion] {
            match sql::check(statement, dialect) {
                Err(Error::Refused(message) | Error::Source { message, .. }) => {
                    assert!(message.ends_with('.'), "not a sentence: {message}");
                }
                Err(other) => panic!("{why}: {statement}\n{other:?}"),
                Ok(guarded) => panic!("{why}: {statement}\npassed as {}", guarded.text()),
            }
        }
    }
}

/// Depths that would overflow an ordinary stack have to end in a sentence, whatever shape they have.
#[test]
fn deep_nesting_is_refused_without_a_crash() {
    let n = 10_000;
    let wide = 20_000;
    let shapes = [
        format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n)),
        format!("{}SELECT 1{}", "(".repeat(n), ")".repeat(n)),
        format!("SELECT * FROM {}orders{}", "(".repeat(n), ")".repeat(n)),
        format!("SELECT {}1", "- ".repeat(n)),
        format!("SELECT {}true", "NOT ".repeat(n)),
        format!("SELECT 1{}", "+1".repeat(wide)),
        format!("SELECT true{}", " AND true".repeat(5_000)),
        format!("SELECT 1{}", "::int".repeat(n)),
        format!("SELECT a{}", "[1]".repeat(n)),
        format!("SELECT {}", "[".repeat(n)),
        format!("SELECT {}1{}", "f(".repeat(n), ")".repeat(n)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(4_000)),
        format!(
            "SELECT {}1{}",
            "CASE WHEN ".repeat(n / 2),
            " THEN 1 END".repeat(1_000)
        ),
        format!("SELECT * FROM a{}", " JOIN a".repeat(8_000)),
        format!(
            "SELECT * FROM a{}{}",
            " JOIN a".repeat(4_000),
            " ON true".repeat(4_000)
        ),
        format!("SELECT 1{}", " IS NULL".repeat(7_000)),
        format!("SELECT {}'1'", "INTERVAL ".repeat(7_000)),
        format!("SELECT {}x", "a.".repeat(n)),
        format!("SELECT x::{}int", "ARRAY<".repeat(n)),
        format!("SELECT {}1", "ARRAY[".repeat(n)),
        format!("WITH {}x AS (SELECT 1) SELECT 1", "a AS (WITH ".repeat(5_000)),
        format!("SELECT {}1", "EXISTS (SELECT ".repeat(4_000)),
        format!("SELECT a{} 1", " BETWEEN 1 AND".repeat(4_000)),
        format!("SELECT a{}", " COLLATE c".repeat(6_000)),
        format!("SELECT a{}", " AT TIME ZONE 'x'".repeat(3_500)),
        format!("SELECT {}1", "PRIOR ".repeat(n)),
        format!("SELECT {}x{}", "{".repeat(n), "}".repeat(n)),
    ];
    for text in shapes {
        assert!(
            text.len() <= sql::MAX_BYTES,
            "this only tests the length: {} bytes",
            text.len()
        );
        let head: String = text.chars().take(40).collect();
        // On a small stack, as a worker thread has it.
        let result = std::thread::Builder::new()
            .stack_size(1024 * 1024)
            .spawn(move || sql::check(&text, Dialect::Postgresql).map(|guarded| guarded.text()))
            .expect("a thread")
            .join()
            .expect("no panic");
        assert!(result.is_err(), "{head}… passed");
    }
}

/// Some shapes make a parser try every way at every level; they have to end, too.
#[test]
fn no_shape_takes_exponential_time() {
    let shapes: Vec<String> = (1..48)
        .flat_map(|n| {
            [
                format!("SELECT * FROM {}orders{}", "(".repeat(n), ")".repeat(n)),
                format!("SELECT * FROM {}orders", "(".repeat(n)),
                format!("SELECT * FROM {}SELECT 1{}", "(".repeat(n), ")".repeat(n)),
                format!("{}SELECT 1", "(".repeat(n)),
                format!("SELECT {}1 {}", "(".repeat(n), "]".repeat(n)),
                format!("SELECT {}1", "CASE WHEN (".repeat(n)),
                format!("SELECT {}", "a(b, ".repeat(n)),
                format!("SELECT {}", "ARRAY[(".repeat(n)),
                format!("SELECT {}", "(SELECT (".repeat(n)),
                format!("SELECT * FROM {}", "(a JOIN (".repeat(n)),
                format!("SELECT 1 FROM a WHERE {}", "a IN (1, (".repeat(n)),
                format!("SELECT {}1{}", "POSITION(".repeat(n), ")".repeat(n)),
                format!("SELECT {}1{}", "OVERLAY(".repeat(n), ")".repeat(n)),
                format!("SELECT {}1{}", "f(".repeat(n), ")".repeat(n)),
                format!("SELECT {}1{}", "varchar(".repeat(n), ")".repeat(n)),
                format!("SELECT {}1{}", "ROW((".repeat(n), "))".repeat(n)),
                format!("SELECT * FROM {}1", "f(".repeat(n)),
                format!("SELECT * FROM {}1", "UNNEST(".repeat(n)),
                format!("SELECT {}", "x -> (".repeat(n)),
                format!("SELECT {}", "INTERVAL (".repeat(n)),
                format!("SELECT x::{}", "a(".repeat(n)),
                format!("SELECT {}", "sum(x) OVER (ORDER BY (".repeat(n)),
            ]
        })
        .collect();
    let (done, finished) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for text in shapes {
            let _ = sql::check(&text, Dialect::Postgresql);
            let _ = done.send(text);
        }
    });
    // Not a measure of speed: an exponential shape would not end before the heat death of the sun.
    let mut last = String::from("the first");
    loop {
        match finished.recv_timeout(std::time::Duration::from_secs(60)) {
            Ok(text) => last = text,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it hangs on the shape after {last}"),
        }
    }
}

#[test]
fn length_is_limited() {
    let long = format!("SELECT '{}'", "x".repeat(sql::MAX_BYTES));
    let error = sql::check(&long, Dialect::Postgresql).expect_err("too long");
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
}

#[test]
fn errors_tell_syntax_from_refusal() {
    let syntax = sql::check("SELECT 1 +", Dialect::Postgresql).expect_err("no query");
    assert!(
        matches!(
            syntax,
            Error::Source {
                kind: SourceFault::Syntax,
                ..
            }
        ),
        "{syntax:?}"
    );
    let refused = sql::check("SELECT pg_sleep(1)", Dialect::Postgresql).expect_err("not allowed");
    assert_eq!(
        refused.to_string(),
        "The function pg_sleep is not one that questions may use."
    );
}

proptest! {
    #[test]
    fn no_text_breaks_the_guard(text in "\\PC{0,200}") {
        let _ = sql::check(&text, Dialect::Postgresql);
        let _ = sql::check(&format!("SELECT {text}"), Dialect::Datafusion);
    }

    /// Pieces of the corpus, shuffled: what passes has to come out as a fixed point.
    #[test]
    fn mutated_statements_are_refused_or_stable(
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        join in any::<prop::sample::Index>(),
        middle in prop::sample::select(vec!["", " ", "'", "\"", "\\'", "--", "/*", ";", "(", ")", "$$", "E'", "$1"]),
    ) {
        let all: Vec<&str> = corpus(ALLOWED).into_iter().chain(corpus(REFUSED)).map(|(_, s)| s).collect();
        let (first, second) = (first.get(&all), second.get(&all));
        let (cut, join) = (char_boundary(first, cut.index(first.len() + 1)), char_boundary(second, join.index(second.len() + 1)));
        let text = format!("{}{middle}{}", &first[..cut], &second[join..]);
        if let Ok(guarded) = sql::check(&text, Dialect::Postgresql) {
            let out = guarded.text();
            let again = sql::check(&out, Dialect::Postgresql).expect("what came out goes in again");
            prop_assert_eq!(again.text(), out);
        }
    }
}

fn char_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
