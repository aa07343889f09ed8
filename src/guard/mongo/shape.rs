//! What documents look like at a point of a pipeline: which fields there are, what types they hold, and
//! where lists stand. It starts from the catalog and follows every stage.

use std::collections::BTreeMap;
use std::sync::Arc;

use mongodb::bson::Bson;

use crate::catalog::Table;
use crate::error::{Error, Result, SourceFault};
use crate::guard::names::nearest;

/// Kinds of scalar values, as MongoDB compares them: values of different kinds are never equal. Empty means
/// that nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Types(u16);

impl Types {
    pub const UNKNOWN: Types = Types(0);
    pub const NUMBER: Types = Types(1);
    pub const STRING: Types = Types(2);
    pub const BOOL: Types = Types(4);
    pub const DATE: Types = Types(8);
    pub const OBJECT_ID: Types = Types(16);
    pub const OBJECT: Types = Types(32);
    pub const BINARY: Types = Types(64);
    pub const OTHER: Types = Types(128);
    pub const ARRAY: Types = Types(256);

    /// Of the name that MongoDB gives to a type.
    pub fn named(name: &str) -> Types {
        match name {
            "int" | "long" | "double" | "decimal" => Types::NUMBER,
            "string" | "symbol" | "text" => Types::STRING,
            "bool" => Types::BOOL,
            "date" => Types::DATE,
            "objectId" => Types::OBJECT_ID,
            "object" => Types::OBJECT,
            "binData" | "uuid" => Types::BINARY,
            "array" => Types::ARRAY,
            "null" | "undefined" => Types::UNKNOWN,
            _ => Types::OTHER,
        }
    }

    /// Of a constant; null fits everywhere.
    pub fn of(value: &Bson) -> Types {
        match value {
            Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => Types::NUMBER,
            Bson::String(_) => Types::STRING,
            Bson::Boolean(_) => Types::BOOL,
            Bson::DateTime(_) => Types::DATE,
            Bson::ObjectId(_) => Types::OBJECT_ID,
            Bson::Document(_) => Types::OBJECT,
            Bson::Binary(_) => Types::BINARY,
            Bson::Array(_) => Types::ARRAY,
            Bson::Timestamp(_) => Types::OTHER,
            _ => Types::UNKNOWN,
        }
    }

    pub fn and(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    pub fn is_known(self) -> bool {
        self != Types::UNKNOWN
    }

    /// Whether a value of one may equal a value of the other.
    pub fn meets(self, other: Types) -> bool {
        !self.is_known() || !other.is_known() || self.0 & other.0 != 0
    }

    pub fn has(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    /// In words, for messages.
    pub fn words(self) -> String {
        let names = [
            (Types::NUMBER, "numbers"),
            (Types::STRING, "text"),
            (Types::BOOL, "true or false"),
            (Types::DATE, "dates"),
            (Types::OBJECT_ID, "ObjectIds"),
            (Types::OBJECT, "documents"),
            (Types::BINARY, "binary data"),
            (Types::OTHER, "values of a special type"),
            (Types::ARRAY, "lists"),
        ];
        let found: Vec<&str> = names
            .iter()
            .filter(|(types, _)| self.has(*types))
            .map(|(_, name)| *name)
            .collect();
        found.join(" and ")
    }
}

/// A value: of a field, a variable or an expression.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shape {
    /// Of the value itself, or of a list's elements.
    pub types: Types,
    /// It is, or may be, a list.
    pub is_list: bool,
    /// The fields of the document it is, or of those in the list; None where they are not known. Shared,
    /// because every reference to a document hands them on.
    pub fields: Option<Arc<Fields>>,
}

/// Fields by name.
pub type Fields = BTreeMap<String, Shape>;

impl Shape {
    /// Nothing is known.
    pub fn any() -> Shape {
        Shape::default()
    }

    /// A value without fields.
    pub fn scalar(types: Types) -> Shape {
        Shape {
            types,
            is_list: false,
            fields: Some(Arc::default()),
        }
    }

    pub fn document(fields: impl IntoIterator<Item = (String, Shape)>) -> Shape {
        Shape {
            types: Types::OBJECT,
            is_list: false,
            fields: Some(Arc::new(fields.into_iter().collect())),
        }
    }

    pub fn listed(mut self) -> Shape {
        self.is_list = true;
        self
    }

    /// Of the documents of a collection, as far as a look at them told.
    pub fn of_table(table: &Table) -> Shape {
        if table.columns.is_empty() {
            return Shape::any();
        }
        let mut root = Shape::document([]);
        for column in &table.columns {
            let mut shape = Shape::any();
            let names: Vec<&str> = if column.types.is_empty() {
                vec![column.type_name.as_str()]
            } else {
                column.types.iter().map(|share| share.name.as_str()).collect()
            };
            for name in names {
                match name.strip_prefix("array") {
                    Some(elements) => {
                        shape.is_list = true;
                        for element in elements.trim_matches(['<', '>']).split('|') {
                            shape.types = shape.types.and(Types::named(element));
                        }
                    }
                    None => shape.types = shape.types.and(Types::named(name)),
                }
            }
            if !shape.types.has(Types::OBJECT) {
                shape.fields = Some(Arc::default());
            }
            root.put(&column.name, shape);
        }
        root
    }

    /// The fields, to be changed; a document of unknown fields becomes one of known ones.
    pub fn fields_mut(&mut self) -> &mut Fields {
        Arc::make_mut(self.fields.get_or_insert_default())
    }

    /// Sets the field at a dotted path; documents on the way are made.
    pub fn put(&mut self, path: &str, shape: Shape) {
        let fields = self.fields_mut();
        match path.split_once('.') {
            Some((first, rest)) => fields.entry(first.to_owned()).or_default().put(rest, shape),
            None => {
                fields.insert(path.to_owned(), shape);
            }
        }
    }

    /// Sets the field at a dotted path as `$addFields` does: what nothing is known of stays open.
    pub fn set(&mut self, path: &str, shape: Shape) {
        let Some(fields) = self.fields.as_mut().map(Arc::make_mut) else {
            return;
        };
        match path.split_once('.') {
            Some((first, rest)) => fields
                .entry(first.to_owned())
                .or_insert_with(|| Shape::document([]))
                .set(rest, shape),
            None => {
                fields.insert(path.to_owned(), shape);
            }
        }
    }

    /// Takes the field at a dotted path away.
    pub fn remove(&mut self, path: &str) {
        let Some(fields) = self.fields.as_mut().map(Arc::make_mut) else {
            return;
        };
        match path.split_once('.') {
            Some((first, rest)) => {
                if let Some(inner) = fields.get_mut(first) {
                    inner.remove(rest);
                }
            }
            None => {
                fields.remove(path);
            }
        }
    }

    /// What the dotted path leads to. `index` says whether a number may be a list's index, as in `$match`.
    /// Errors: `Source` of kind `Name`, with the nearest real names.
    pub fn at(&self, path: &str, index: Index) -> Result<Shape> {
        let mut here = self;
        let mut is_list = false;
        let mut seen = String::new();
        for part in path.split('.') {
            if part.is_empty() || part.starts_with('$') {
                return Err(Error::source(
                    SourceFault::Name,
                    format!("\"{path}\" is no path of a field."),
                ));
            }
            let Some(fields) = &here.fields else {
                return Ok(Shape::any());
            };
            if index == Index::Allowed && here.is_list && part.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            // The root's own list is the caller's business.
            is_list |= here.is_list && !seen.is_empty();
            match fields.get(part) {
                Some(next) => here = next,
                None => return Err(unknown(path, &seen, part, fields)),
            }
            if !seen.is_empty() {
                seen.push('.');
            }
            seen.push_str(part);
        }
        let mut found = here.clone();
        found.is_list |= is_list;
        Ok(found)
    }

    /// One shape for values that may be either.
    pub fn or(mut self, other: Shape) -> Shape {
        self.types = if self.types.is_known() && other.types.is_known() {
            self.types.and(other.types)
        } else {
            Types::UNKNOWN
        };
        self.is_list |= other.is_list;
        self.fields = match (self.fields, other.fields) {
            (Some(mine), Some(theirs)) if Arc::ptr_eq(&mine, &theirs) => Some(mine),
            (Some(mut mine), Some(theirs)) => {
                let fields = Arc::make_mut(&mut mine);
                for (name, shape) in theirs.iter() {
                    let merged = match fields.remove(name) {
                        Some(own) => own.or(shape.clone()),
                        None => shape.clone(),
                    };
                    fields.insert(name.clone(), merged);
                }
                Some(mine)
            }
            _ => None,
        };
        self
    }

    /// What it compares as: a list is a kind of its own.
    pub fn compared(&self) -> Types {
        if self.is_list { Types::ARRAY } else { self.types }
    }

    /// Every path below, for messages.
    fn paths(fields: &Fields, before: &str, found: &mut Vec<String>) {
        for (name, shape) in fields {
            let path = if before.is_empty() {
                name.clone()
            } else {
                format!("{before}.{name}")
            };
            if let Some(inner) = &shape.fields {
                Shape::paths(inner, &path, found);
            }
            found.push(path);
        }
    }
}

/// See [`Shape::at`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    Allowed,
    IsAName,
}

fn unknown(path: &str, seen: &str, part: &str, fields: &Fields) -> Error {
    let mut names = Vec::new();
    Shape::paths(fields, seen, &mut names);
    let near = nearest(part, names.into_iter());
    let near = if near.is_empty() {
        String::from("there are no fields at this point of the pipeline")
    } else {
        format!("the nearest are {}", near.join(", "))
    };
    Error::source(
        SourceFault::Name,
        format!("There is no field \"{path}\" at this point of the pipeline; {near}."),
    )
}
