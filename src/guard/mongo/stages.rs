//! The stages of a pipeline: only known ones, each with what it makes of the documents' shape. Pipelines
//! inside stages are walked by the same rules.

use mongodb::bson::{Bson, Document};

use super::expression::{Scope, Window, constant, operator, parts, required, sort_keys};
use super::shape::{Index, Shape, Types};
use super::{Walk, dangerous, matching, refused, syntax_error, type_error};
use crate::error::Result;
use crate::guard::mongo::json::whole;

impl Walk<'_> {
    /// Checks the stages one after the other; the shape that comes out.
    pub(super) fn pipeline(&mut self, stages: &mut [Bson], mut scope: Scope) -> Result<Shape> {
        for stage in stages.iter_mut() {
            let (name, argument) = match stage {
                Bson::Document(stage) if stage.len() == 1 => match stage.iter_mut().next() {
                    Some((name, argument)) => (name.clone(), argument),
                    None => return Err(syntax_error("A stage of the pipeline is empty.")),
                },
                _ => {
                    return Err(syntax_error(
                        "Every stage of the pipeline is an object with one name, such as {\"$match\": {…}}.",
                    ));
                }
            };
            scope.root = self.stage(&name, argument, &scope)?;
        }
        Ok(scope.root)
    }

    fn stage(&mut self, name: &str, argument: &mut Bson, scope: &Scope) -> Result<Shape> {
        let root = &scope.root;
        match name {
            "$match" => {
                matching::condition(scope, argument)?;
                Ok(root.clone())
            }
            "$project" => project(scope, argument),
            "$addFields" | "$set" => add_fields(scope, argument),
            "$unset" => unset(root, argument),
            "$group" => group(scope, argument),
            "$sort" => {
                sort_keys(root, object(name, argument)?)?;
                Ok(root.clone())
            }
            "$limit" | "$skip" => match whole(argument) {
                Some(number) if number >= 0 => Ok(root.clone()),
                _ => Err(syntax_error(&format!("{name} takes a whole number."))),
            },
            "$sample" => {
                constant(required(name, parts(name, argument, &["size"])?, "size")?)?;
                Ok(root.clone())
            }
            "$unwind" => unwind(root, argument),
            "$lookup" => self.lookup(scope, argument),
            "$graphLookup" => self.graph_lookup(scope, argument),
            "$unionWith" => self.union_with(root, argument),
            "$facet" => self.facet(scope, argument),
            "$bucket" | "$bucketAuto" => bucket(name, scope, argument),
            "$sortByCount" => {
                let id = scope.expression(argument)?;
                Ok(Shape::document([
                    ("_id".into(), id),
                    ("count".into(), Shape::scalar(Types::NUMBER)),
                ]))
            }
            "$count" => match argument {
                Bson::String(field) if is_field(field) => {
                    Ok(Shape::document([(field.clone(), Shape::scalar(Types::NUMBER))]))
                }
                _ => Err(syntax_error(
                    "$count takes the name of the field that holds the count.",
                )),
            },
            "$replaceRoot" => {
                let parts = parts(name, argument, &["newRoot"])?;
                as_root(scope.expression(required(name, parts, "newRoot")?)?)
            }
            "$replaceWith" => as_root(scope.expression(argument)?),
            "$setWindowFields" => window_fields(scope, argument),
            "$densify" => densify(root, argument),
            "$fill" => fill(scope, argument),
            "$geoNear" => geo_near(scope, argument),
            other => Err(dangerous("stage", other)),
        }
    }

    fn lookup(&mut self, scope: &Scope, argument: &mut Bson) -> Result<Shape> {
        const PARTS: &[&str] = &["from", "localField", "foreignField", "let", "pipeline", "as"];
        let given = parts("$lookup", argument, PARTS)?;
        let from = collection("$lookup", required("$lookup", given, "from")?)?.to_owned();
        let into = field_path("$lookup", required("$lookup", given, "as")?)?.to_owned();
        let foreign = self.collection(&from)?;
        match (given.get("localField"), given.get("foreignField")) {
            (Some(local), Some(other)) => {
                let local = scope.root.at(field_path("$lookup", local)?, Index::IsAName)?;
                let path = field_path("$lookup", other)?;
                let other = foreign.at(path, Index::IsAName)?;
                if !local.types.meets(other.types) {
                    return Err(type_error(format!(
                        "$lookup compares {} with {}, which are never equal; convert one of them in a pipeline.",
                        local.types.words(),
                        other.types.words()
                    )));
                }
                self.joins_on(&from, path)?;
            }
            (None, None) if given.contains_key("pipeline") => {}
            _ => {
                return Err(syntax_error(
                    "$lookup needs localField and foreignField, or a pipeline.",
                ));
            }
        }
        let mut inner = Scope::new(foreign);
        inner.variables = scope.variables.clone();
        if let Some(variables) = given.get("let") {
            for (name, value) in object("\"let\" of $lookup", variables)? {
                inner.variables.insert(name.clone(), scope.expression(value)?);
            }
        }
        let made = self.inner_pipeline(&from, argument, inner)?;
        let mut root = scope.root.clone();
        root.set(&into, made.listed());
        Ok(root)
    }

    /// The pipeline inside `$lookup` or `$unionWith`, if there is one, with the policy's stages in front.
    fn inner_pipeline(&mut self, from: &str, argument: &mut Bson, scope: Scope) -> Result<Shape> {
        let Bson::Document(document) = argument else {
            return Ok(scope.root);
        };
        let mut stages = match document.get("pipeline") {
            Some(Bson::Array(stages)) => stages.clone(),
            Some(_) => return Err(syntax_error("A pipeline has to be a list of stages.")),
            None => Vec::new(),
        };
        let made = self.pipeline(&mut stages, scope)?;
        self.guard_pipeline(from, &mut stages)?;
        if !stages.is_empty() || document.contains_key("pipeline") {
            document.insert("pipeline", Bson::Array(stages));
        }
        Ok(made)
    }

    fn union_with(&mut self, root: &Shape, argument: &mut Bson) -> Result<Shape> {
        if let Bson::String(name) = argument {
            let mut document = Document::new();
            document.insert("coll", name.clone());
            *argument = Bson::Document(document);
        }
        let given = parts("$unionWith", argument, &["coll", "pipeline"])?;
        let from = collection("$unionWith", required("$unionWith", given, "coll")?)?.to_owned();
        let other = self.collection(&from)?;
        let made = self.inner_pipeline(&from, argument, Scope::new(other))?;
        Ok(root.clone().or(made))
    }

    fn graph_lookup(&mut self, scope: &Scope, argument: &mut Bson) -> Result<Shape> {
        const NAME: &str = "$graphLookup";
        const PARTS: &[&str] = &[
            "from",
            "startWith",
            "connectFromField",
            "connectToField",
            "as",
            "maxDepth",
            "depthField",
            "restrictSearchWithMatch",
        ];
        let given = parts(NAME, argument, PARTS)?;
        let from = collection(NAME, required(NAME, given, "from")?)?;
        let mut foreign = self.collection(from)?;
        self.takes_whole_documents(from)?;
        scope.expression(required(NAME, given, "startWith")?)?;
        for part in ["connectFromField", "connectToField"] {
            foreign.at(field_path(NAME, required(NAME, given, part)?)?, Index::IsAName)?;
        }
        if let Some(depth) = given.get("maxDepth") {
            constant(depth)?;
        }
        if let Some(condition) = given.get("restrictSearchWithMatch") {
            matching::condition(&Scope::new(foreign.clone()), condition)?;
        }
        if let Some(depth) = given.get("depthField") {
            foreign.set(field_path(NAME, depth)?, Shape::scalar(Types::NUMBER));
        }
        let mut root = scope.root.clone();
        root.set(field_path(NAME, required(NAME, given, "as")?)?, foreign.listed());
        Ok(root)
    }

    fn facet(&mut self, scope: &Scope, argument: &mut Bson) -> Result<Shape> {
        let Bson::Document(facets) = argument else {
            return Err(syntax_error("$facet takes an object of pipelines."));
        };
        let mut made = Shape::document([]);
        for (name, stages) in facets.iter_mut() {
            let Bson::Array(stages) = stages else {
                return Err(syntax_error("$facet takes an object of pipelines."));
            };
            let shape = self.pipeline(stages, scope.clone())?;
            made.put(name, shape.listed());
        }
        Ok(made)
    }
}

fn is_field(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('$') && !name.contains('\0')
}

/// A collection of the same database, by name.
fn collection<'a>(stage: &str, value: &'a Bson) -> Result<&'a str> {
    match value {
        Bson::String(name) => Ok(name),
        _ => Err(refused(&format!(
            "{stage} from anything but a collection of this database, by name,"
        ))),
    }
}

/// A path without a dollar sign.
fn field_path<'a>(stage: &str, value: &'a Bson) -> Result<&'a str> {
    match value {
        Bson::String(path) if is_field(path) => Ok(path),
        _ => Err(syntax_error(&format!(
            "A field of {stage} has to be a name without a dollar sign."
        ))),
    }
}

fn object<'a>(what: &str, value: &'a Bson) -> Result<&'a Document> {
    match value {
        Bson::Document(document) => Ok(document),
        _ => Err(syntax_error(&format!("{what} takes an object."))),
    }
}

fn as_root(mut shape: Shape) -> Result<Shape> {
    if shape.is_list || (shape.types.is_known() && !shape.types.has(Types::OBJECT)) {
        return Err(type_error(format!(
            "A document cannot be replaced by {}.",
            shape.compared().words()
        )));
    }
    if !shape.types.is_known() && shape.fields.as_ref().is_some_and(|fields| fields.is_empty()) {
        shape = Shape::any();
    }
    Ok(shape)
}

/// What `$project` says of a field.
enum Projected {
    Kept,
    Dropped,
    Computed(Shape),
    /// A document of more of the same.
    Inner,
}

fn projected(scope: &Scope, value: &Bson) -> Result<Projected> {
    Ok(match value {
        Bson::Boolean(true) => Projected::Kept,
        Bson::Boolean(false) => Projected::Dropped,
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => {
            if whole(value) == Some(0) {
                Projected::Dropped
            } else {
                Projected::Kept
            }
        }
        Bson::Document(document) if operator(document)?.is_none() => Projected::Inner,
        computed => Projected::Computed(scope.expression(computed)?),
    })
}

/// The entries of a projection with full paths.
fn flatten(
    scope: &Scope,
    document: &Document,
    before: &str,
    found: &mut Vec<(String, Projected)>,
) -> Result<()> {
    for (name, value) in document {
        if !is_field(name) {
            return Err(syntax_error(&format!("\"{name}\" is no name of a field.")));
        }
        let path = format!("{before}{name}");
        match (projected(scope, value)?, value) {
            (Projected::Inner, Bson::Document(inner)) => flatten(scope, inner, &format!("{path}."), found)?,
            (other, _) => found.push((path, other)),
        }
    }
    Ok(())
}

fn project(scope: &Scope, argument: &Bson) -> Result<Shape> {
    let root = &scope.root;
    let mut entries = Vec::new();
    flatten(scope, object("$project", argument)?, "", &mut entries)?;
    let drops = entries
        .iter()
        .all(|(path, entry)| matches!(entry, Projected::Dropped) || path == "_id" && entries.len() > 1)
        && entries.iter().any(|(path, entry)| {
            matches!(entry, Projected::Dropped) && (path != "_id" || entries.len() == 1)
        });
    if drops {
        let mut made = root.clone();
        for (path, entry) in &entries {
            if matches!(entry, Projected::Dropped) {
                root.at(path, Index::IsAName)?;
                made.remove(path);
            }
        }
        return Ok(made);
    }
    let mut made = Shape::document([]);
    let has_id = root
        .fields
        .as_ref()
        .is_none_or(|fields| fields.contains_key("_id"));
    if has_id && !entries.iter().any(|(path, _)| path == "_id") {
        made.put("_id", root.at("_id", Index::IsAName)?);
    }
    for (path, entry) in entries {
        match entry {
            Projected::Kept => keep(root, &mut made, &path)?,
            Projected::Computed(shape) => made.put(&path, shape),
            Projected::Dropped if path == "_id" => {}
            Projected::Dropped | Projected::Inner => {
                return Err(syntax_error(&format!(
                    "$project cannot leave out \"{path}\" while it picks other fields."
                )));
            }
        }
    }
    Ok(made)
}

/// Copies the field at a path, with the lists on the way.
fn keep(root: &Shape, made: &mut Shape, path: &str) -> Result<()> {
    root.at(path, Index::IsAName)?;
    let mut from = root;
    let mut into = made;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let Some(next) = from.fields.as_ref().and_then(|fields| fields.get(name)) else {
            // Below here nothing is known.
            into.fields_mut().insert(name.to_owned(), Shape::any());
            return Ok(());
        };
        let is_last = names.peek().is_none();
        let slot = into.fields_mut().entry(name.to_owned()).or_insert_with(|| {
            let mut empty = Shape::document([]);
            empty.is_list = next.is_list;
            empty
        });
        if is_last {
            *slot = next.clone();
        }
        (from, into) = (next, slot);
    }
    Ok(())
}

fn add_fields(scope: &Scope, argument: &Bson) -> Result<Shape> {
    let mut made = scope.root.clone();
    for (path, value) in object("$addFields", argument)? {
        if !is_field(path) {
            return Err(syntax_error(&format!("\"{path}\" is no name of a field.")));
        }
        let shape = scope.expression(value)?;
        made.set(path, shape);
    }
    Ok(made)
}

fn unset(root: &Shape, argument: &Bson) -> Result<Shape> {
    let one = std::slice::from_ref(argument);
    let paths = match argument {
        Bson::Array(paths) => paths.as_slice(),
        _ => one,
    };
    let mut made = root.clone();
    for path in paths {
        let path = field_path("$unset", path)?;
        root.at(path, Index::IsAName)?;
        made.remove(path);
    }
    Ok(made)
}

fn group(scope: &Scope, argument: &Bson) -> Result<Shape> {
    let fields = object("$group", argument)?;
    let mut made = Shape::document([]);
    let id = required("$group", fields, "_id")?;
    made.put("_id", scope.expression(id)?);
    for (name, value) in fields {
        if name != "_id" {
            if name.contains('.') || !is_field(name) {
                return Err(syntax_error(&format!(
                    "\"{name}\" in $group has to be a plain name, without dots and dollar signs."
                )));
            }
            made.put(name, scope.accumulator(name, value, Window::No)?);
        }
    }
    Ok(made)
}

fn bucket(name: &str, scope: &Scope, argument: &Bson) -> Result<Shape> {
    let allowed: &[&str] = match name {
        "$bucket" => &["groupBy", "boundaries", "default", "output"],
        _ => &["groupBy", "buckets", "granularity", "output"],
    };
    let given = parts(name, argument, allowed)?;
    let by = scope.expression(required(name, given, "groupBy")?)?;
    for part in ["boundaries", "default", "buckets", "granularity"] {
        if let Some(value) = given.get(part) {
            let shape = constant(value)?;
            if part == "boundaries" && !by.types.meets(shape.types) {
                return Err(type_error(format!(
                    "$bucket has boundaries that are {}, but what it groups by holds {}.",
                    shape.types.words(),
                    by.types.words()
                )));
            }
        }
    }
    let id = match name {
        "$bucket" => Shape::any(),
        _ => Shape::document([("min".into(), by.clone()), ("max".into(), by)]),
    };
    let mut made = Shape::document([("_id".into(), id)]);
    match given.get("output") {
        Some(output) => {
            for (name, value) in object("\"output\" of a bucket", output)? {
                made.put(name, scope.accumulator(name, value, Window::No)?);
            }
        }
        None => made.put("count", Shape::scalar(Types::NUMBER)),
    }
    Ok(made)
}

fn unwind(root: &Shape, argument: &Bson) -> Result<Shape> {
    let (path, index) = match argument {
        Bson::Document(_) => {
            let given = parts(
                "$unwind",
                argument,
                &["path", "includeArrayIndex", "preserveNullAndEmptyArrays"],
            )?;
            if let Some(keep) = given.get("preserveNullAndEmptyArrays") {
                constant(keep)?;
            }
            (
                required("$unwind", given, "path")?,
                given.get("includeArrayIndex"),
            )
        }
        path => (path, None),
    };
    let Some(path) = path.as_str().and_then(|path| path.strip_prefix('$')) else {
        return Err(syntax_error(
            "$unwind takes a path that begins with a dollar sign.",
        ));
    };
    let mut element = root.at(path, Index::IsAName)?;
    if let Some((above, _)) = path.rsplit_once('.')
        && root.at(above, Index::IsAName)?.is_list
    {
        return Err(type_error(format!(
            "$unwind finds nothing in \"{path}\", because \"{above}\" is a list itself; unwind \"{above}\" first."
        )));
    }
    element.is_list = false;
    let mut made = root.clone();
    made.set(path, element);
    if let Some(index) = index {
        made.set(field_path("$unwind", index)?, Shape::scalar(Types::NUMBER));
    }
    Ok(made)
}

fn window_fields(scope: &Scope, argument: &Bson) -> Result<Shape> {
    const NAME: &str = "$setWindowFields";
    let given = parts(NAME, argument, &["partitionBy", "sortBy", "output"])?;
    if let Some(by) = given.get("partitionBy") {
        scope.expression(by)?;
    }
    if let Some(keys) = given.get("sortBy") {
        sort_keys(&scope.root, object("\"sortBy\"", keys)?)?;
    }
    let mut made = scope.root.clone();
    for (path, value) in object("\"output\"", required(NAME, given, "output")?)? {
        if !is_field(path) {
            return Err(syntax_error(&format!("\"{path}\" is no name of a field.")));
        }
        made.set(path, scope.accumulator(path, value, Window::Yes)?);
    }
    Ok(made)
}

/// `partitionByFields` of `$densify` and `$fill`.
fn partition_fields(stage: &str, root: &Shape, given: &Document) -> Result<()> {
    match given.get("partitionByFields") {
        None => Ok(()),
        Some(Bson::Array(paths)) => {
            for path in paths {
                root.at(field_path(stage, path)?, Index::IsAName)?;
            }
            Ok(())
        }
        Some(_) => Err(syntax_error("\"partitionByFields\" takes a list of names.")),
    }
}

fn densify(root: &Shape, argument: &Bson) -> Result<Shape> {
    const NAME: &str = "$densify";
    let given = parts(NAME, argument, &["field", "partitionByFields", "range"])?;
    root.at(field_path(NAME, required(NAME, given, "field")?)?, Index::IsAName)?;
    partition_fields(NAME, root, given)?;
    constant(required(NAME, given, "range")?)?;
    Ok(root.clone())
}

fn fill(scope: &Scope, argument: &Bson) -> Result<Shape> {
    const NAME: &str = "$fill";
    let given = parts(
        NAME,
        argument,
        &["partitionBy", "partitionByFields", "sortBy", "output"],
    )?;
    partition_fields(NAME, &scope.root, given)?;
    if let Some(by) = given.get("partitionBy") {
        scope.expression(by)?;
    }
    if let Some(keys) = given.get("sortBy") {
        sort_keys(&scope.root, object("\"sortBy\"", keys)?)?;
    }
    let mut made = scope.root.clone();
    for (path, how) in object("\"output\"", required(NAME, given, "output")?)? {
        let how = parts("\"output\" of $fill", how, &["value", "method"])?;
        let before = scope.root.at(path, Index::IsAName)?;
        match (how.get("value"), how.get("method")) {
            (Some(value), None) => made.set(path, before.or(scope.expression(value)?)),
            (None, Some(Bson::String(_))) => {}
            _ => {
                return Err(syntax_error(
                    "$fill takes a \"value\" or a \"method\" for every field.",
                ));
            }
        }
    }
    Ok(made)
}

fn geo_near(scope: &Scope, argument: &Bson) -> Result<Shape> {
    const NAME: &str = "$geoNear";
    const PARTS: &[&str] = &[
        "near",
        "distanceField",
        "spherical",
        "maxDistance",
        "minDistance",
        "query",
        "distanceMultiplier",
        "includeLocs",
        "key",
    ];
    let given = parts(NAME, argument, PARTS)?;
    let mut made = scope.root.clone();
    for (part, value) in given {
        match part.as_str() {
            "query" => matching::condition(scope, value)?,
            "key" => {
                scope.root.at(field_path(NAME, value)?, Index::IsAName)?;
            }
            "distanceField" => made.set(field_path(NAME, value)?, Shape::scalar(Types::NUMBER)),
            "includeLocs" => made.set(field_path(NAME, value)?, Shape::any()),
            _ => {
                constant(value)?;
            }
        }
    }
    Ok(made)
}
