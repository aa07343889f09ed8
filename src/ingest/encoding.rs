//! Which encoding a text file has, and turning others into UTF-8. Windows-1252 is the fallback that cannot
//! fail.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use encoding_rs::{CoderResult, Encoding as Standard};

use super::csv::dialect::Complete;
use crate::error::Result;

/// The encodings read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    /// With a byte order mark.
    Utf8Marked,
    /// Mostly valid; the few bytes that are not become replacement characters.
    Utf8Damaged,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

impl Encoding {
    /// As it stands in the report.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 | Encoding::Utf8Marked => "UTF-8",
            Encoding::Utf8Damaged => "UTF-8 (with invalid bytes, replaced by �)",
            Encoding::Utf16Le => "UTF-16LE",
            Encoding::Utf16Be => "UTF-16BE",
            Encoding::Windows1252 => "windows-1252",
        }
    }

    /// Bytes of the mark that is no text.
    pub fn mark_length(self) -> u64 {
        match self {
            Encoding::Utf8Marked => 3,
            _ => 0,
        }
    }

    fn standard(self) -> &'static Standard {
        match self {
            Encoding::Utf8 | Encoding::Utf8Marked | Encoding::Utf8Damaged => encoding_rs::UTF_8,
            Encoding::Utf16Le => encoding_rs::UTF_16LE,
            Encoding::Utf16Be => encoding_rs::UTF_16BE,
            Encoding::Windows1252 => encoding_rs::WINDOWS_1252,
        }
    }
}

/// The first bytes of a file, and whether they are all of it.
pub fn beginning(path: &Path, skip: u64, length: usize) -> Result<(Vec<u8>, Complete)> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(skip))?;
    let mut bytes = Vec::new();
    file.take(length as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > length {
        bytes.truncate(length);
        return Ok((bytes, Complete::Beginning));
    }
    Ok((bytes, Complete::Whole))
}

/// Judges by marks and zero bytes. UTF-8 is only a guess here: `examine` proves or disproves it.
pub fn sniff(path: &Path) -> Result<Encoding> {
    let (bytes, _) = beginning(path, 0, 4096)?;
    Ok(of_bytes(&bytes))
}

/// See [`sniff`].
pub fn of_bytes(bytes: &[u8]) -> Encoding {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => return Encoding::Utf8Marked,
        [0xFF, 0xFE, ..] => return Encoding::Utf16Le,
        [0xFE, 0xFF, ..] => return Encoding::Utf16Be,
        _ => {}
    }
    // Latin text in UTF-16 without a mark: every other byte is zero.
    let zeros = |odd: usize| {
        bytes
            .iter()
            .skip(odd)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd, pairs) = (zeros(0), zeros(1), bytes.len() / 2);
    if pairs >= 4 && odd * 10 > pairs * 6 && even * 10 < pairs {
        Encoding::Utf16Le
    } else if pairs >= 4 && even * 10 > pairs * 6 && odd * 10 < pairs {
        Encoding::Utf16Be
    } else {
        Encoding::Utf8
    }
}

/// What a file is that is not valid UTF-8: damaged UTF-8 if nearly all of what goes beyond ASCII is valid,
/// else Windows-1252.
pub fn without_utf8(path: &Path) -> Result<Encoding> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1024 * 1024];
    let mut kept = 0;
    let (mut valid, mut invalid) = (0_u64, 0_u64);
    loop {
        let read = file.read(&mut buffer[kept..])?;
        let filled = kept + read;
        if filled == 0 {
            break;
        }
        kept = 0;
        for part in buffer[..filled].utf8_chunks() {
            valid += part.valid().bytes().filter(|byte| *byte >= 0xC0).count() as u64;
            invalid += u64::from(!part.invalid().is_empty());
        }
        if read == 0 {
            break;
        }
    }
    // Chunk borders may cut a few characters; they do not sway the vote.
    Ok(if valid > 20 && valid > invalid * 20 {
        Encoding::Utf8Damaged
    } else {
        Encoding::Windows1252
    })
}

/// Writes the file as UTF-8 without a mark.
pub fn convert(from: &Path, encoding: Encoding, to: &Path) -> Result<()> {
    let mut input = File::open(from)?;
    let mut output = BufWriter::with_capacity(1024 * 1024, File::create(to)?);
    let mut decoder = encoding.standard().new_decoder_with_bom_removal();
    let mut bytes = vec![0; 256 * 1024];
    let mut text = vec![0; 1024 * 1024];
    loop {
        let read = input.read(&mut bytes)?;
        let last = read == 0;
        let mut rest = &bytes[..read];
        loop {
            let (result, used, written, _) = decoder.decode_to_utf8(rest, &mut text, last);
            output.write_all(&text[..written])?;
            rest = &rest[used..];
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if last {
            output.flush()?;
            return Ok(());
        }
    }
}
