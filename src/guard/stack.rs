//! How much stack a query needs. Trees are walked recursively, and a text can describe one that no ordinary stack
//! holds; so large texts are handled on a stack of their own. Making one costs several times as much as checking a
//! short query, which cannot nest deeply and stays on the stack it is on.

/// Words and signs up to which a query counts as short.
const SHORT: usize = 48;

/// Stack that a short query may need, in bytes: more than it takes when every word of it opens a level, in a
/// program that was not optimised.
const ROOM: usize = 1280 * 1024;

/// What an opening bracket counts for: what is nested in brackets takes the most stack.
const BRACKET: usize = 8;

/// At most so many words and signs are in the text; blanks count for nothing.
pub fn size(sql: &str) -> usize {
    let is_of_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut before = b' ';
    let mut size = 0;
    for byte in sql.bytes() {
        let goes_on = is_of_word(byte) && is_of_word(before);
        if matches!(byte, b'(' | b'[' | b'{' | b'<') {
            size += BRACKET;
        } else if !byte.is_ascii_whitespace() && !goes_on {
            size += 1;
        }
        before = byte;
    }
    size
}

/// Runs `walk` for a query of a [`size`], on a stack of `large` bytes unless it is short.
pub fn with_room<T>(size: usize, large: usize, walk: impl FnOnce() -> T) -> T {
    if size <= SHORT {
        stacker::maybe_grow(ROOM, large, walk)
    } else {
        stacker::grow(large, walk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, Column, Dialect, Table};
    use crate::guard;

    #[test]
    fn size_is_an_upper_bound() {
        for (sql, size_of_it) in [
            ("", 0),
            ("SELECT 1", 2),
            ("SELECT a.b, 'it''s' FROM  t", 13),
            ("((1))", 19),
        ] {
            assert_eq!(size(sql), size_of_it, "{sql}");
        }
    }

    /// Every way to nest, as deep as a short query can be, on a stack that has little more than what is
    /// reserved.
    #[test]
    fn short_queries_fit() {
        let nested = |open: &str, inside: &str, close: &str| {
            let build = |levels: usize| {
                format!(
                    "SELECT {}{inside}{} FROM t",
                    open.repeat(levels),
                    close.repeat(levels)
                )
            };
            let levels = (1..SHORT)
                .take_while(|levels| size(&build(*levels)) <= SHORT)
                .last();
            build(levels.expect("one level is short"))
        };
        let derived = (1..SHORT)
            .map(|levels| {
                format!(
                    "{}SELECT a FROM t{}",
                    "SELECT a FROM (".repeat(levels),
                    ") q".repeat(levels)
                )
            })
            .take_while(|sql| size(sql) <= SHORT)
            .last();
        let queries = [
            nested("(", "1", ")"),
            nested("NOT ", "true", ""),
            nested("- ", "a", ""),
            nested("(SELECT ", "1", ")"),
            nested("EXISTS (SELECT ", "1", ")"),
            nested("CASE WHEN ", "true", " THEN 1 END"),
            nested("abs(", "a", ")"),
            nested("a + ", "a", ""),
            nested("a = 1 AND ", "true", ""),
            nested("a::int::", "int", ""),
            nested("a::b(", "c", ")"),
            nested("OVERLAY(", "a", ")"),
            nested("ARRAY[", "a", "]"),
            derived.expect("one level is short"),
            format!("SELECT a FROM t{}", " UNION SELECT a FROM t".repeat(8)),
            format!("SELECT t.a FROM t{}", " JOIN t ON true".repeat(8)),
        ];
        let catalog = Catalog {
            tables: vec![Table {
                name: "t".into(),
                columns: vec![Column {
                    name: "a".into(),
                    ..Column::default()
                }],
                ..Table::default()
            }],
        };
        for sql in queries {
            assert!(size(&sql) <= SHORT, "{sql}");
            let catalog = catalog.clone();
            let checked = std::thread::Builder::new()
                .stack_size(ROOM + 160 * 1024)
                .spawn(move || {
                    for dialect in [
                        Dialect::Postgresql,
                        Dialect::Mysql,
                        Dialect::Sqlite,
                        Dialect::Datafusion,
                    ] {
                        assert!(stacker::remaining_stack().is_some_and(|room| room > ROOM));
                        // Allowed or not: what counts is that it comes back.
                        let _ = guard::check(&sql, &catalog, dialect);
                    }
                })
                .expect("a thread");
            checked.join().expect("no overflow");
        }
    }
}
