//! What the model wrote, read as a translation. Models wrap, fence and think aloud; what they mean has to be
//! one object. Nothing here is trusted: the query goes through the guard like any other.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::translate::{Choice, Query, Translation};

/// Readings offered at most.
const MAX_OPTIONS: usize = 6;
/// Characters of a reading or a reason.
const MAX_TEXT: usize = 600;
/// Places at which an object is looked for in text around it.
const MAX_STARTS: usize = 64;

/// The JSON schema of an answer, in the strict form (every property required, no others).
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["query", "clarify", "refuse"]},
            "query": {"type": "string"},
            "explanation": {"type": "string"},
            "options": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"label": {"type": "string"}, "question": {"type": "string"}},
                    "required": ["label", "question"],
                    "additionalProperties": false,
                },
            },
        },
        "required": ["kind", "query", "explanation", "options"],
        "additionalProperties": false,
    })
}

/// The translation in a model's answer. Errors: `Llm` when there is none.
pub(super) fn translation(text: &str) -> Result<Translation> {
    let text = without_thoughts(text)?;
    let Some((object, written)) = object(text) else {
        return fenced_sql(text).ok_or_else(|| {
            Error::Llm(
                "The model did not answer with the JSON it was asked for; ask again, or configure a model that \
                 follows formats better."
                    .into(),
            )
        });
    };
    let word = |name: &str| object.get(name).map(one_line).unwrap_or_default();
    let explanation = match word("explanation") {
        empty if empty.is_empty() => word("message"),
        explanation => explanation,
    };
    let kind = word("kind").to_lowercase();
    let query = match object.get("query").or_else(|| object.get("sql")) {
        Some(Value::Object(_)) => in_order(&written, "query").unwrap_or_default(),
        Some(other) => query_text(other),
        None => String::new(),
    };
    match kind.as_str() {
        "clarify" => Ok(Translation::Clarify {
            message: if explanation.is_empty() {
                "The question can be read in several ways.".into()
            } else {
                explanation
            },
            options: options(object.get("options")),
        }),
        "refuse" => Ok(Translation::Refuse {
            reason: if explanation.is_empty() {
                "The model did not see how this data answers the question.".into()
            } else {
                explanation
            },
        }),
        // Small models leave the kind out; a query is one all the same.
        _ if !query.is_empty() => Ok(Translation::Query(Query {
            text: query,
            reading: explanation,
        })),
        _ => Err(Error::Llm(
            "The model answered without a query; ask again or put the question differently.".into(),
        )),
    }
}

/// The text after the reasoning that some models write out.
fn without_thoughts(text: &str) -> Result<&str> {
    for (open, close) in [("<think>", "</think>"), ("<thinking>", "</thinking>")] {
        if let Some((_, rest)) = text.rsplit_once(close) {
            return Ok(rest);
        }
        if text.trim_start().starts_with(open) {
            return Err(Error::Llm(
                "The model only thought and gave no answer; its output limit may be too small.".into(),
            ));
        }
    }
    Ok(text)
}

/// A value as the model wrote it, where the order of names matters: in a pipeline it decides what is sorted
/// first.
fn in_order(text: &str, name: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Raw<'t>(#[serde(borrow)] std::collections::HashMap<String, &'t serde_json::value::RawValue>);
    let Raw(mut parts) = serde_json::from_str(text).ok()?;
    Some(parts.remove(name)?.get().to_owned())
}

/// The object the model meant, and its text: the whole answer, a fenced block, or the first object with the
/// right keys.
fn object(text: &str) -> Option<(serde_json::Map<String, Value>, String)> {
    let fits = |value: Value| match value {
        Value::Object(object)
            if ["kind", "query", "sql"]
                .iter()
                .any(|key| object.contains_key(*key)) =>
        {
            Some(object)
        }
        _ => None,
    };
    let escaped = escape_controls(text);
    for text in [text, escaped.as_str()] {
        for (start, _) in text.match_indices('{').take(MAX_STARTS) {
            let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
            if let Some(Ok(value)) = values.next()
                && let Some(object) = fits(value)
            {
                let end = start + values.byte_offset();
                return Some((object, text[start..end].to_owned()));
            }
        }
    }
    None
}

/// Raw line breaks inside strings, which JSON forbids and models write, as escapes.
fn escape_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            '\n' if inside => {
                out.push_str("\\n");
                continue;
            }
            '\r' if inside => continue,
            '\t' if inside => {
                out.push_str("\\t");
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

/// A bare block of SQL, as models answer that know no formats.
fn fenced_sql(text: &str) -> Option<Translation> {
    let (before, rest) = text.split_once("```sql").or_else(|| text.split_once("```SQL"))?;
    let (query, _) = rest.split_once("```")?;
    let query = query.trim();
    (!query.is_empty()).then(|| {
        Translation::Query(Query {
            text: query.trim_end_matches(';').trim_end().to_owned(),
            reading: shortened(before),
        })
    })
}

/// A query that is text.
fn query_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().trim_end_matches(';').trim_end().to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn options(value: Option<&Value>) -> Vec<Choice> {
    let Some(Value::Array(options)) = value else {
        return Vec::new();
    };
    options
        .iter()
        .filter_map(|option| match option {
            Value::String(_) => {
                let text = one_line(option);
                Some(Choice {
                    label: text.clone(),
                    question: text,
                })
            }
            Value::Object(option) => {
                let label = option.get("label").map(one_line).unwrap_or_default();
                let question = option.get("question").map(one_line).unwrap_or_default();
                match (label.is_empty(), question.is_empty()) {
                    (true, true) => None,
                    (true, false) => Some(Choice {
                        label: question.clone(),
                        question,
                    }),
                    (false, true) => Some(Choice {
                        question: label.clone(),
                        label,
                    }),
                    (false, false) => Some(Choice { label, question }),
                }
            }
            _ => None,
        })
        .filter(|choice| !choice.question.is_empty())
        .take(MAX_OPTIONS)
        .collect()
}

fn one_line(value: &Value) -> String {
    value.as_str().map(shortened).unwrap_or_default()
}

/// Signs that show nothing and change how what stands beside them is read: text that runs backwards, letters
/// that hide.
fn is_deceiving(sign: char) -> bool {
    matches!(
        sign,
        '\u{ad}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

fn shortened(text: &str) -> String {
    let shown: String = text.chars().filter(|sign| !is_deceiving(*sign)).collect();
    let line = shown
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(MAX_TEXT) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> (String, String) {
        match translation(text).unwrap() {
            Translation::Query(query) => (query.text, query.reading),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_object_however_it_is_wrapped() {
        let object = r#"{"kind":"query","query":"SELECT 1\nFROM t;","explanation":"one","options":[]}"#;
        let texts = [
            object.to_owned(),
            format!("```json\n{object}\n```"),
            format!("Sure {{here}} it is: {object} Hope it helps {{}}"),
            format!("<think>first {{\"kind\":\"refuse\"}}</think>\n{object}"),
            object.replace("\\n", "\n"),
            object.replace("\"kind\":\"query\",", ""),
        ];
        for text in texts {
            assert_eq!(query(&text), ("SELECT 1\nFROM t".into(), "one".into()), "{text}");
        }
        assert_eq!(
            query("Counts orders.\n```sql\nSELECT count(*) FROM o;\n```"),
            ("SELECT count(*) FROM o".into(), "Counts orders.".into())
        );
        assert_eq!(
            query(r#"{"kind":"query","query":{"collection":"o","pipeline":[]},"explanation":""}"#).0,
            r#"{"collection":"o","pipeline":[]}"#
        );
        // The order of names decides what is sorted first.
        let pipeline = r#"{"pipeline": [{"$sort": {"total": -1, "name": 1, "at": 1}}], "collection": "o"}"#;
        let text = format!(r#"Here: {{"kind":"query","query":{pipeline},"explanation":""}} and so on"#);
        assert_eq!(query(&text).0, pipeline);
    }

    #[test]
    fn clarify_and_refuse() {
        let text = r#"{"kind":"clarify","query":"","explanation":"Which total?","options":["net total",{"label":"gross","question":"What is the gross total?"},{},7]}"#;
        assert_eq!(
            translation(text).unwrap(),
            Translation::Clarify {
                message: "Which total?".into(),
                options: vec![
                    Choice {
                        label: "net total".into(),
                        question: "net total".into()
                    },
                    Choice {
                        label: "gross".into(),
                        question: "What is the gross total?".into()
                    },
                ],
            }
        );
        let text = r#"{"kind":"Refuse","query":"DELETE FROM t","explanation":"No\nweather here."}"#;
        assert_eq!(
            translation(text).unwrap(),
            Translation::Refuse {
                reason: "No weather here.".into()
            }
        );
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let deep = "{".repeat(200_000);
        for text in [
            "",
            "I cannot help.",
            "<think>hm",
            "{\"kind\":\"query\",\"query\":\"\"}",
            "[1,2]",
            "{\"kind\":",
            &deep,
        ] {
            assert!(matches!(translation(text), Err(Error::Llm(_))), "{text:.40}");
        }
    }
}
