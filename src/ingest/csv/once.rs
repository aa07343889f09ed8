//! Both passes over a delimited file at once: rows are examined, and at the same time written as what the
//! beginning of the file suggests. What counts is what all rows say; only if that is what was suggested is the
//! written table of use. Otherwise nothing is lost but some work.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::chunk::{self, Chunk, Pieces, Text};
use super::examine::{self, Examined, Lines, chunk_of};
use super::head::Head;
use super::write::{Column, Group, Part, Table, Written};
use crate::error::Result;

/// Chunks of the first pass that make one row group.
const TOGETHER: usize = 4;

/// What both passes found.
pub struct Once {
    pub examined: Examined,
    /// The columns as they were written, rows, and what became of each column. None when the guess was wrong or
    /// was given up.
    pub table: Option<(Vec<Column>, u64, Vec<Written>)>,
}

/// Goes through the whole file. `guess`: the columns to write; `holds`: whether what was found so far still
/// agrees with them (asked again and again, in the order of the file).
pub fn run(
    text: Text<'_>,
    head: &Head,
    lines: Lines,
    guess: Vec<Column>,
    to: &Path,
    holds: impl Fn(&Examined, &[Written]) -> bool,
) -> Result<Once> {
    let (table, encoder) = Table::create(&guess, to)?;
    let pieces = Pieces {
        chunk: examine::CHUNK,
        together: TOGETHER,
    };
    let given_up = AtomicBool::new(false);
    let work = |number, chunks: Vec<Chunk>| -> Result<(Examined, Option<Part>)> {
        let mut found = Examined::default();
        let mut group = (!given_up.load(Ordering::Relaxed)).then(|| Group::new(&guess));
        for chunk in &chunks {
            let part = chunk_of(chunk, &text.dialect, head, lines, &mut |cells, line| {
                if let Some(group) = &mut group {
                    group.push(&chunk.text, cells, &text.dialect, line);
                }
            })?;
            if found.add(part).is_err() {
                // It has to be read otherwise; what was found says so, too.
                return Ok((found, None));
            }
        }
        drop(chunks);
        let part = group.map(|group| encoder.encode(group, number)).transpose()?;
        Ok((found, part))
    };
    let mut all = Examined::of(head);
    let mut table = Some(table);
    let outcome = chunk::for_each(text, pieces, work, |(found, part)| {
        all.add(found)?;
        match (&mut table, part) {
            (Some(table), Some(part)) if holds(&all, &part.written) => table.append(part),
            _ => {
                table = None;
                given_up.store(true, Ordering::Relaxed);
                Ok(())
            }
        }
    });
    let examined = all.after(outcome)?;
    let table = match table {
        Some(table) => {
            let (rows, written) = table.close()?;
            Some((guess, rows, written))
        }
        None => None,
    };
    Ok(Once { examined, table })
}
