//! BSON values as text and as plain JSON: what people read in a cell. Nothing loses digits on the way.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{DateTime, Decimal128, RawBsonRef};

use crate::guard::mongo::json;

/// Digits that a decimal is written out to; beyond, it keeps its exponent.
const PLAIN_DIGITS: i32 = 60;

/// A decimal with its digits in place: `1E+3` as `1000`, and no digit lost.
pub(super) fn decimal(number: Decimal128) -> String {
    let text = number.to_string();
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return text;
    };
    let (Ok(exponent), true) = (exponent.parse::<i32>(), mantissa.is_ascii()) else {
        return text;
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i32 + exponent;
    if !(-PLAIN_DIGITS..=PLAIN_DIGITS).contains(&point) || digits.len() > 40 {
        return text;
    }
    let length = digits.len() as i32;
    let plain = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if point >= length {
        format!("{digits}{}", "0".repeat((point - length) as usize))
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{whole}.{fraction}")
    };
    let trimmed = plain.trim_start_matches('0');
    let plain = match trimmed {
        "" => "0".to_owned(),
        fraction if fraction.starts_with('.') => format!("0{fraction}"),
        other => other.to_owned(),
    };
    format!("{sign}{plain}")
}

/// ISO 8601, or the count where no calendar says it.
pub(super) fn moment(moment: DateTime) -> String {
    json::date_text(moment).unwrap_or_else(|| {
        let millis = moment.timestamp_millis();
        chrono::DateTime::from_timestamp_millis(millis).map_or_else(
            || format!("{millis} ms since 1970-01-01"),
            |moment| moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        )
    })
}

/// A scalar as text, without quotation marks; documents and lists as JSON.
pub(super) fn plain(value: &RawBsonRef<'_>, out: &mut String) {
    match value {
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) | RawBsonRef::JavaScriptCode(text) => {
            out.push_str(text);
        }
        RawBsonRef::Boolean(yes) => out.push_str(if *yes { "true" } else { "false" }),
        RawBsonRef::Int32(number) => write_to(out, number),
        RawBsonRef::Int64(number) => write_to(out, number),
        RawBsonRef::Double(number) => out.push_str(&double(*number)),
        RawBsonRef::Decimal128(number) => out.push_str(&decimal(*number)),
        RawBsonRef::ObjectId(id) => out.push_str(&id.to_hex()),
        RawBsonRef::DateTime(date) => out.push_str(&moment(*date)),
        RawBsonRef::Binary(binary) => match uuid(binary.subtype, binary.bytes) {
            Some(uuid) => out.push_str(&uuid),
            None => out.push_str(&STANDARD.encode(binary.bytes)),
        },
        RawBsonRef::RegularExpression(regex) => {
            write_to(
                out,
                &format_args!("/{}/{}", regex.pattern.as_str(), regex.options.as_str()),
            );
        }
        RawBsonRef::Timestamp(stamp) => {
            let date = DateTime::from_millis(i64::from(stamp.time) * 1000);
            write_to(out, &format_args!("{} #{}", moment(date), stamp.increment));
        }
        RawBsonRef::Null | RawBsonRef::Undefined => out.push_str("null"),
        RawBsonRef::MinKey => out.push_str("MinKey"),
        RawBsonRef::MaxKey => out.push_str("MaxKey"),
        RawBsonRef::JavaScriptCodeWithScope(code) => out.push_str(code.code),
        RawBsonRef::DbPointer(_) => out.push_str("DBPointer"),
        RawBsonRef::Document(_) | RawBsonRef::Array(_) => json_text(value, out),
    }
}

/// Any value as JSON: numbers and truth as themselves, all other scalars as text.
pub(super) fn json_text(value: &RawBsonRef<'_>, out: &mut String) {
    match value {
        RawBsonRef::Document(document) => {
            out.push('{');
            for (at, (name, value)) in document.iter().flatten().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&json::quoted(name.as_str()));
                out.push(':');
                json_text(&value, out);
            }
            out.push('}');
        }
        RawBsonRef::Array(items) => {
            out.push('[');
            for (at, item) in items.into_iter().flatten().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                json_text(&item, out);
            }
            out.push(']');
        }
        RawBsonRef::Null
        | RawBsonRef::Undefined
        | RawBsonRef::Boolean(_)
        | RawBsonRef::Int32(_)
        | RawBsonRef::Int64(_) => plain(value, out),
        RawBsonRef::Double(number) if number.is_finite() => out.push_str(&double(*number)),
        scalar => {
            let mut text = String::new();
            plain(scalar, &mut text);
            out.push_str(&json::quoted(&text));
        }
    }
}

/// A UUID in its usual form.
pub(super) fn uuid(subtype: BinarySubtype, bytes: &[u8]) -> Option<String> {
    (subtype == BinarySubtype::Uuid)
        .then(|| uuid::Uuid::from_slice(bytes).ok())
        .flatten()
        .map(|uuid| uuid.to_string())
}

/// The shortest text that reads back to the same number.
pub(super) fn double(number: f64) -> String {
    if number.is_nan() {
        "NaN".into()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        format!("{number:?}")
    }
}

fn write_to(out: &mut String, value: &impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        for (text, plain) in [
            ("1.10", "1.10"),
            ("1E+3", "1000"),
            ("1.5E+1", "15"),
            ("-1.2E-7", "-0.00000012"),
            ("0E-8", "0.00000000"),
            ("0.000001", "0.000001"),
            (
                "1234567890123456789012345678901234",
                "1234567890123456789012345678901234",
            ),
            ("9.99E+6000", "9.99E+6000"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
        ] {
            assert_eq!(decimal(text.parse().unwrap()), plain, "{text}");
        }
    }
}
