//! Cuts a file into chunks that end where a record ends, and lets all cores work on them in turn. One thread
//! finds the ends exactly (a quoted field may hold line breaks), so chunks never have to be guessed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use super::dialect::Dialect;
use super::record::{closing_quote, count_lines};
use crate::error::{Error, Result};

/// A record longer than this is an unclosed quote or no table at all.
const MAX_RECORD: usize = 64 * 1024 * 1024;

/// A piece of the file that begins and ends with a record.
#[derive(Debug)]
pub struct Chunk {
    /// Counted from 0.
    pub index: usize,
    pub text: Vec<u8>,
    /// Line of the file it begins on, counted from 1.
    pub line: u64,
}

/// Cuts a stream of text into chunks.
struct Splitter<R> {
    from: R,
    dialect: Dialect,
    /// Size of a chunk at which it is cut at the next record.
    target: usize,
    rest: Vec<u8>,
    index: usize,
    line: u64,
    ended: bool,
}

/// What a scan of a buffer found.
struct Scan {
    /// The last complete record ends here (after its terminator).
    end: Option<usize>,
    /// A quote opened here is still open at the end of the buffer.
    open: Option<usize>,
}

impl<R: Read> Splitter<R> {
    /// The next chunks, at most so many; none at the end.
    fn group(&mut self, most: usize) -> Result<Vec<Chunk>> {
        let mut chunks = Vec::with_capacity(most);
        while chunks.len() < most
            && let Some(chunk) = self.next()?
        {
            chunks.push(chunk);
        }
        Ok(chunks)
    }

    fn next(&mut self) -> Result<Option<Chunk>> {
        let mut want = self.target;
        let mut buffer = std::mem::take(&mut self.rest);
        loop {
            if !self.ended {
                let missing = want.saturating_sub(buffer.len()) as u64;
                buffer.reserve(missing as usize);
                let read = (&mut self.from).take(missing).read_to_end(&mut buffer)?;
                self.ended = (read as u64) < missing;
            }
            if buffer.is_empty() {
                return Ok(None);
            }
            let found = scan(&buffer, &self.dialect);
            let end = match (found.end, found.open) {
                (_, Some(open)) if self.ended || buffer.len() - open > MAX_RECORD => {
                    return Err(unclosed(&buffer, open, self.line, &self.dialect));
                }
                _ if self.ended => buffer.len(),
                (Some(end), _) => end,
                _ if buffer.len() > MAX_RECORD => {
                    return Err(Error::Invalid(format!(
                        "The row that begins on line {} is longer than {} MB; this does not look like a table.",
                        self.line,
                        MAX_RECORD / 1024 / 1024
                    )));
                }
                _ => {
                    want = buffer.len() * 2;
                    continue;
                }
            };
            self.rest = buffer[end..].to_vec();
            buffer.truncate(end);
            let chunk = Chunk {
                index: self.index,
                line: self.line,
                text: buffer,
            };
            self.index += 1;
            self.line += count_lines(&chunk.text, self.dialect.terminator);
            return Ok(Some(chunk));
        }
    }
}

/// The beginning of a text up to where its last complete record ends.
pub fn complete_records<'a>(text: &'a [u8], dialect: &Dialect) -> &'a [u8] {
    &text[..scan(text, dialect).end.unwrap_or(0)]
}

fn unclosed(buffer: &[u8], at: usize, line: u64, dialect: &Dialect) -> Error {
    let before = &buffer[..at];
    let line = line + count_lines(before, dialect.terminator);
    let column = match memchr::memrchr(dialect.terminator, before) {
        Some(end) => at - end,
        None => at + 1,
    };
    Error::Invalid(format!(
        "The quoted field that begins on line {line}, column {column} is never closed; add the missing quote and upload the file again."
    ))
}

/// Where the last complete record of a buffer ends. The buffer begins with a record.
fn scan(buffer: &[u8], dialect: &Dialect) -> Scan {
    let mut last_end = None;
    let mut from = 0;
    if let Some(quote) = dialect.quote {
        let mut at = 0;
        while let Some(offset) = memchr::memchr(quote, &buffer[at..]) {
            let place = at + offset;
            if !opens_field(buffer, place, dialect) {
                at = place + 1;
                continue;
            }
            if let Some(end) = memchr::memrchr(dialect.terminator, &buffer[from..place]) {
                last_end = Some(from + end + 1);
            }
            let (close, _) = closing_quote(buffer, place + 1, quote, dialect.escape);
            if close + 1 >= buffer.len() {
                // Open at the end, or closed by the very last byte, after which another quote could follow.
                return Scan {
                    end: last_end,
                    open: (close >= buffer.len()).then_some(place),
                };
            }
            at = close + 1;
            from = at;
        }
    }
    if let Some(end) = memchr::memrchr(dialect.terminator, &buffer[from..]) {
        last_end = Some(from + end + 1);
    }
    Scan {
        end: last_end,
        open: None,
    }
}

/// Whether a quote at `place` begins a field.
fn opens_field(buffer: &[u8], place: usize, dialect: &Dialect) -> bool {
    let mut before = place;
    if dialect.loose {
        while before > 0 && buffer[before - 1] == b' ' {
            before -= 1;
        }
    }
    match before.checked_sub(1).map(|index| buffer[index]) {
        None => true,
        Some(byte) => byte == dialect.delimiter || byte == dialect.terminator,
    }
}

/// Cores to work with.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// A file of delimited text, ready to be cut into chunks.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    pub path: &'a Path,
    /// Bytes before the text, such as a byte order mark.
    pub skip: u64,
    pub dialect: Dialect,
}

/// How a file is cut for its readers.
#[derive(Debug, Clone, Copy)]
pub struct Pieces {
    /// Size of a chunk in bytes, roughly.
    pub chunk: usize,
    /// Chunks that are worked on together.
    pub together: usize,
}

/// Runs `work` on every chunk (or so many together, with the number of their group) on all cores and hands the
/// results to `done` in the order of the file. The first error stops everything.
pub fn for_each<T: Send>(
    text: Text<'_>,
    pieces: Pieces,
    work: impl Fn(usize, Vec<Chunk>) -> Result<T> + Sync,
    mut done: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut file = File::open(text.path)?;
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(text.skip))?;
    let mut splitter = Splitter {
        from: file,
        dialect: text.dialect,
        target: pieces.chunk,
        rest: Vec::new(),
        index: 0,
        line: 1,
        ended: false,
    };
    let stop = AtomicBool::new(false);
    let (to_workers, from_splitter) = sync_channel::<(usize, Vec<Chunk>)>(1);
    let from_splitter = Mutex::new(from_splitter);
    let (to_caller, results) = sync_channel::<(usize, Result<T>)>(1);
    std::thread::scope(|scope| {
        let failures = to_caller.clone();
        let stop = &stop;
        scope.spawn(move || {
            let mut group = 0;
            while !stop.load(Ordering::Relaxed) {
                match splitter.group(pieces.together) {
                    Ok(chunks) if chunks.is_empty() => return,
                    Ok(chunks) => {
                        if to_workers.send((group, chunks)).is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        // Nobody listens any more if the caller has failed first.
                        let _ = failures.send((group, Err(error)));
                        return;
                    }
                }
                group += 1;
            }
        });
        for _ in 0..cores() {
            let to_caller = to_caller.clone();
            let (from_splitter, work) = (&from_splitter, &work);
            scope.spawn(move || {
                while let Some((group, chunks)) = take(from_splitter) {
                    if to_caller.send((group, work(group, chunks))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(to_caller);
        let outcome = in_order(results, &mut done);
        stop.store(true, Ordering::Relaxed);
        if outcome.is_err() {
            // Empties the queue so that the splitter's send cannot block the end of the scope.
            while take(&from_splitter).is_some() {}
        }
        outcome
    })
}

fn take<T>(queue: &Mutex<Receiver<T>>) -> Option<T> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn in_order<T>(results: Receiver<(usize, Result<T>)>, done: &mut impl FnMut(T) -> Result<()>) -> Result<()> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for (index, result) in results {
        waiting.insert(index, result);
        while let Some(result) = waiting.remove(&next) {
            done(result?)?;
            next += 1;
        }
    }
    Ok(())
}
