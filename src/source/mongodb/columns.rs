//! Which columns a result has and how each travels, decided over its first documents. What comes later has
//! to fit, or the query ends with a sentence: a value is never bent.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use mongodb::bson::{Bson, RawBsonRef};
use mongodb::raw_batch_cursor::RawBatch;

use super::{Whole, fault, value};
use crate::error::Result;
use crate::guard::mongo::Query;
use crate::rows::TYPE_KEY;

/// The largest integer that a double holds exactly, with all below it.
const SAFE_INTEGER: u64 = 1 << 53;
/// What is shown as a date: the years 1 to 9999, in milliseconds since 1970.
pub(super) const DATES: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;
/// Where fields go that came up only after the columns were decided.
const OTHERS: &str = "other_fields";

/// How a column travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bool,
    Int,
    Float,
    /// Exact, as text.
    Decimal,
    Text,
    Date,
    /// Moments of which some lie outside the calendar, as text.
    FarDate,
    ObjectId,
    Uuid,
    Bytes,
    /// Scalars that have no Arrow type, as text.
    Special,
    /// Documents, lists, and values of several kinds.
    Json,
}

impl Form {
    fn field(self, name: &str) -> Field {
        let data_type = match self {
            Form::Bool => DataType::Boolean,
            Form::Int => DataType::Int64,
            Form::Float => DataType::Float64,
            Form::Date => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Form::Bytes => DataType::Binary,
            _ => DataType::Utf8,
        };
        let word = match self {
            Form::Decimal => "decimal",
            Form::FarDate => "timestamp",
            Form::Uuid => "uuid",
            Form::Json => "json",
            _ => return Field::new(name, data_type, true),
        };
        Field::new(name, data_type, true).with_metadata([(TYPE_KEY.to_owned(), word.to_owned())].into())
    }

    /// In words, for messages.
    pub fn words(self) -> &'static str {
        match self {
            Form::Bool => "true or false",
            Form::Int => "whole numbers",
            Form::Float | Form::Decimal => "numbers",
            Form::Text => "text",
            Form::Date | Form::FarDate => "dates",
            Form::ObjectId => "ObjectIds",
            Form::Uuid => "UUIDs",
            Form::Bytes => "binary data",
            Form::Special => "values of a special type",
            Form::Json => "values of several kinds",
        }
    }
}

/// The columns of one result.
pub(super) struct Columns {
    pub all: Vec<(String, Form)>,
    places: HashMap<String, usize>,
    /// The column for fields that nobody knew of.
    pub others: Option<usize>,
    schema: SchemaRef,
}

impl Columns {
    /// From the first documents, and the names that the query's last stages fix.
    pub fn decide(
        first: &[RawBatch],
        query: &Query,
        expected: Option<Vec<String>>,
        whole: Whole,
    ) -> Result<Columns> {
        let mut names: Vec<String> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut seen: Vec<Seen> = Vec::new();
        for batch in first {
            let documents = batch.doc_slices().map_err(|error| fault::while_running(&error))?;
            for document in documents {
                let document = document
                    .ok()
                    .and_then(|value| value.as_document())
                    .ok_or_else(fault::broken)?;
                for element in document {
                    let (name, value) = element.map_err(|_| fault::broken())?;
                    let name = name.as_str();
                    let at = match places.get(name) {
                        Some(at) => *at,
                        None => {
                            places.insert(name.to_owned(), names.len());
                            names.push(name.to_owned());
                            seen.push(Seen::default());
                            names.len() - 1
                        }
                    };
                    seen[at].note(&value);
                }
            }
        }
        let is_fixed = fixes_columns(query);
        // What no document had: columns of the query all the same, or of documents yet to come.
        if is_fixed || whole == Whole::No || names.is_empty() {
            for name in expected.unwrap_or_default() {
                if !places.contains_key(&name) {
                    places.insert(name.clone(), names.len());
                    names.push(name);
                    seen.push(Seen::default());
                }
            }
        }
        let mut all: Vec<(String, Form)> = names
            .into_iter()
            .zip(&seen)
            .map(|(name, seen)| (name, seen.form(whole)))
            .collect();
        if whole == Whole::Yes && all.len() > 1 && groups_everything(query) {
            // `_id: null` of a group over everything says nothing.
            if let Some(at) = places.get("_id").copied()
                && seen[at].is_empty()
            {
                all.remove(at);
                places.remove("_id");
                for place in places.values_mut().filter(|place| **place > at) {
                    *place -= 1;
                }
            }
        }
        let mut others = None;
        if whole == Whole::No && !is_fixed {
            let mut name = OTHERS.to_owned();
            while places.contains_key(&name) {
                name.push('_');
            }
            others = Some(all.len());
            all.push((name, Form::Json));
        }
        let fields: Vec<Field> = all.iter().map(|(name, form)| form.field(name)).collect();
        Ok(Columns {
            all,
            places,
            others,
            schema: Arc::new(Schema::new(fields)),
        })
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Where the column of this name stands; `guess` is looked at first, as documents keep their order.
    pub fn place(&self, name: &str, guess: usize) -> Option<usize> {
        if self.others != Some(guess) && self.all.get(guess).is_some_and(|(known, _)| known == name) {
            return Some(guess);
        }
        self.places.get(name).copied()
    }
}

/// Stages that let through what their input had.
const KEEPS: &[&str] = &[
    "$match", "$sort", "$limit", "$skip", "$sample", "$unset", "$unwind", "$redact", "$fill", "$densify",
];

/// Whether no document can bring a field that the query does not name.
fn fixes_columns(query: &Query) -> bool {
    for stage in query.pipeline.iter().rev() {
        let Some((name, argument)) = stage.as_document().and_then(|stage| stage.iter().next()) else {
            return false;
        };
        match name.as_str() {
            "$group" | "$count" | "$sortByCount" | "$bucket" | "$bucketAuto" | "$facet" => return true,
            "$project" => {
                let picks = argument.as_document().is_some_and(|fields| {
                    fields.iter().any(|(name, value)| {
                        name != "_id"
                            && !matches!(value, Bson::Boolean(false))
                            && crate::guard::mongo::json::whole(value) != Some(0)
                    })
                });
                if picks {
                    return true;
                }
            }
            "$addFields" | "$set" | "$lookup" | "$graphLookup" | "$setWindowFields" => {}
            keeps if KEEPS.contains(&keeps) => {}
            _ => return false,
        }
    }
    false
}

/// Whether the last group puts all documents into one: `_id: null`.
fn groups_everything(query: &Query) -> bool {
    query
        .pipeline
        .iter()
        .rev()
        .filter_map(|stage| stage.as_document()?.get_document("$group").ok())
        .next()
        .is_some_and(|group| matches!(group.get("_id"), Some(Bson::Null)))
}

/// Kinds of values seen in a column.
#[derive(Debug, Default)]
struct Seen {
    bool_: bool,
    int: bool,
    big_int: bool,
    double: bool,
    decimal: bool,
    text: bool,
    date: bool,
    far_date: bool,
    object_id: bool,
    uuid: bool,
    bytes: bool,
    nested: bool,
    special: bool,
}

impl Seen {
    fn note(&mut self, value: &RawBsonRef<'_>) {
        match value {
            RawBsonRef::Null | RawBsonRef::Undefined => {}
            RawBsonRef::Boolean(_) => self.bool_ = true,
            RawBsonRef::Int32(_) => self.int = true,
            RawBsonRef::Int64(number) => {
                self.int = true;
                self.big_int |= number.unsigned_abs() > SAFE_INTEGER;
            }
            RawBsonRef::Double(_) => self.double = true,
            RawBsonRef::Decimal128(_) => self.decimal = true,
            RawBsonRef::String(_) => self.text = true,
            RawBsonRef::DateTime(moment) => {
                self.date = true;
                self.far_date |= !DATES.contains(&moment.timestamp_millis());
            }
            RawBsonRef::ObjectId(_) => self.object_id = true,
            RawBsonRef::Binary(binary) if value::uuid(binary.subtype, binary.bytes).is_some() => {
                self.uuid = true
            }
            RawBsonRef::Binary(_) => self.bytes = true,
            RawBsonRef::Document(_) | RawBsonRef::Array(_) => self.nested = true,
            _ => self.special = true,
        }
    }

    fn is_empty(&self) -> bool {
        self.kinds() == 0
    }

    /// How many kinds of values there are; all numbers are one.
    fn kinds(&self) -> usize {
        [
            self.bool_,
            self.int || self.double || self.decimal,
            self.text,
            self.date,
            self.object_id,
            self.uuid,
            self.bytes,
            self.nested,
            self.special,
        ]
        .into_iter()
        .filter(|is_there| *is_there)
        .count()
    }

    fn form(&self, whole: Whole) -> Form {
        match self.kinds() {
            0 if whole == Whole::Yes => Form::Text,
            // Nothing is known of what will come; this takes everything.
            0 => Form::Json,
            1 if self.bool_ => Form::Bool,
            1 if self.decimal => Form::Decimal,
            1 if self.double && self.big_int => Form::Decimal,
            1 if self.double => Form::Float,
            1 if self.int => Form::Int,
            1 if self.text => Form::Text,
            1 if self.far_date => Form::FarDate,
            1 if self.date => Form::Date,
            1 if self.object_id => Form::ObjectId,
            1 if self.uuid => Form::Uuid,
            1 if self.bytes => Form::Bytes,
            1 if self.special => Form::Special,
            _ => Form::Json,
        }
    }
}

/// Whether a double holds this integer exactly.
pub(super) fn is_safe(number: i64) -> bool {
    number.unsigned_abs() <= SAFE_INTEGER
}
