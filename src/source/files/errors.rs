//! DataFusion's errors in plain words, and whether another attempt at the query makes sense.

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};

use crate::error::{Error, SourceFault};

/// Characters of DataFusion's own words that are passed on.
const LONGEST: usize = 400;

/// The error of the product for one of DataFusion's.
pub fn of(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => of(inner),
        DataFusionError::Shared(inner) => of(inner),
        DataFusionError::Collection(all) if !all.is_empty() => of(&all[0]),
        DataFusionError::SQL(parser, _) => Error::source(
            SourceFault::Syntax,
            format!("The query does not parse: {}.", clean(&parser.to_string())),
        ),
        DataFusionError::SchemaError(schema, _) => of_schema(schema),
        DataFusionError::Plan(message) => of_plan(message),
        DataFusionError::NotImplemented(message) if message.contains("single SQL statement") => {
            Error::Refused("Only one statement can be asked at a time.".into())
        }
        DataFusionError::NotImplemented(message) => Error::source(
            SourceFault::Syntax,
            format!("The file engine does not know this: {}.", clean(message)),
        ),
        DataFusionError::ResourcesExhausted(_) => Error::source(
            SourceFault::Other,
            "This query needs more memory than one query may take; ask for less at once (fewer rows, fewer groups, a filter).",
        ),
        DataFusionError::ArrowError(arrow, _) => of_arrow(arrow),
        DataFusionError::Execution(message) => of_execution(message),
        DataFusionError::External(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => of(inner),
            None => match inner.downcast_ref::<ArrowError>() {
                Some(arrow) => of_arrow(arrow),
                None => of_execution(&inner.to_string()),
            },
        },
        DataFusionError::ParquetError(_) | DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => {
            Error::Internal(format!("the stored table could not be read: {error}"))
        }
        other => Error::source(SourceFault::Other, sentence(&other.strip_backtrace())),
    }
}

fn of_schema(error: &SchemaError) -> Error {
    let message = match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let mut known: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
            known.truncate(30);
            format!(
                "There is no column “{}”; there are {}.",
                field.name,
                known.join(", ")
            )
        }
        SchemaError::AmbiguousReference { field } => format!(
            "The column “{}” stands in more than one table; write the table's name before it.",
            field.name
        ),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            format!("Two columns of the result are called “{name}”; give one of them another name with AS.")
        }
    };
    Error::source(SourceFault::Name, message)
}

fn of_plan(message: &str) -> Error {
    let text = clean(message);
    if let Some(table) = between(&text, "table '", "' not found") {
        let name = table.rsplit('.').next().unwrap_or(table);
        return Error::source(SourceFault::Name, format!("There is no table “{name}”."));
    }
    if text.contains("not supported: ") {
        return Error::Refused("Only queries that read the chosen tables can be asked.".into());
    }
    let lower = text.to_lowercase();
    let fault = if lower.contains("invalid function") || lower.contains("not found") {
        SourceFault::Name
    } else if lower.contains("coerce")
        || lower.contains("type")
        || lower.contains("no function matches")
        || lower.contains("cannot cast")
    {
        SourceFault::Type
    } else {
        SourceFault::Syntax
    };
    Error::source(fault, sentence(&text))
}

fn of_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => Error::source(
            SourceFault::Other,
            "The query divides by zero; divide by NULLIF(…, 0) to get an empty value there instead.",
        ),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            Error::source(SourceFault::Type, sentence(message))
        }
        ArrowError::ArithmeticOverflow(message) => Error::source(
            SourceFault::Other,
            format!(
                "A number in this query grew too large to be exact: {}.",
                clean(message)
            ),
        ),
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(inner) => of(inner),
            None => of_execution(&inner.to_string()),
        },
        other => Error::source(SourceFault::Other, sentence(&other.to_string())),
    }
}

fn of_execution(message: &str) -> Error {
    let lower = message.to_lowercase();
    if lower.contains("divide by zero") {
        return of_arrow(&ArrowError::DivideByZero);
    }
    let fault = if lower.contains("cast") || lower.contains("parse") {
        SourceFault::Type
    } else {
        SourceFault::Other
    };
    Error::source(fault, sentence(message))
}

/// One line, without DataFusion's own prefixes and advice to its developers.
fn clean(message: &str) -> String {
    let mut text = message;
    for prefix in [
        "Error during planning: ",
        "Execution error: ",
        "Schema error: ",
        "Arrow error: ",
        "SQL error: ",
        "sql parser error: ",
        "ParserError(\"",
    ] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    let text = text.split("\n\nbacktrace").next().unwrap_or(text);
    let text = text
        .split("This issue was likely caused by a bug")
        .next()
        .unwrap_or(text);
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line = line.replace("datafusion.public.", "");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line.trim_end_matches(['.', ' ']).to_owned()
}

fn sentence(message: &str) -> String {
    let text = clean(message);
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => "The query failed.".to_owned(),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)? + start;
    Some(&text[start..end])
}
