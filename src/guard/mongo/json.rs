//! MongoDB's extended JSON, in and out: keys keep their order and stand once, numbers keep their value,
//! dates, ids and decimals keep their type. It does not judge what the text says.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Decimal128, Document, Regex, Timestamp};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result, SourceFault};

/// Longest text that is read, in bytes; as for SQL.
const MAX_TEXT: usize = 64 * 1024;
/// Stack for reading and walking what is nested as deeply as the parser lets through (128 levels).
const STACK: usize = 16 * 1024 * 1024;
/// A line of printed JSON is broken beyond this many bytes.
const LINE: usize = 96;
/// From here on a whole number is no exact f64's business.
const BEYOND_I64: f64 = 9_223_372_036_854_775_808.0;

/// Reads one JSON value. Errors: `Refused` for what is too long or nested too deeply, `Source` of kind
/// `Syntax` for what is no JSON, has a key twice, or a number that would lose digits.
pub fn parse(text: &str) -> Result<Bson> {
    if text.len() > MAX_TEXT {
        return Err(Error::Refused(format!(
            "The query is longer than {} KiB, which is not allowed.",
            MAX_TEXT / 1024
        )));
    }
    stacker::grow(STACK, || {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Value.deserialize(&mut reader);
        value.and_then(|value| reader.end().map(|()| value))
    })
    .map_err(|error| {
        let words = error.to_string();
        if words.contains("recursion limit") {
            return Error::Refused("The query is nested too deeply, which is not allowed.".into());
        }
        Error::source(
            SourceFault::Syntax,
            format!("The query is not the JSON that was expected: {words}."),
        )
    })
}

/// Runs a walk over a parsed tree on a stack of its own.
pub fn with_stack<T>(walk: impl FnOnce() -> T) -> T {
    stacker::grow(STACK, walk)
}

/// A JSON value as BSON.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Bson;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Bson, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Bson;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Bson, E> {
        Ok(Bson::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Bson, E> {
        Ok(Bson::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Bson, E> {
        Ok(i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<Bson, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(too_long(&value)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Bson, E> {
        // Whole numbers of any length arrive here, already rounded.
        if value.abs() >= BEYOND_I64 {
            return Err(too_long(&value));
        }
        Ok(Bson::Double(value))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Bson, E> {
        Ok(Bson::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Bson, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Value)? {
            array.push(item);
        }
        Ok(Bson::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Bson, A::Error> {
        let mut document = Document::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Value)?;
            if key.contains('\0') {
                return Err(de::Error::custom("a name holds a null character"));
            }
            if document.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the name \"{key}\" stands twice")));
            }
            document.insert(key, value);
        }
        typed(document).map_err(de::Error::custom)
    }
}

fn too_long<E: de::Error>(value: &dyn fmt::Display) -> E {
    de::Error::custom(format_args!(
        "the number {value} is too large; write it as {{\"$numberDecimal\": \"…\"}}"
    ))
}

/// `{"$date": …}` and its kin as what they stand for; any other document as it is.
fn typed(document: Document) -> std::result::Result<Bson, String> {
    let Some((key, value)) = document.iter().next() else {
        return Ok(Bson::Document(document));
    };
    let text = value.as_str();
    let bad = || format!("{{\"{key}\": …}} holds what it cannot");
    let found = match (key.as_str(), document.len()) {
        ("$code" | "$scope", _) => return Err("JavaScript is not allowed".into()),
        ("$dbPointer" | "$symbol" | "$undefined", _) => return Err(format!("{key} is not allowed")),
        ("$oid", 1) => text
            .and_then(|text| ObjectId::parse_str(text).ok())
            .map(Bson::ObjectId),
        ("$date", 1) => date(value).map(Bson::DateTime),
        ("$numberInt", 1) => text.and_then(|text| text.parse().ok()).map(Bson::Int32),
        ("$numberLong", 1) => text.and_then(|text| text.parse().ok()).map(Bson::Int64),
        ("$numberDouble", 1) => text.and_then(double).map(Bson::Double),
        ("$numberDecimal", 1) => text
            .and_then(|text| text.parse::<Decimal128>().ok())
            .map(Bson::Decimal128),
        ("$uuid", 1) => text
            .and_then(|text| uuid::Uuid::parse_str(text).ok())
            .map(|uuid| binary(BinarySubtype::Uuid, uuid.as_bytes().to_vec())),
        ("$binary", 1) => value.as_document().and_then(base64_binary),
        ("$regularExpression", 1) => value.as_document().and_then(regex),
        ("$timestamp", 1) => value.as_document().and_then(timestamp),
        ("$minKey", 1) => Some(Bson::MinKey),
        ("$maxKey", 1) => Some(Bson::MaxKey),
        _ => return Ok(Bson::Document(document)),
    };
    found.ok_or_else(bad)
}

fn binary(subtype: BinarySubtype, bytes: Vec<u8>) -> Bson {
    Bson::Binary(Binary { subtype, bytes })
}

fn base64_binary(parts: &Document) -> Option<Bson> {
    let bytes = STANDARD.decode(parts.get_str("base64").ok()?).ok()?;
    let subtype = u8::from_str_radix(parts.get_str("subType").unwrap_or("00"), 16).ok()?;
    Some(binary(subtype.into(), bytes))
}

fn regex(parts: &Document) -> Option<Bson> {
    let options = parts.get_str("options").unwrap_or_default();
    Some(Bson::RegularExpression(Regex {
        pattern: parts.get_str("pattern").ok()?.try_into().ok()?,
        options: options.try_into().ok()?,
    }))
}

fn timestamp(parts: &Document) -> Option<Bson> {
    let part = |name| whole(parts.get(name)?).and_then(|number| u32::try_from(number).ok());
    Some(Bson::Timestamp(Timestamp {
        time: part("t")?,
        increment: part("i")?,
    }))
}

fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        number => number.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// A day, or a moment; without a zone it is UTC.
fn date(value: &Bson) -> Option<DateTime> {
    if let Some(millis) = whole(value) {
        return Some(DateTime::from_millis(millis));
    }
    let text = value.as_str()?;
    let moment = chrono::DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .or_else(|_| {
            text.parse::<chrono::NaiveDateTime>()
                .or_else(|_| {
                    text.parse::<chrono::NaiveDate>()
                        .map(|day| day.and_time(chrono::NaiveTime::MIN))
                })
                .map(|moment| moment.and_utc())
        })
        .ok()?;
    Some(DateTime::from_millis(moment.timestamp_millis()))
}

/// The value as a whole number, if it is one.
pub fn whole(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        Bson::Double(number) if number.fract() == 0.0 && number.abs() < BEYOND_I64 => Some(*number as i64),
        _ => None,
    }
}

/// As text that [`parse`] reads back to the same value, in short lines.
pub fn print(value: &Bson) -> String {
    with_stack(|| {
        let mut out = String::new();
        write(value, 0, &mut out);
        out
    })
}

/// In one line.
fn compact(value: &Bson) -> String {
    match value {
        Bson::Array(items) => {
            let items: Vec<String> = items.iter().map(compact).collect();
            format!("[{}]", items.join(", "))
        }
        Bson::Document(document) => {
            let entries: Vec<String> = document
                .iter()
                .map(|(key, value)| format!("{}: {}", quoted(key), compact(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        scalar => scalar_text(scalar),
    }
}

fn write(value: &Bson, indent: usize, out: &mut String) {
    let line = compact(value);
    let is_split = match value {
        // A pipeline reads best with a stage a line.
        Bson::Document(document) if document.contains_key("pipeline") && indent == 0 => true,
        Bson::Array(items) => items.len() > 1 && line.len() + indent > LINE,
        Bson::Document(_) => line.len() + indent > LINE,
        _ => false,
    };
    if !is_split {
        out.push_str(&line);
        return;
    }
    let inner = indent + 2;
    let (open, close) = if matches!(value, Bson::Array(_)) {
        ('[', ']')
    } else {
        ('{', '}')
    };
    out.push(open);
    let mut first = true;
    let mut next = |out: &mut String| {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', inner));
    };
    match value {
        Bson::Array(items) => {
            for item in items {
                next(out);
                write(item, inner, out);
            }
        }
        Bson::Document(document) => {
            for (key, value) in document {
                next(out);
                out.push_str(&quoted(key));
                out.push_str(": ");
                write(value, inner, out);
            }
        }
        _ => {}
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
    out.push(close);
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    // A string always has a JSON form.
    serde_json::to_string(text).unwrap_or_default()
}

fn scalar_text(value: &Bson) -> String {
    let one = |key: &str, text: &str| format!("{{\"{key}\": {}}}", quoted(text));
    match value {
        Bson::Null => "null".into(),
        Bson::Boolean(value) => value.to_string(),
        Bson::String(text) => quoted(text),
        Bson::Int32(number) => number.to_string(),
        Bson::Int64(number) if i32::try_from(*number).is_err() => number.to_string(),
        Bson::Int64(number) => one("$numberLong", &number.to_string()),
        Bson::Double(number) if number.abs() < BEYOND_I64 => format!("{number:?}"),
        Bson::Double(number) if number.is_nan() => one("$numberDouble", "NaN"),
        Bson::Double(number) if number.is_infinite() => one(
            "$numberDouble",
            if *number > 0.0 { "Infinity" } else { "-Infinity" },
        ),
        Bson::Double(number) => one("$numberDouble", &format!("{number:?}")),
        Bson::Decimal128(number) => one("$numberDecimal", &number.to_string()),
        Bson::ObjectId(id) => one("$oid", &id.to_hex()),
        Bson::DateTime(moment) => match date_text(*moment) {
            Some(text) => one("$date", &text),
            None => format!(
                "{{\"$date\": {{\"$numberLong\": \"{}\"}}}}",
                moment.timestamp_millis()
            ),
        },
        Bson::Binary(binary) => format!(
            "{{\"$binary\": {{\"base64\": \"{}\", \"subType\": \"{:02x}\"}}}}",
            STANDARD.encode(&binary.bytes),
            u8::from(binary.subtype)
        ),
        Bson::RegularExpression(regex) => format!(
            "{{\"$regularExpression\": {{\"pattern\": {}, \"options\": {}}}}}",
            quoted(regex.pattern.as_str()),
            quoted(regex.options.as_str())
        ),
        Bson::Timestamp(stamp) => format!(
            "{{\"$timestamp\": {{\"t\": {}, \"i\": {}}}}}",
            stamp.time, stamp.increment
        ),
        Bson::MinKey => "{\"$minKey\": 1}".into(),
        Bson::MaxKey => "{\"$maxKey\": 1}".into(),
        // `parse` makes none of the others.
        other => quoted(&other.to_string()),
    }
}

/// ISO 8601 in UTC, for the years that four digits can write.
pub fn date_text(moment: DateTime) -> Option<String> {
    use chrono::Datelike;
    let moment = chrono::DateTime::from_timestamp_millis(moment.timestamp_millis())?;
    if !(1..=9999).contains(&moment.year()) {
        return None;
    }
    let digits = if moment.timestamp_subsec_millis() == 0 {
        chrono::SecondsFormat::Secs
    } else {
        chrono::SecondsFormat::Millis
    };
    Some(moment.to_rfc3339_opts(digits, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_the_same() {
        for text in [
            r#"{"b": 1, "a": [1.5, -0.0, 1e16, null, true, "x\"\\\u0000é"], "c": {"z": {}, "y": []}}"#,
            r#"{"d": {"$date": "2024-02-29T12:00:00.123Z"}, "o": {"$oid": "0123456789abcdef01234567"}}"#,
            r#"[{"$numberLong": "5"}, 9007199254740993, {"$numberDecimal": "1.10"}, {"$numberDouble": "NaN"}, {"$numberDouble": "1e300"}]"#,
            r#"[{"$uuid": "00112233-4455-6677-8899-aabbccddeeff"}, {"$binary": {"base64": "AP8=", "subType": "00"}}]"#,
            r#"[{"$regularExpression": {"pattern": "^a", "options": "i"}}, {"$timestamp": {"t": 1, "i": 2}}, {"$minKey": 1}]"#,
            r#"{"$date": {"$numberLong": "-99999999999999"}}"#,
        ] {
            let value = parse(text).unwrap();
            let printed = print(&value);
            assert_eq!(
                format!("{:?}", parse(&printed).unwrap()),
                format!("{value:?}"),
                "{printed}"
            );
        }
        let day = parse(r#"{"$date": "2024-02-29"}"#).unwrap();
        assert_eq!(print(&day), r#"{"$date": "2024-02-29T00:00:00Z"}"#);
    }

    #[test]
    fn keys_twice_lost_digits_code_and_depth_are_refused() {
        for text in [
            r#"{"a": 1, "a": 2}"#,
            r#"[{"x": {"$match": {}, "$match": {}}}]"#,
            "12345678901234567890",
            "123456789012345678901234567890",
            r#"{"$code": "function() {}"}"#,
            r#"{"$date": "yesterday"}"#,
            r#"{"$oid": "x"}"#,
            "{} {}",
            "db.orders.find({})",
        ] {
            assert!(
                matches!(
                    parse(text),
                    Err(Error::Source {
                        kind: SourceFault::Syntax,
                        ..
                    })
                ),
                "{text}"
            );
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(matches!(parse(&deep), Err(Error::Refused(_))));
        let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        assert!(matches!(parse(&deep), Err(Error::Refused(_))));
    }
}
