//! Arrow batches as bytes of an IPC stream and back, a piece at a time on both ends.
//!
//! The reading end trusts nothing: every message is measured before Arrow's decoder may allocate for it
//! (declared sizes, what LZ4 would really unfold to, row counts without data behind them), and only types
//! whose size in memory follows from the bytes received are let in. A panic inside the decoder becomes an
//! error of this one result.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow::ipc::{CompressionType, MessageHeader};
use bytes::{Bytes, BytesMut};

use crate::error::{Error, Result};
use crate::protocol::MAX_IPC_MESSAGE;

/// Uncompressed bytes of one encoded batch, about: small enough to start the reader early and to keep both
/// ends' memory flat, large enough to compress.
const BATCH_BYTES: usize = 512 * 1024;
/// Batches below this size travel as they are: compressing them saves nothing and costs more than the rest.
const SMALL_BYTES: usize = 16 * 1024;
/// The flatbuffer before a message's body at most; a schema of 1,600 wide columns takes about a tenth.
const MAX_METADATA: usize = 4 * 1024 * 1024;
/// What LZ4 can unfold to at most, per byte.
const LZ4_RATIO: usize = 255;

/// Writes batches as an IPC stream (LZ4 but for small ones).
pub struct Encoder {
    writer: StreamWriter<Vec<u8>>,
    /// Made for the first small batch; what it wrote of the schema is left out.
    uncompressed: Option<StreamWriter<Vec<u8>>>,
    schema: SchemaRef,
}

impl Encoder {
    /// A stream of this schema. Dictionaries, views and run-end encoded columns travel as plain ones: LZ4
    /// makes up for it, and the reading end need not take in what multiplies.
    pub fn new(schema: &Schema) -> Result<Encoder> {
        let schema = Arc::new(Schema::new_with_metadata(
            schema
                .fields()
                .iter()
                .map(|field| match plain(field.data_type()) {
                    Some(data_type) => field.as_ref().clone().with_data_type(data_type),
                    None => field.as_ref().clone(),
                })
                .collect::<Vec<_>>(),
            schema.metadata().clone(),
        ));
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let writer = StreamWriter::try_new_with_options(Vec::new(), &schema, options)?;
        Ok(Encoder {
            writer,
            uncompressed: None,
            schema,
        })
    }

    /// What was written since the last call: after `new` the schema.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }

    /// `batch` in pieces that are encoded one at a time, so that a large one is never held twice.
    pub fn pieces(&self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let columns = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(column, field)| {
                if column.data_type() == field.data_type() {
                    Ok(column.clone())
                } else {
                    cast(column, field.data_type())
                }
            })
            .collect::<std::result::Result<Vec<ArrayRef>, _>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        let rows = batch.num_rows();
        let bytes = batch_bytes(&batch);
        let step = if bytes <= BATCH_BYTES {
            rows.max(1)
        } else {
            (rows * BATCH_BYTES / bytes).max(1)
        };
        Ok((0..rows)
            .step_by(step)
            .map(|start| batch.slice(start, step.min(rows - start)))
            .collect())
    }

    /// Encodes one piece. Errors: `TooLarge` when a single row is more than a message may be.
    pub fn encode(&mut self, piece: &RecordBatch) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.encode_to(piece, &mut bytes)?;
        Ok(bytes)
    }

    /// Encodes one piece after what `bytes` holds already. Errors: as [`Encoder::encode`].
    pub fn encode_to(&mut self, piece: &RecordBatch, bytes: &mut Vec<u8>) -> Result<()> {
        let size = batch_bytes(piece);
        if piece.num_rows() == 1 && size > MAX_IPC_MESSAGE {
            return Err(Error::TooLarge(format!(
                "One row of the result is larger than {} MB; leave its largest column out.",
                MAX_IPC_MESSAGE / 1024 / 1024
            )));
        }
        let writer = if size >= SMALL_BYTES {
            &mut self.writer
        } else if let Some(writer) = &mut self.uncompressed {
            writer
        } else {
            let writer = StreamWriter::try_new(Vec::new(), &self.schema)?;
            self.uncompressed.insert(writer)
        };
        std::mem::swap(writer.get_mut(), bytes);
        let written = writer.write(piece);
        std::mem::swap(writer.get_mut(), bytes);
        Ok(written?)
    }

    /// The end of the stream.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.end(&mut bytes)?;
        Ok(bytes)
    }

    /// The end of the stream after what `bytes` holds already; nothing may be encoded any more.
    pub fn end(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        std::mem::swap(self.writer.get_mut(), bytes);
        let written = self.writer.finish();
        std::mem::swap(self.writer.get_mut(), bytes);
        Ok(written?)
    }
}

/// Bytes a batch's rows take, slices counted as what they show.
fn batch_bytes(batch: &RecordBatch) -> usize {
    batch
        .columns()
        .iter()
        .map(|column| {
            column
                .to_data()
                .get_slice_memory_size()
                .unwrap_or_else(|_| column.get_array_memory_size())
        })
        .sum()
}

/// What a column travels as, where that differs: a few bytes of a view may stand for a megabyte, so the
/// reading end takes none.
fn plain(data_type: &DataType) -> Option<DataType> {
    let field = |field: &Arc<Field>| {
        plain(field.data_type()).map(|data_type| Arc::new(field.as_ref().clone().with_data_type(data_type)))
    };
    match data_type {
        DataType::Utf8View => Some(DataType::Utf8),
        DataType::BinaryView => Some(DataType::Binary),
        DataType::Dictionary(_, values) => Some(plain(values).unwrap_or_else(|| values.as_ref().clone())),
        DataType::RunEndEncoded(_, values) => {
            let values = values.data_type();
            Some(plain(values).unwrap_or_else(|| values.clone()))
        }
        DataType::ListView(item) => Some(DataType::List(field(item).unwrap_or_else(|| item.clone()))),
        DataType::LargeListView(item) => {
            Some(DataType::LargeList(field(item).unwrap_or_else(|| item.clone())))
        }
        DataType::List(item) => field(item).map(DataType::List),
        DataType::LargeList(item) => field(item).map(DataType::LargeList),
        DataType::Struct(fields) if fields.iter().any(|child| field(child).is_some()) => {
            Some(DataType::Struct(
                fields
                    .iter()
                    .map(|child| field(child).unwrap_or_else(|| child.clone()))
                    .collect(),
            ))
        }
        _ => None,
    }
}

/// Reads an IPC stream that comes from outside, in whatever pieces it arrives.
pub struct Decoder {
    inner: StreamDecoder,
    schema: Option<SchemaRef>,
    /// What has arrived and is not yet a whole message.
    waiting: BytesMut,
    /// The message being decoded: Arrow's decoder only finishes one without a body when the next arrives, and
    /// then leaves that one for another call.
    current: Buffer,
    /// Rows that may still come.
    rows_left: u64,
    finished: bool,
}

impl Decoder {
    /// `max_rows`: one row more is an error.
    pub fn new(max_rows: u64) -> Decoder {
        Decoder {
            inner: StreamDecoder::new(),
            schema: None,
            waiting: BytesMut::new(),
            current: Buffer::default(),
            rows_left: max_rows,
            finished: false,
        }
    }

    /// The columns, once the first message has arrived.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.schema.clone()
    }

    /// Takes in more of the stream; then call [`Decoder::next_batch`] until it gives none.
    pub fn feed(&mut self, bytes: Bytes) {
        if self.waiting.is_empty() {
            self.waiting = BytesMut::from(bytes);
        } else {
            self.waiting.extend_from_slice(&bytes);
        }
    }

    /// The next whole batch of what was fed. Errors: `Source` when the stream is not what it should be; then
    /// nothing more may be read.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.current.is_empty() {
                match self.next_message()? {
                    Some(message) => self.current = Buffer::from(message),
                    None => return Ok(None),
                }
            }
            let batch = unpanicked(|| self.inner.decode(&mut self.current))?
                .map_err(|error| broken(&error.to_string()))?;
            if batch.is_some() {
                return Ok(batch);
            }
        }
    }

    /// Checks that the stream is whole.
    pub fn finish(&self) -> Result<()> {
        if self.finished && self.waiting.is_empty() && self.current.is_empty() {
            Ok(())
        } else {
            Err(broken("it ends in the middle"))
        }
    }

    /// The bytes of the next message, measured; None until it has arrived as a whole.
    fn next_message(&mut self) -> Result<Option<Bytes>> {
        if self.finished && !self.waiting.is_empty() {
            return Err(broken("it goes on after its end"));
        }
        let Some((head, rest)) = self.waiting.split_first_chunk::<8>() else {
            return Ok(None);
        };
        let (marker, size) = head.split_at(4);
        if marker != [0xff; 4] {
            return Err(broken("a message does not begin as it should"));
        }
        // The split above leaves exactly four bytes.
        let size = u32::from_le_bytes(size.try_into().map_err(|_| broken("a header is cut"))?) as usize;
        if size == 0 {
            self.finished = true;
            return Ok(Some(self.waiting.split_to(8).freeze()));
        }
        if size > MAX_METADATA {
            return Err(broken("a message header is too large"));
        }
        let Some((metadata, body)) = rest.split_at_checked(size) else {
            return Ok(None);
        };
        let message = arrow::ipc::root_as_message(metadata)
            .map_err(|error| broken(&format!("a message header cannot be read: {error}")))?;
        let body_length = usize::try_from(message.bodyLength())
            .ok()
            .filter(|length| *length <= MAX_IPC_MESSAGE + MAX_IPC_MESSAGE / 8)
            .ok_or_else(|| broken("a message is too large"))?;
        let Some(body) = body.get(..body_length) else {
            return Ok(None);
        };
        if let Some(schema) = message.header_as_schema() {
            let schema = unpanicked(|| arrow::ipc::convert::fb_to_schema(schema))?;
            for field in schema.fields() {
                known_type(field.data_type(), 0)?;
            }
            self.schema = Some(Arc::new(schema));
        }
        let rows = measure(&message, body)?;
        self.rows_left = self
            .rows_left
            .checked_sub(rows)
            .ok_or_else(|| broken("it has more rows than were asked for"))?;
        let whole = 8 + size + body_length;
        Ok(Some(self.waiting.split_to(whole).freeze()))
    }
}

/// Runs a part of Arrow's decoder, which may panic at contents that contradict each other.
fn unpanicked<T>(work: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| broken("its contents contradict each other"))
}

fn broken(what: &str) -> Error {
    Error::source(
        crate::error::SourceFault::Other,
        format!("The agent sent a result that cannot be read: {what}."),
    )
}

/// Rows of a message. Errors when it would unfold to more than it may.
fn measure(message: &arrow::ipc::Message<'_>, body: &[u8]) -> Result<u64> {
    let batch = match message.header_type() {
        MessageHeader::Schema if body.is_empty() => return Ok(0),
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        _ => return Err(broken("it has a message of an unknown type")),
    };
    let batch = batch.ok_or_else(|| broken("a message is empty"))?;
    let compressed = match batch.compression() {
        None => false,
        Some(compression) if compression.codec() == CompressionType::LZ4_FRAME => true,
        Some(_) => return Err(broken("it is compressed in a way that was not agreed")),
    };
    let mut unfolded = 0_usize;
    let mut packed = 0_usize;
    let mut parts = Vec::new();
    for buffer in batch.buffers().iter().flatten() {
        let part = usize::try_from(buffer.offset())
            .ok()
            .zip(usize::try_from(buffer.length()).ok())
            .and_then(|(offset, length)| body.get(offset..offset.checked_add(length)?))
            .ok_or_else(|| broken("a buffer lies outside of its message"))?;
        let size = match part.split_first_chunk::<8>() {
            Some((declared, rest)) if compressed => match i64::from_le_bytes(*declared) {
                -1 => rest.len(),
                declared => {
                    packed += rest.len();
                    let declared =
                        usize::try_from(declared).map_err(|_| broken("a buffer declares a negative size"))?;
                    parts.push((rest, declared));
                    declared
                }
            },
            None if compressed && !part.is_empty() => return Err(broken("a buffer is cut")),
            _ => part.len(),
        };
        unfolded = unfolded.saturating_add(size);
    }
    if unfolded > MAX_IPC_MESSAGE + MAX_IPC_MESSAGE / 8 {
        return Err(broken("a message is too large"));
    }
    // The decoder unfolds until the data ends, whatever size was declared. Small messages cannot unfold to
    // much; the others are unfolded once into nothing to see.
    if packed * LZ4_RATIO > 4 * MAX_IPC_MESSAGE {
        for (part, declared) in parts {
            use std::io::Read;
            let mut unfolding = lz4_flex::frame::FrameDecoder::new(part).take(declared as u64 + 1);
            let size = std::io::copy(&mut unfolding, &mut std::io::sink())
                .map_err(|error| broken(&format!("a buffer cannot be unfolded: {error}")))?;
            if size != declared as u64 {
                return Err(broken("a buffer does not unfold to its declared size"));
            }
        }
    }
    let rows = u64::try_from(batch.length()).map_err(|_| broken("a batch has a negative row count"))?;
    // Every element of every type let in takes at least a bit, except nulls, which cost one per row.
    let mut elements = 0_u64;
    let mut nodes = 0_u64;
    for node in batch.nodes().iter().flatten() {
        nodes += 1;
        elements = u64::try_from(node.length())
            .ok()
            .and_then(|length| elements.checked_add(length))
            .ok_or_else(|| broken("a column has an impossible length"))?;
    }
    if elements
        > (unfolded as u64)
            .saturating_mul(8)
            .saturating_add(nodes.saturating_mul(rows))
    {
        return Err(broken("a column is longer than its data"));
    }
    Ok(rows)
}

/// Lets in the types whose size follows from the bytes received. Errors: `Source`.
fn known_type(data_type: &DataType, depth: usize) -> Result<()> {
    if depth > 16 {
        return Err(broken("its types are nested too deeply"));
    }
    match data_type {
        DataType::Utf8View
        | DataType::BinaryView
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::RunEndEncoded(..)
        | DataType::Dictionary(..)
        | DataType::Union(..) => Err(broken("it has a column of a type that was not agreed")),
        DataType::FixedSizeList(_, size) if *size > 65_536 => {
            Err(broken("it has a list of an impossible size"))
        }
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => known_type(field.data_type(), depth + 1),
        DataType::Struct(fields) => fields
            .iter()
            .try_for_each(|field| known_type(field.data_type(), depth + 1)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
