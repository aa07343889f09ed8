//! Troubles that every database knows, each in one sentence of ours and what to do about it. A database's own
//! words are written for whoever looks after it; who asked a question needs to know what to change.

/// What went wrong, whatever the database calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    DivisionByZero,
    /// A number left the range of its type.
    NumberTooLarge,
    /// A text could not be read as a number, date or the like.
    Unreadable,
    OutOfMemory,
    DiskFull,
    TooManyConnections,
    /// The role may not read something.
    NotAllowed,
    /// Somebody stopped the query, or the session, at the database.
    StoppedThere,
    /// The database is a copy that had to catch up with the original.
    CatchingUp,
}

impl Trouble {
    fn sentence(self) -> &'static str {
        match self {
            Trouble::DivisionByZero => {
                "The query divides by zero; divide by nullif(…, 0) to get an empty value there instead."
            }
            Trouble::NumberTooLarge => {
                "A number in this query grew too large for its type; cast it to a larger one (such as numeric or \
                 decimal) before calculating."
            }
            Trouble::Unreadable => {
                "A value could not be read as the type that the query wants; compare it as text, or leave such \
                 rows out."
            }
            Trouble::OutOfMemory => {
                "The database ran out of memory for this query; ask for less at once (fewer rows, fewer groups, \
                 a filter)."
            }
            Trouble::DiskFull => {
                "The database ran out of disk space for this query; ask for less at once, or have whoever looks \
                 after it free some."
            }
            Trouble::TooManyConnections => {
                "The database takes no more connections right now; try again in a moment. If it happens often, \
                 whoever looks after it can allow more."
            }
            Trouble::NotAllowed => {
                "The database's role may not read this; ask about something else, or have whoever looks after the \
                 database grant SELECT on it to the role."
            }
            Trouble::StoppedThere => {
                "The query was stopped at the database, by somebody who looks after it or by a rule there; try \
                 again later, or ask for less."
            }
            Trouble::CatchingUp => {
                "The database is a copy that had to catch up with its original, which stopped the query; try \
                 again."
            }
        }
    }

    /// The sentence, and after it what the database said, which may name the table or the value.
    pub fn say(self, words: &str) -> String {
        let words = sentence(words);
        format!("{} The database says: {words}", self.sentence())
    }
}

/// A text as a sentence: it ends like one.
pub(super) fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '?', '!']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}
