//! The conditions of `$match`: known operators, known fields, and values of a kind that the field holds.

use mongodb::bson::Bson;

use super::expression::{Scope, constant, operator};
use super::shape::{Index, Shape, Types};
use super::{dangerous, refused, syntax_error, type_error};
use crate::error::Result;

/// Checks the condition against the documents of `scope`.
pub fn condition(scope: &Scope, value: &Bson) -> Result<()> {
    let Bson::Document(document) = value else {
        return Err(syntax_error("A condition of $match has to be an object."));
    };
    for (name, value) in document {
        match name.as_str() {
            "$and" | "$or" | "$nor" => {
                let Bson::Array(parts) = value else {
                    return Err(syntax_error(&format!("{name} takes a list of conditions.")));
                };
                for part in parts {
                    condition(scope, part)?;
                }
            }
            "$expr" => {
                scope.expression(value)?;
            }
            "$sampleRate" if Types::of(value) == Types::NUMBER => {}
            "$text" => {
                constant_values(value)?;
            }
            operator if operator.starts_with('$') => {
                return Err(dangerous("condition", operator));
            }
            path => field(path, &scope.root.at(path, Index::Allowed)?, value)?,
        }
    }
    Ok(())
}

/// What a field is compared with.
fn field(path: &str, shape: &Shape, value: &Bson) -> Result<()> {
    match value {
        Bson::Document(document) if document.keys().any(|key| key.starts_with('$')) => {
            for (name, operand) in document {
                operation(path, shape, name, operand)?;
            }
            Ok(())
        }
        Bson::RegularExpression(_) => textual(path, shape),
        equal => same_kind(path, shape, equal),
    }
}

fn operation(path: &str, shape: &Shape, name: &str, operand: &Bson) -> Result<()> {
    match name {
        "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" => same_kind(path, shape, operand),
        "$in" | "$nin" | "$all" => {
            let Bson::Array(items) = operand else {
                return Err(syntax_error(&format!("{name} takes a list.")));
            };
            for item in items {
                match item {
                    Bson::Document(inner) if name == "$all" && inner.contains_key("$elemMatch") => {
                        field(path, shape, item)?;
                    }
                    Bson::RegularExpression(_) => textual(path, shape)?,
                    item => same_kind(path, shape, item)?,
                }
            }
            Ok(())
        }
        "$not" => match operand {
            Bson::Document(_) | Bson::RegularExpression(_) => field(path, shape, operand),
            _ => Err(syntax_error("$not takes an operator, such as {\"$gt\": 5}.")),
        },
        "$elemMatch" => {
            let mut element = shape.clone();
            element.is_list = false;
            match operand {
                Bson::Document(inner) if operator(inner).is_ok_and(|found| found.is_none()) => {
                    condition(&Scope::new(element), operand)
                }
                Bson::Document(inner)
                    if inner
                        .keys()
                        .all(|key| matches!(key.as_str(), "$and" | "$or" | "$nor")) =>
                {
                    condition(&Scope::new(element), operand)
                }
                Bson::Document(_) => field(path, &element, operand),
                _ => Err(syntax_error("$elemMatch takes a condition.")),
            }
        }
        "$regex" => textual(path, shape),
        "$options" | "$exists" | "$type" | "$size" | "$mod" | "$bitsAllClear" | "$bitsAllSet"
        | "$bitsAnyClear" | "$bitsAnySet" => constant(operand).map(|_| ()),
        "$geoWithin" | "$geoIntersects" => constant_values(operand),
        other => Err(dangerous("condition", other)),
    }
}

/// Operands of geometry and text conditions have operators of their own, which hold only constants.
fn constant_values(value: &Bson) -> Result<()> {
    const KNOWN: &[&str] = &[
        "$geometry",
        "$box",
        "$center",
        "$centerSphere",
        "$polygon",
        "$search",
        "$language",
        "$caseSensitive",
        "$diacriticSensitive",
    ];
    let Bson::Document(document) = value else {
        return constant(value).map(|_| ());
    };
    for (name, inner) in document {
        if name.starts_with('$') && !KNOWN.contains(&name.as_str()) {
            return Err(refused(&format!("{name} inside a condition")));
        }
        constant_values(inner)?;
    }
    Ok(())
}

/// A value of another kind than the field's would silently match nothing.
fn same_kind(path: &str, shape: &Shape, value: &Bson) -> Result<()> {
    constant(value)?;
    let given = Types::of(value);
    let fits = match value {
        // A list equals a whole list.
        Bson::Array(_) => true,
        _ => shape.types.meets(given),
    };
    if fits {
        return Ok(());
    }
    Err(type_error(format!(
        "The field \"{path}\" holds {}, so a comparison with {} would never match; write dates as \
         {{\"$date\": \"2024-01-31T00:00:00Z\"}} and ids as {{\"$oid\": \"…\"}}.",
        shape.types.words(),
        given.words()
    )))
}

fn textual(path: &str, shape: &Shape) -> Result<()> {
    if shape.types.meets(Types::STRING) {
        return Ok(());
    }
    Err(type_error(format!(
        "The field \"{path}\" holds {}, which a regular expression never matches.",
        shape.types.words()
    )))
}
