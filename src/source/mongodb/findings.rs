//! What samples told of a collection's documents: paths, types with their share, frequent values. Later
//! samples add to it, so that a field does not vanish because one sample missed it.

use std::collections::{BTreeMap, HashMap};

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Bson, RawArray, RawBsonRef, RawDocument};

use super::value;
use crate::catalog::{Column, ColumnKind, TypeShare};

/// Levels of documents inside each other that are described.
const DEPTH: usize = 8;
/// A document with more names than this, over all samples, is a map keyed by data: its keys are no fields.
const NAMES: usize = 200;
/// The same for the documents of the collection themselves.
const TOP_NAMES: usize = 1_000;
/// Columns of a table at most; deeper ones go first.
pub(super) const COLUMNS: usize = 2_000;
/// Elements of a list that are looked at.
const ELEMENTS: usize = 50;
/// Different values kept of a field, and characters of each.
const VALUES: usize = 50;
const VALUE_CHARS: usize = 100;
/// Values that are looked for among another collection's keys.
const SAMPLES: usize = 8;

/// All that is known of a collection.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    documents: u64,
    fields: Fields,
    /// Every document was seen, at the last look.
    complete: bool,
}

/// Fields by name, in the order in which they were first seen.
#[derive(Debug, Clone, Default)]
struct Fields {
    places: HashMap<String, usize>,
    all: Vec<(String, Field)>,
    /// There were too many names to be names.
    is_map: bool,
}

#[derive(Debug, Clone, Default)]
struct Field {
    /// Documents that have it.
    seen: u64,
    /// The document it was last seen in, so that a list's elements count once.
    last: u64,
    nulls: u64,
    types: BTreeMap<&'static str, u64>,
    elements: BTreeMap<&'static str, u64>,
    inner: Fields,
    values: HashMap<String, u64>,
    /// There are more values than were kept.
    more_values: bool,
    least: Option<Bound>,
    most: Option<Bound>,
    /// A few of its values, to find out whether they are keys of another collection.
    samples: Vec<Bson>,
}

/// A number or moment, with its text.
#[derive(Debug, Clone)]
struct Bound(f64, String);

impl Findings {
    /// Adds what a newer sample found. A complete one says it all.
    pub fn merge(&mut self, newer: Findings) {
        if newer.complete || self.documents == 0 {
            *self = newer;
            return;
        }
        self.documents += newer.documents;
        self.complete = false;
        self.fields.merge(newer.fields);
    }

    /// Nothing was left out of this sample.
    pub fn set_complete(&mut self) {
        self.complete = true;
    }

    /// Whether every document was seen, at the last look.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether the document at a path has too many names for them to be fields.
    pub fn is_map(&self, path: &str) -> bool {
        let mut fields = &self.fields;
        for name in path.split('.') {
            let Some(at) = fields.places.get(name) else {
                return fields.is_map;
            };
            fields = &fields.all[*at].1.inner;
        }
        fields.is_map
    }

    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Notes one document.
    pub fn add(&mut self, document: &RawDocument) {
        self.documents += 1;
        self.fields.add(document, self.documents, 1);
    }

    /// A few values of the field at a path.
    pub fn samples(&self, path: &str) -> &[Bson] {
        let mut fields = &self.fields;
        let mut found: &[Bson] = &[];
        for name in path.split('.') {
            let Some(at) = fields.places.get(name) else {
                return &[];
            };
            let field = &fields.all[*at].1;
            (fields, found) = (&field.inner, &field.samples);
        }
        found
    }

    /// As columns with dotted paths, each document's fields after the document itself.
    pub fn columns(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        self.fields.describe("", self, self.documents, &mut columns);
        for depth in (2..=DEPTH).rev() {
            if columns.len() <= COLUMNS {
                break;
            }
            columns.retain(|column| column.name.split('.').count() < depth);
        }
        columns.truncate(COLUMNS);
        columns
    }
}

impl Fields {
    fn field(&mut self, name: &str, most: usize) -> Option<&mut Field> {
        // Paths cannot say such names.
        if self.is_map || name.is_empty() || name.contains('.') || name.starts_with('$') {
            return None;
        }
        let at = match self.places.get(name) {
            Some(at) => *at,
            None if self.all.len() >= most => {
                *self = Fields {
                    is_map: true,
                    ..Fields::default()
                };
                return None;
            }
            None => {
                self.places.insert(name.to_owned(), self.all.len());
                self.all.push((name.to_owned(), Field::default()));
                self.all.len() - 1
            }
        };
        Some(&mut self.all[at].1)
    }

    fn add(&mut self, document: &RawDocument, number: u64, depth: usize) {
        let most = if depth == 1 { TOP_NAMES } else { NAMES };
        for (name, value) in document.iter().flatten() {
            if let Some(field) = self.field(name.as_str(), most) {
                field.add(value, number, depth);
            }
        }
    }

    fn merge(&mut self, newer: Fields) {
        if newer.is_map {
            *self = newer;
            return;
        }
        for (name, newer) in newer.all {
            if let Some(field) = self.field(&name, TOP_NAMES) {
                field.merge(newer);
            }
        }
    }

    fn describe(&self, before: &str, findings: &Findings, of: u64, columns: &mut Vec<Column>) {
        for (name, field) in &self.all {
            let path = if before.is_empty() {
                name.clone()
            } else {
                format!("{before}.{name}")
            };
            columns.push(field.column(path.clone(), findings, of));
            field.inner.describe(&path, findings, of, columns);
        }
    }
}

impl Field {
    fn add(&mut self, value: RawBsonRef<'_>, number: u64, depth: usize) {
        if self.last != number {
            self.last = number;
            self.seen += 1;
        }
        let name = type_name(&value);
        if name == "null" {
            self.nulls += 1;
            return;
        }
        *self.types.entry(name).or_default() += 1;
        match value {
            RawBsonRef::Array(items) => self.add_elements(items, number, depth),
            RawBsonRef::Document(document) => self.add_inner(document, number, depth),
            scalar => self.add_value(&scalar),
        }
    }

    fn add_elements(&mut self, items: &RawArray, number: u64, depth: usize) {
        for item in items.into_iter().flatten().take(ELEMENTS) {
            *self.elements.entry(type_name(&item)).or_default() += 1;
            match item {
                RawBsonRef::Document(document) => self.add_inner(document, number, depth),
                RawBsonRef::Array(_) => {}
                scalar => self.add_value(&scalar),
            }
        }
    }

    fn add_inner(&mut self, document: &RawDocument, number: u64, depth: usize) {
        if depth < DEPTH {
            self.inner.add(document, number, depth + 1);
        }
    }

    fn add_value(&mut self, scalar: &RawBsonRef<'_>) {
        if self.samples.len() < SAMPLES
            && let Some(value) = key(scalar)
            && !self.samples.contains(&value)
        {
            self.samples.push(value);
        }
        if let Some(bound) = bound(scalar) {
            if self.least.as_ref().is_none_or(|least| bound.0 < least.0) {
                self.least = Some(bound.clone());
            }
            if self.most.as_ref().is_none_or(|most| bound.0 > most.0) {
                self.most = Some(bound);
            }
        }
        let RawBsonRef::String(text) = scalar else {
            return;
        };
        if text.chars().nth(VALUE_CHARS).is_some() {
            self.more_values = true;
        } else if let Some(count) = self.values.get_mut(*text) {
            *count += 1;
        } else if self.values.len() < VALUES {
            self.values.insert((*text).to_owned(), 1);
        } else {
            self.more_values = true;
        }
    }

    fn merge(&mut self, newer: Field) {
        self.seen += newer.seen;
        self.last = 0;
        self.nulls += newer.nulls;
        for (name, count) in newer.types {
            *self.types.entry(name).or_default() += count;
        }
        for (name, count) in newer.elements {
            *self.elements.entry(name).or_default() += count;
        }
        self.inner.merge(newer.inner);
        let room = SAMPLES.saturating_sub(self.samples.len());
        self.samples.extend(newer.samples.into_iter().take(room));
        self.more_values |= newer.more_values;
        for (text, count) in newer.values {
            if self.values.len() < VALUES || self.values.contains_key(&text) {
                *self.values.entry(text).or_default() += count;
            } else {
                self.more_values = true;
            }
        }
        if let Some(bound) = newer.least
            && self.least.as_ref().is_none_or(|least| bound.0 < least.0)
        {
            self.least = Some(bound);
        }
        if let Some(bound) = newer.most
            && self.most.as_ref().is_none_or(|most| bound.0 > most.0)
        {
            self.most = Some(bound);
        }
    }

    fn column(&self, name: String, findings: &Findings, of: u64) -> Column {
        let types = self.shares();
        let names: Vec<&str> = types.iter().map(|share| share.name.as_str()).collect();
        let mut values: Vec<(&String, &u64)> = self.values.iter().collect();
        values.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        // A field whose every value is another is no vocabulary.
        let repeats = values.iter().any(|(_, count)| **count > 1) || findings.documents < 20;
        let complete = findings.complete && !self.more_values;
        Column {
            name,
            type_name: if names.is_empty() {
                "null".into()
            } else {
                names.join(" | ")
            },
            kind: self.kind(),
            nullable: self.nulls > 0 || self.seen < of,
            values_complete: complete && repeats && !values.is_empty(),
            distinct_estimate: (complete && !values.is_empty()).then_some(values.len() as u64),
            values: if repeats {
                values.into_iter().map(|(text, _)| text.clone()).collect()
            } else {
                Vec::new()
            },
            min: self.least.as_ref().map(|bound| bound.1.clone()),
            max: self.most.as_ref().map(|bound| bound.1.clone()),
            seen: (of > 0).then(|| rounded(self.seen as f64 / of as f64)),
            types,
            ..Column::default()
        }
    }

    fn shares(&self) -> Vec<TypeShare> {
        let all: u64 = self.types.values().sum();
        let mut types: Vec<(&str, u64)> = self.types.iter().map(|(name, count)| (*name, *count)).collect();
        types.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        types
            .into_iter()
            .map(|(name, count)| TypeShare {
                name: if name == "array" {
                    let elements: Vec<&str> = self.elements.keys().copied().collect();
                    format!("array<{}>", elements.join("|"))
                } else {
                    name.to_owned()
                },
                share: rounded(count as f64 / all.max(1) as f64),
            })
            .collect()
    }

    fn kind(&self) -> ColumnKind {
        let has = |name: &str| self.types.contains_key(name);
        let only =
            |names: &[&str]| !self.types.is_empty() && self.types.keys().all(|name| names.contains(name));
        if only(&["int", "long"]) {
            ColumnKind::Integer
        } else if only(&["int", "long", "double"]) {
            ColumnKind::Float
        } else if only(&["int", "long", "double", "decimal"]) {
            ColumnKind::Decimal
        } else if only(&["string", "symbol"]) {
            ColumnKind::Text
        } else if only(&["bool"]) {
            ColumnKind::Boolean
        } else if only(&["date"]) {
            ColumnKind::TimestampTz
        } else if only(&["objectId", "uuid"]) {
            ColumnKind::Uuid
        } else if only(&["binData"]) {
            ColumnKind::Binary
        } else if has("array") {
            ColumnKind::Array
        } else if only(&["object"]) {
            ColumnKind::Json
        } else {
            ColumnKind::Other
        }
    }
}

fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

/// A value that may be another document's key.
fn key(value: &RawBsonRef<'_>) -> Option<Bson> {
    match value {
        RawBsonRef::ObjectId(id) => Some(Bson::ObjectId(*id)),
        RawBsonRef::Int32(number) => Some(Bson::Int32(*number)),
        RawBsonRef::Int64(number) => Some(Bson::Int64(*number)),
        RawBsonRef::String(text) if text.len() <= VALUE_CHARS => Some(Bson::String((*text).to_owned())),
        _ => None,
    }
}

fn bound(value: &RawBsonRef<'_>) -> Option<Bound> {
    let number = match value {
        RawBsonRef::Int32(number) => f64::from(*number),
        RawBsonRef::Int64(number) => *number as f64,
        RawBsonRef::Double(number) if number.is_finite() => *number,
        RawBsonRef::Decimal128(number) => number.to_string().parse().ok().filter(|n: &f64| n.is_finite())?,
        RawBsonRef::DateTime(moment) => moment.timestamp_millis() as f64,
        _ => return None,
    };
    let mut text = String::new();
    value::plain(value, &mut text);
    Some(Bound(number, text))
}

/// The name that MongoDB's `$type` gives; binary of the UUID kind is told apart.
fn type_name(value: &RawBsonRef<'_>) -> &'static str {
    match value {
        RawBsonRef::Double(_) => "double",
        RawBsonRef::String(_) => "string",
        RawBsonRef::Document(_) => "object",
        RawBsonRef::Array(_) => "array",
        RawBsonRef::Binary(binary) if binary.subtype == BinarySubtype::Uuid => "uuid",
        RawBsonRef::Binary(_) => "binData",
        RawBsonRef::ObjectId(_) => "objectId",
        RawBsonRef::Boolean(_) => "bool",
        RawBsonRef::DateTime(_) => "date",
        RawBsonRef::Null | RawBsonRef::Undefined => "null",
        RawBsonRef::RegularExpression(_) => "regex",
        RawBsonRef::DbPointer(_) => "dbPointer",
        RawBsonRef::JavaScriptCode(_) | RawBsonRef::JavaScriptCodeWithScope(_) => "javascript",
        RawBsonRef::Symbol(_) => "symbol",
        RawBsonRef::Int32(_) => "int",
        RawBsonRef::Timestamp(_) => "timestamp",
        RawBsonRef::Int64(_) => "long",
        RawBsonRef::Decimal128(_) => "decimal",
        RawBsonRef::MinKey => "minKey",
        RawBsonRef::MaxKey => "maxKey",
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, RawDocumentBuf, doc};

    use super::*;

    fn findings(documents: &[Document]) -> Findings {
        let mut findings = Findings::default();
        for document in documents {
            findings.add(&RawDocumentBuf::try_from(document).unwrap());
        }
        findings
    }

    fn names(findings: &Findings) -> Vec<String> {
        findings
            .columns()
            .into_iter()
            .map(|column| format!("{} {}", column.name, column.type_name))
            .collect()
    }

    #[test]
    fn paths_types_and_shares() {
        let found = findings(&[
            doc! {"_id": 1, "a": {"b": "x"}, "items": [{"sku": "s", "n": 1}, {"sku": "t"}], "tags": ["p", 3]},
            doc! {"_id": 2, "a": {"b": 5}, "none": null},
        ]);
        assert_eq!(
            names(&found),
            [
                "_id int",
                "a object",
                "a.b int | string",
                "items array<object>",
                "items.sku string",
                "items.n int",
                "tags array<int|string>",
                "none null"
            ]
        );
        let columns = found.columns();
        assert_eq!(columns[4].seen, Some(0.5));
        assert_eq!(columns[2].types[0].share, 0.5);
        assert_eq!(
            (columns[3].kind, columns[1].kind),
            (ColumnKind::Array, ColumnKind::Json)
        );
    }

    #[test]
    fn a_field_that_a_sample_missed_stays() {
        let mut all = findings(&[doc! {"a": 1, "rare": "x"}]);
        all.merge(findings(&[doc! {"a": 2.5}]));
        assert_eq!(names(&all), ["a double | int", "rare string"]);
        let mut whole = findings(&[doc! {"a": 2}]);
        whole.set_complete();
        all.merge(whole);
        assert_eq!(names(&all), ["a int"], "a complete look misses nothing");
    }

    #[test]
    fn a_map_keyed_by_data_has_no_fields() {
        let documents: Vec<Document> = (0..300).map(|n| doc! {"by_day": {format!("d{n}"): n}}).collect();
        assert_eq!(names(&findings(&documents)), ["by_day object"]);
    }
}
