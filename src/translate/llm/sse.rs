//! Server-sent events out of a byte stream. It splits bytes, not text: a character may arrive in two parts.

use crate::error::{Error, Result};

/// One event at most; no honest delta comes near it.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// Bytes that came and are not yet an event.
#[derive(Debug, Default)]
pub(super) struct Events {
    buffer: Vec<u8>,
    /// How far `buffer` has been searched for a line end.
    searched: usize,
    data: Vec<u8>,
}

impl Events {
    /// Takes bytes and gives the data of each event they complete. Errors: `Llm` for an event too large.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let end = self.searched + length;
            let line = self.buffer[start..end].to_vec();
            self.line(&line, &mut events);
            start = end + 1;
            self.searched = start;
        }
        self.buffer.drain(..start);
        self.searched = self.buffer.len();
        if self.buffer.len() + self.data.len() > MAX_EVENT_BYTES {
            return Err(Error::Llm(
                "The model's endpoint sent an event over 1 MiB; it does not speak the streaming protocol."
                    .into(),
            ));
        }
        Ok(events)
    }

    /// What was still open when the stream ended; some endpoints leave out the last blank line.
    pub(super) fn finish(mut self) -> Vec<Vec<u8>> {
        let mut events = Vec::new();
        let rest = std::mem::take(&mut self.buffer);
        self.line(&rest, &mut events);
        self.line(b"", &mut events);
        events
    }

    fn line(&mut self, line: &[u8], events: &mut Vec<Vec<u8>>) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            if !self.data.is_empty() {
                events.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data
                .extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
        }
        // Comments (keep-alives), event names and ids say nothing here.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_cut_the_bytes_gives_the_same_events() {
        let stream = "data: {\"a\":\"ä€𝄞\"}\n\n: keep-alive\r\n\r\nevent: x\r\ndata: one\r\ndata: two\r\n\r\ndata:[DONE]\n".as_bytes();
        for size in 1..=stream.len() {
            let mut events = Events::default();
            let mut seen: Vec<Vec<u8>> = Vec::new();
            for chunk in stream.chunks(size) {
                seen.extend(events.push(chunk).unwrap());
            }
            seen.extend(events.finish());
            let seen: Vec<String> = seen
                .into_iter()
                .map(|event| String::from_utf8(event).unwrap())
                .collect();
            assert_eq!(
                seen,
                ["{\"a\":\"ä€𝄞\"}", "one\ntwo", "[DONE]"],
                "chunks of {size}"
            );
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut events = Events::default();
        let chunk = vec![b'x'; 64 * 1024];
        assert!((0..40).any(|_| events.push(&chunk).is_err()));
    }
}
