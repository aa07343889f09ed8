//! Expressions: only known operators, only known fields and variables, and no comparison that can only be
//! false because the kinds of its values differ.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document};

use super::operators::{self, Gives};
use super::shape::{Index, Shape, Types};
use super::{dangerous, name_error, refused, syntax_error, type_error};
use crate::error::Result;

/// What an expression may refer to.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The documents at this point.
    pub root: Shape,
    /// Variables, by name, without the dollar signs.
    pub variables: BTreeMap<String, Shape>,
}

impl Scope {
    pub fn new(root: Shape) -> Scope {
        Scope {
            root,
            variables: BTreeMap::new(),
        }
    }

    /// The same with one more variable.
    fn with(&self, name: &str, shape: Shape) -> Scope {
        let mut inner = self.clone();
        inner.variables.insert(name.to_owned(), shape);
        inner
    }

    /// `$field.path` or `$$variable.path`.
    fn reference(&self, text: &str) -> Result<Shape> {
        let Some(variable) = text.strip_prefix("$$") else {
            return self.root.at(&text[1..], Index::IsAName);
        };
        let (name, path) = variable
            .split_once('.')
            .map_or((variable, None), |(name, path)| (name, Some(path)));
        let shape = match name {
            "ROOT" | "CURRENT" => self.root.clone(),
            "NOW" => Shape::scalar(Types::DATE),
            "REMOVE" => Shape::scalar(Types::UNKNOWN),
            own => match self.variables.get(own) {
                Some(shape) => shape.clone(),
                None => {
                    return Err(name_error(format!(
                        "There is no variable \"$${own}\" at this point of the pipeline."
                    )));
                }
            },
        };
        match path {
            Some(path) => shape.at(path, Index::IsAName).map(|mut found| {
                found.is_list |= shape.is_list;
                found
            }),
            None => Ok(shape),
        }
    }

    /// Checks an expression; what it gives.
    pub fn expression(&self, value: &Bson) -> Result<Shape> {
        match value {
            Bson::String(text) if text.starts_with('$') => self.reference(text),
            Bson::Document(document) => match operator(document)? {
                Some((name, argument)) => self.operator(name, argument),
                None => self.object(document),
            },
            Bson::Array(items) => {
                let mut elements: Option<Shape> = None;
                for item in items {
                    let shape = self.expression(item)?;
                    elements = Some(match elements {
                        Some(before) => before.or(shape),
                        None => shape,
                    });
                }
                Ok(elements.unwrap_or_else(|| Shape::scalar(Types::UNKNOWN)).listed())
            }
            scalar => Ok(Shape::scalar(Types::of(scalar))),
        }
    }

    /// `{name: expression, …}`.
    fn object(&self, document: &Document) -> Result<Shape> {
        let mut made = Shape::document([]);
        for (name, value) in document {
            made.put(name, self.expression(value)?);
        }
        Ok(made)
    }

    fn operator(&self, name: &str, argument: &Bson) -> Result<Shape> {
        match name {
            "$literal" => constant(argument),
            "$let" => self.bind_let(argument),
            "$map" => {
                let parts = parts(name, argument, &["input", "as", "in"])?;
                let inner = self.over(name, parts, "this")?;
                Ok(inner.expression(required(name, parts, "in")?)?.listed())
            }
            "$filter" => {
                let parts = parts(name, argument, &["input", "as", "cond", "limit"])?;
                let inner = self.over(name, parts, "this")?;
                inner.expression(required(name, parts, "cond")?)?;
                if let Some(limit) = parts.get("limit") {
                    self.expression(limit)?;
                }
                Ok(self.expression(required(name, parts, "input")?)?.listed())
            }
            "$reduce" => {
                let parts = parts(name, argument, &["input", "initialValue", "in"])?;
                let start = self.expression(required(name, parts, "initialValue")?)?;
                let inner = self.over(name, parts, "this")?.with("value", Shape::any());
                let made = inner.expression(required(name, parts, "in")?)?;
                Ok(start.or(made))
            }
            "$sortArray" => {
                let parts = parts(name, argument, &["input", "sortBy"])?;
                let list = self.expression(required(name, parts, "input")?)?;
                if let Some(Bson::Document(keys)) = parts.get("sortBy") {
                    sort_keys(&element(&list), keys)?;
                }
                Ok(list)
            }
            "$cond" => match argument {
                Bson::Document(_) => {
                    let parts = parts(name, argument, &["if", "then", "else"])?;
                    self.expression(required(name, parts, "if")?)?;
                    let then = self.expression(required(name, parts, "then")?)?;
                    Ok(then.or(self.expression(required(name, parts, "else")?)?))
                }
                Bson::Array(items) if items.len() == 3 => {
                    self.expression(&items[0])?;
                    Ok(self.expression(&items[1])?.or(self.expression(&items[2])?))
                }
                _ => Err(syntax_error("$cond takes \"if\", \"then\" and \"else\".")),
            },
            "$switch" => self.switch(argument),
            "$getField" => self.get_field(argument),
            "$setField" | "$unsetField" => {
                let parts = parts(name, argument, &["field", "input", "value"])?;
                // A name that is only known when it runs could be any.
                if !matches!(constant_text(required(name, parts, "field")?), Some(text) if !text.starts_with('$'))
                {
                    return Err(refused(&format!("{name} with a computed name")));
                }
                self.expression(required(name, parts, "input")?)?;
                if let Some(value) = parts.get("value") {
                    self.expression(value)?;
                }
                Ok(Shape::any())
            }
            _ => self.plain(name, argument),
        }
    }

    /// An operator that binds nothing: its arguments are expressions, in a list or by name.
    fn plain(&self, name: &str, argument: &Bson) -> Result<Shape> {
        let Some(gives) = operators::expression(name) else {
            return Err(dangerous("operator", name));
        };
        let arguments: Vec<(&Bson, Shape)> = match argument {
            Bson::Array(items) => items
                .iter()
                .map(|item| Ok((item, self.expression(item)?)))
                .collect::<Result<_>>()?,
            Bson::Document(named) if operator(named)?.is_none() => named
                .iter()
                .map(|(_, item)| Ok((item, self.expression(item)?)))
                .collect::<Result<_>>()?,
            one => vec![(one, self.expression(one)?)],
        };
        let shapes = || arguments.iter().map(|(_, shape)| shape);
        if operators::compares(name)
            && let [(_, left), (_, right)] = arguments.as_slice()
        {
            comparable(name, left, right)?;
        }
        if name == "$in"
            && let [(_, one), (_, list)] = arguments.as_slice()
            && !one.is_list
            && list.is_list
            && !one.types.meets(list.types)
        {
            return Err(different(name, one.types, list.types));
        }
        if operators::sums(name) {
            for (_, shape) in &arguments {
                summable(name, shape)?;
            }
        }
        Ok(match gives {
            Gives::Scalar(types) => Shape::scalar(types),
            Gives::List(types) => Shape::scalar(types).listed(),
            Gives::Anything => Shape::any(),
            Gives::Argument => {
                let is_element = matches!(name, "$arrayElemAt" | "$first" | "$last")
                    || (matches!(name, "$max" | "$min") && arguments.len() == 1);
                let wanted = if name == "$arrayElemAt" {
                    1
                } else {
                    arguments.len()
                };
                let mut made = union(shapes().take(wanted));
                if is_element {
                    made.is_list = false;
                }
                made
            }
            Gives::Arguments => {
                let wanted = if name == "$slice" { 1 } else { arguments.len() };
                match argument {
                    // {n, input}: the list is the input.
                    Bson::Document(named) => match named.get("input") {
                        Some(input) => self.expression(input)?.listed(),
                        None => Shape::any(),
                    },
                    _ => union(shapes().take(wanted)).listed(),
                }
            }
        })
    }

    /// A scope in which an element of `input` has a name.
    fn over(&self, name: &str, parts: &Document, default: &str) -> Result<Scope> {
        let list = self.expression(required(name, parts, "input")?)?;
        let variable = match (name, parts.get("as")) {
            ("$reduce", _) | (_, None) => default,
            (_, Some(Bson::String(variable))) => variable,
            _ => return Err(syntax_error(&format!("\"as\" of {name} has to be a name."))),
        };
        Ok(self.with(variable, element(&list)))
    }

    fn bind_let(&self, argument: &Bson) -> Result<Shape> {
        let parts = parts("$let", argument, &["vars", "in"])?;
        let Bson::Document(variables) = required("$let", parts, "vars")? else {
            return Err(syntax_error("\"vars\" of $let has to be an object."));
        };
        let mut inner = self.clone();
        for (name, value) in variables {
            inner.variables.insert(name.clone(), self.expression(value)?);
        }
        inner.expression(required("$let", parts, "in")?)
    }

    fn switch(&self, argument: &Bson) -> Result<Shape> {
        let parts = parts("$switch", argument, &["branches", "default"])?;
        let Bson::Array(branches) = required("$switch", parts, "branches")? else {
            return Err(syntax_error("\"branches\" of $switch has to be a list."));
        };
        let mut made = Vec::new();
        for branch in branches {
            let branch = self::parts("a branch of $switch", branch, &["case", "then"])?;
            self.expression(required("a branch of $switch", branch, "case")?)?;
            made.push(self.expression(required("a branch of $switch", branch, "then")?)?);
        }
        if let Some(default) = parts.get("default") {
            made.push(self.expression(default)?);
        }
        Ok(union(made.iter()))
    }

    fn get_field(&self, argument: &Bson) -> Result<Shape> {
        let (field, input) = match argument {
            Bson::Document(document) if operator(document)?.is_none() => {
                let parts = parts("$getField", argument, &["field", "input"])?;
                (required("$getField", parts, "field")?, parts.get("input"))
            }
            field => (field, None),
        };
        let from = match input {
            Some(input) => self.expression(input)?,
            None => self.root.clone(),
        };
        match constant_text(field) {
            Some(name) if !name.contains('.') && !name.starts_with('$') => from.at(name, Index::IsAName),
            // Its name holds a dot or a dollar sign, which no path can say.
            Some(_) => Ok(Shape::any()),
            None => Err(refused("$getField with a computed name")),
        }
    }

    /// An accumulator `{"$sum": …}` of a group, or a function of a window; what it gives.
    pub fn accumulator(&self, what: &str, value: &Bson, window: Window) -> Result<Shape> {
        let Bson::Document(document) = value else {
            return Err(syntax_error(&format!(
                "\"{what}\" has to be an accumulator, such as {{\"$sum\": \"$field\"}}."
            )));
        };
        let mut entries = document.iter();
        let Some((name, argument)) = entries.next() else {
            return Err(syntax_error(&format!("\"{what}\" is empty.")));
        };
        for (other, bounds) in entries {
            match (window, other.as_str()) {
                (Window::Yes, "window") => constant(bounds).map(|_| ())?,
                _ => {
                    return Err(syntax_error(&format!(
                        "\"{what}\" has to have one accumulator; \"{other}\" is one too many."
                    )));
                }
            }
        }
        let gives = operators::accumulator(name)
            .or_else(|| operators::window(name).filter(|_| window == Window::Yes))
            .ok_or_else(|| dangerous("accumulator", name))?;
        let shape = match (name.as_str(), argument) {
            ("$count" | "$rank" | "$denseRank" | "$documentNumber", Bson::Document(empty))
                if empty.is_empty() =>
            {
                Shape::any()
            }
            ("$top" | "$bottom" | "$topN" | "$bottomN", _) => {
                let parts = parts(name, argument, &["sortBy", "output", "n"])?;
                if let Bson::Document(keys) = required(name, parts, "sortBy")? {
                    sort_keys(&self.root, keys)?;
                }
                if let Some(n) = parts.get("n") {
                    self.expression(n)?;
                }
                self.expression(required(name, parts, "output")?)?
            }
            (_, Bson::Document(named)) if operator(named)?.is_none() && named.contains_key("input") => {
                for (part, value) in named {
                    if part != "input" {
                        self.expression(value)?;
                    }
                }
                self.expression(required(name, named, "input")?)?
            }
            ("$shift", Bson::Document(named)) => {
                for (_, value) in named {
                    self.expression(value)?;
                }
                self.expression(required(name, named, "output")?)?
            }
            _ => self.expression(argument)?,
        };
        let wants_one_value = operators::sums(name) || matches!(name.as_str(), "$min" | "$max");
        if wants_one_value && shape.is_list {
            return Err(type_error(format!(
                "What {name} is given for \"{what}\" is a list, which it would compare or leave out as a whole; \
                 put {{\"$unwind\": …}} in front, or add the list's elements up with an expression first."
            )));
        }
        if operators::sums(name) {
            summable(name, &shape)?;
        }
        Ok(match gives {
            Gives::Scalar(types) => Shape::scalar(types),
            Gives::List(types) => Shape::scalar(types).listed(),
            Gives::Argument => shape,
            Gives::Arguments => shape.listed(),
            Gives::Anything => Shape::any(),
        })
    }
}

/// Whether an accumulator stands in `$setWindowFields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Yes,
    No,
}

/// The operator of `{"$name": argument}`; None for a document of fields. Errors: both mixed.
pub fn operator(document: &Document) -> Result<Option<(&str, &Bson)>> {
    let mut operators = document.iter().filter(|(key, _)| key.starts_with('$'));
    match (operators.next(), document.len()) {
        (None, _) => Ok(None),
        (Some((name, argument)), 1) => Ok(Some((name, argument))),
        (Some((name, _)), _) => Err(syntax_error(&format!(
            "{name} stands beside other names; an operator stands alone in its braces."
        ))),
    }
}

/// A constant, in which no operator may hide.
pub fn constant(value: &Bson) -> Result<Shape> {
    match value {
        Bson::Document(document) => {
            let mut made = Shape::document([]);
            for (name, value) in document {
                if name.starts_with('$') {
                    return Err(refused(&format!("{name} inside a constant")));
                }
                made.put(name, constant(value)?);
            }
            Ok(made)
        }
        Bson::Array(items) => {
            let mut elements: Option<Shape> = None;
            for item in items {
                let shape = constant(item)?;
                elements = Some(match elements {
                    Some(before) => before.or(shape),
                    None => shape,
                });
            }
            Ok(elements.unwrap_or_else(|| Shape::scalar(Types::UNKNOWN)).listed())
        }
        scalar => Ok(Shape::scalar(Types::of(scalar))),
    }
}

/// A text that is known before it runs.
fn constant_text(value: &Bson) -> Option<&str> {
    match value {
        Bson::String(text) if !text.starts_with('$') => Some(text),
        Bson::Document(document) if document.len() == 1 => match document.get("$literal") {
            Some(Bson::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// The named arguments of an operator, none of them unknown.
pub fn parts<'a>(name: &str, argument: &'a Bson, allowed: &[&str]) -> Result<&'a Document> {
    let Bson::Document(parts) = argument else {
        return Err(syntax_error(&format!(
            "{name} takes an object with {}.",
            allowed.join(", ")
        )));
    };
    match parts.keys().find(|key| !allowed.contains(&key.as_str())) {
        Some(wrong) => Err(syntax_error(&format!(
            "{name} has no \"{wrong}\"; it takes {}.",
            allowed.join(", ")
        ))),
        None => Ok(parts),
    }
}

/// One of the named arguments.
pub fn required<'a>(name: &str, parts: &'a Document, part: &str) -> Result<&'a Bson> {
    parts
        .get(part)
        .ok_or_else(|| syntax_error(&format!("{name} needs \"{part}\".")))
}

/// `{"field": 1, "other": -1}`: every field has to be there.
pub fn sort_keys(root: &Shape, keys: &Document) -> Result<()> {
    for (path, direction) in keys {
        let is_direction = matches!(super::json::whole(direction), Some(1 | -1));
        let is_score = matches!(direction, Bson::Document(meta)
            if meta.len() == 1 && meta.get_str("$meta").is_ok_and(|what| what == "textScore"));
        if !is_direction && !is_score {
            return Err(syntax_error(&format!(
                "The direction of \"{path}\" has to be 1 or -1."
            )));
        }
        if is_direction {
            root.at(path, Index::Allowed)?;
        }
    }
    Ok(())
}

/// An element of a list.
fn element(list: &Shape) -> Shape {
    let mut element = list.clone();
    element.is_list = false;
    element
}

fn union<'a>(shapes: impl Iterator<Item = &'a Shape>) -> Shape {
    shapes
        .cloned()
        .reduce(Shape::or)
        .unwrap_or_else(|| Shape::scalar(Types::UNKNOWN))
}

fn comparable(name: &str, left: &Shape, right: &Shape) -> Result<()> {
    let (left, right) = (left.compared(), right.compared());
    if left.meets(right) {
        return Ok(());
    }
    Err(different(name, left, right))
}

fn different(name: &str, left: Types, right: Types) -> crate::error::Error {
    type_error(format!(
        "{name} compares {} with {}, which are never equal in MongoDB; convert one of them, write dates as \
         {{\"$date\": \"2024-01-31T00:00:00Z\"}} and ids as {{\"$oid\": \"…\"}}, and take lists apart with $unwind.",
        left.words(),
        right.words()
    ))
}

/// `$sum` and its kin leave out what is no number without a word.
fn summable(name: &str, shape: &Shape) -> Result<()> {
    let types = shape.types;
    if !types.is_known() || types == Types::NUMBER {
        return Ok(());
    }
    Err(type_error(format!(
        "{name} counts only numbers, but what it is given holds {}; convert it first, for example with \
         {{\"$convert\": {{\"input\": …, \"to\": \"double\", \"onError\": null}}}}.",
        types.words()
    )))
}
