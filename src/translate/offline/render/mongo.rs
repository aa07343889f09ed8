//! A plan written as a MongoDB aggregation: `{"collection", "pipeline"}` as JSON.

use super::super::dates::weekday_name;
use super::super::frame::Agg;
use super::super::lexicon::{Compare, Dir, Grain};
use super::super::plan::{Group, Key, Measure, Op, Plan, Value};
use super::super::schema::{Col, Schema};
use super::names::Names;
use super::pipeline::{Doc, Scope, all, call, clean, field, literal, object, one, operator, part, text};

/// The query of a plan.
pub(super) fn write(plan: &Plan, schema: &Schema<'_>) -> String {
    let stages = Writer::new(plan, schema).write();
    let stages: Vec<String> = stages.iter().map(|stage| format!("  {stage}")).collect();
    format!(
        "{{\"collection\": {}, \"pipeline\": [\n{}\n]}}",
        text(&schema.table(plan.base).name),
        stages.join(",\n")
    )
}

/// Fields of a document with their values.
type Fields = Vec<(String, Doc)>;

pub(super) struct Writer<'a, 'b> {
    pub(super) plan: &'b Plan,
    pub(super) scope: Scope<'a, 'b>,
    pub(super) stages: Vec<Doc>,
    /// Fields the pipeline adds for itself are numbered.
    added: usize,
}

impl<'a, 'b> Writer<'a, 'b> {
    fn new(plan: &'b Plan, schema: &'b Schema<'a>) -> Writer<'a, 'b> {
        Writer {
            plan,
            scope: Scope::new(schema, plan.base),
            stages: Vec::new(),
            added: 0,
        }
    }

    fn write(mut self) -> Vec<Doc> {
        self.rows();
        if self.plan.is_single() {
            self.single();
        } else if self.plan.computes() {
            self.grouped();
        } else {
            self.listed();
        }
        self.stages
    }

    pub(super) fn stage(&mut self, name: &str, value: Doc) {
        self.stages.push(one(name, value));
    }

    pub(super) fn name(&mut self, what: &str) -> String {
        self.added += 1;
        format!("{what}_{}", self.added)
    }

    /// What a measure adds up or compares, null where it does not count.
    fn operand(&self, measure: &Measure) -> Doc {
        let value = match (measure.column, measure.until) {
            (Some(from), Some(until)) => call(
                "$divide",
                [
                    call(
                        "$subtract",
                        [field(&self.scope.path(until)), field(&self.scope.path(from))],
                    ),
                    Doc::Number(86_400_000.0),
                ],
            ),
            (Some(col), None) => field(&self.scope.path(col)),
            (None, _) => Doc::Number(1.0),
        };
        if measure.only.is_empty() {
            return value;
        }
        let tests: Vec<Doc> = measure
            .only
            .iter()
            .map(|filter| self.scope.expression(filter))
            .collect();
        call("$cond", [one("$and", Doc::List(tests)), value, Doc::Null])
    }

    /// The accumulators `m1`, `m2`…, and what has to be done to them after grouping.
    fn accumulators(&self, operands: &[Doc]) -> (Fields, Fields) {
        let mut accumulators = Vec::new();
        let mut finished = Vec::new();
        for (at, (measure, operand)) in self.plan.measures.iter().zip(operands).enumerate() {
            let name = format!("m{}", at + 1);
            let plain_rows = measure.column.is_none() && measure.only.is_empty();
            let accumulator = match measure.agg {
                Agg::Count if plain_rows => one("$sum", Doc::Number(1.0)),
                Agg::Count => one(
                    "$sum",
                    call(
                        "$cond",
                        [
                            call("$gt", [operand.clone(), Doc::Null]),
                            Doc::Number(1.0),
                            Doc::Number(0.0),
                        ],
                    ),
                ),
                Agg::CountDistinct => {
                    let set = call("$setDifference", [field(&name), Doc::List(vec![Doc::Null])]);
                    finished.push((name.clone(), one("$size", set)));
                    one("$addToSet", operand.clone())
                }
                Agg::Sum => one("$sum", operand.clone()),
                Agg::Average => one("$avg", operand.clone()),
                // Only an approximation, so a question for it is refused before.
                Agg::Median => one(
                    "$median",
                    object([("input", operand.clone()), ("method", text("approximate"))]),
                ),
                Agg::Min => one("$min", operand.clone()),
                Agg::Max => one("$max", operand.clone()),
            };
            accumulators.push((name, accumulator));
        }
        (accumulators, finished)
    }

    /// One row of figures, also where there is nothing to count.
    fn single(&mut self) {
        let operands: Vec<Doc> = self.plan.measures.iter().map(|m| self.operand(m)).collect();
        let (accumulators, finished) = self.accumulators(&operands);
        let mut inside = vec![one(
            "$group",
            object([("_id".to_owned(), Doc::Null)].into_iter().chain(accumulators)),
        )];
        if !finished.is_empty() {
            inside.push(one("$set", object(finished)));
        }
        self.stage("$facet", one("rows", Doc::List(inside)));
        for (at, beside) in self.plan.beside.iter().enumerate() {
            let pipeline = Writer::new(beside, self.scope.schema).write();
            let lookup = object([
                ("from", text(&self.scope.schema.table(beside.base).name)),
                ("pipeline", Doc::List(pipeline)),
                ("as", text(format!("beside_{}", at + 1))),
            ]);
            self.stage("$lookup", lookup);
        }
        let mut set: Vec<(String, Doc)> = Vec::new();
        for (at, measure) in self.plan.measures.iter().enumerate() {
            let name = format!("m{}", at + 1);
            let counts = matches!(measure.agg, Agg::Count | Agg::CountDistinct);
            let none = if counts { Doc::Number(0.0) } else { Doc::Null };
            let found = one("$first", field(&format!("rows.{name}")));
            set.push((name, call("$ifNull", [found, none])));
        }
        if !set.is_empty() {
            self.stage("$set", object(set));
        }
        self.shown(Names::default(), Vec::new());
    }

    /// The last stage: measures and figures under their names, after `fields`.
    fn shown(&mut self, mut names: Names, mut fields: Vec<(String, Doc)>) {
        let plan = self.plan;
        for (at, measure) in plan.measures.iter().enumerate() {
            if !measure.hidden {
                fields.push((names.take(&clean(&measure.name)), field(&format!("m{}", at + 1))));
            }
        }
        for (at, figure) in plan.figures.iter().enumerate() {
            let value = if plan.groups.is_empty() {
                self.value(&figure.value)
            } else {
                field(&format!("f{}", at + 1))
            };
            fields.push((names.take(&clean(&figure.name)), value));
        }
        let mut project = Vec::new();
        if !fields.iter().any(|(name, _)| name == "_id") {
            project.push(("_id".to_owned(), Doc::Number(0.0)));
        }
        project.extend(fields);
        self.stage("$project", object(project));
    }

    fn value(&self, value: &Value) -> Doc {
        let measure = |at: &usize| field(&format!("m{}", at + 1));
        let divided = |left: Doc, right: Doc| {
            call(
                "$cond",
                [
                    call(
                        "$in",
                        [right.clone(), Doc::List(vec![Doc::Number(0.0), Doc::Null])],
                    ),
                    Doc::Null,
                    call("$divide", [left, right]),
                ],
            )
        };
        match value {
            Value::Measure(at) => measure(at),
            Value::Number(number) => Doc::Number(*number),
            Value::Beside(at) => {
                let plan = &self.plan.beside[*at];
                let name = plan.measures.first().map_or("", |m| m.name.as_str());
                one("$first", field(&format!("beside_{}.{}", at + 1, clean(name))))
            }
            Value::Op(op, left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                match op {
                    Op::Plus => call("$add", [left, right]),
                    Op::Minus => call("$subtract", [left, right]),
                    Op::Times => call("$multiply", [left, right]),
                    Op::Divided => divided(left, right),
                }
            }
            Value::Share(at) => divided(measure(at), field(&format!("sum{}", at + 1))),
            Value::Change(at) => call("$subtract", [measure(at), field(&format!("before{}", at + 1))]),
            Value::Running(at) => field(&format!("running{}", at + 1)),
            Value::Growth(at) => {
                let before = field(&format!("before{}", at + 1));
                divided(call("$subtract", [measure(at), before.clone()]), before)
            }
        }
    }

    /// The fields that tell groups apart, `g1_1` for the first of the first group.
    fn keys(&self) -> Vec<Vec<(String, Doc)>> {
        let plain = |col: &Col| call("$ifNull", [field(&self.scope.path(*col)), Doc::Null]);
        self.plan
            .groups
            .iter()
            .enumerate()
            .map(|(at, group)| {
                let values: Vec<Doc> = match group {
                    Group::Column(col) => vec![plain(col)],
                    Group::Entity { key, label, .. } => self.entity(key, label).0.iter().map(plain).collect(),
                    Group::Period(col, grain) => vec![period(&field(&self.scope.path(*col)), *grain)],
                };
                values
                    .into_iter()
                    .enumerate()
                    .map(|(n, value)| (format!("g{}_{}", at + 1, n + 1), value))
                    .collect()
            })
            .collect()
    }

    /// All columns of a thing that is grouped by, and how many of the first are shown.
    fn entity(&self, key: &[Col], label: &[Col]) -> (Vec<Col>, usize) {
        let mut all = self.scope.schema.shown(key, label);
        let shown = all.len();
        all.extend(
            key.iter()
                .filter(|col| !all.contains(col))
                .copied()
                .collect::<Vec<_>>(),
        );
        (all, shown)
    }

    fn grouped(&mut self) {
        let keys = self.keys();
        let id: Vec<(String, Doc)> = keys.iter().flatten().cloned().collect();
        let mut operands: Vec<Doc> = self.plan.measures.iter().map(|m| self.operand(m)).collect();
        if let Some(key) = &self.plan.once {
            // Each row once per group: told apart by its key first.
            let mut inner = id.clone();
            for (at, col) in key.iter().enumerate() {
                inner.push((format!("k{}", at + 1), field(&self.scope.path(*col))));
            }
            let values = operands
                .iter()
                .enumerate()
                .map(|(at, operand)| (format!("v{}", at + 1), one("$first", operand.clone())));
            let group = object([("_id".to_owned(), object(inner))].into_iter().chain(values));
            self.stage("$group", group);
            operands = (0..operands.len())
                .map(|at| field(&format!("v{}", at + 1)))
                .collect();
        }
        let by = if self.plan.once.is_some() {
            object(
                id.iter()
                    .map(|(name, _)| (name.clone(), field(&format!("_id.{name}")))),
            )
        } else {
            object(id)
        };
        let (accumulators, finished) = self.accumulators(&operands);
        let group = object([("_id".to_owned(), by)].into_iter().chain(accumulators));
        self.stage("$group", group);
        if !finished.is_empty() {
            self.stage("$set", object(finished));
        }
        self.having();
        self.windows(&keys);
        let figures: Vec<(String, Doc)> = self
            .plan
            .figures
            .iter()
            .enumerate()
            .map(|(at, figure)| (format!("f{}", at + 1), self.value(&figure.value)))
            .collect();
        if !figures.is_empty() {
            self.stage("$set", object(figures));
        }
        let sort = self.sort(|key| match key {
            Key::Measure(at) => vec![format!("m{}", at + 1)],
            Key::Figure(at) => vec![format!("f{}", at + 1)],
            Key::Group(at) => keys[at].iter().map(|(name, _)| format!("_id.{name}")).collect(),
            Key::Column(_) => Vec::new(),
        });
        self.cut(sort, &keys);
        let mut names = Names::default();
        let fields = self.group_fields(&keys, &mut names);
        self.shown(names, fields);
    }

    /// The groups under their names.
    fn group_fields(&self, keys: &[Vec<(String, Doc)>], names: &mut Names) -> Vec<(String, Doc)> {
        let schema = self.scope.schema;
        let mut fields = Vec::new();
        for (group, keys) in self.plan.groups.iter().zip(keys) {
            let key = |n: usize| format!("_id.{}", keys[n].0);
            match group {
                Group::Column(col) => {
                    fields.push((names.take(&clean(&schema.column(*col).name)), field(&key(0))));
                }
                Group::Entity { key: own, label, .. } => {
                    let (all, shown) = self.entity(own, label);
                    for (n, col) in all.iter().take(shown).enumerate() {
                        fields.push((names.take(&clean(&schema.column(*col).name)), field(&key(n))));
                    }
                }
                Group::Period(_, grain) => {
                    let value = field(&key(0));
                    let value = if *grain == Grain::Weekday {
                        call("$arrayElemAt", [weekdays(), value])
                    } else {
                        value
                    };
                    fields.push((names.take(grain.word()), value));
                }
            }
        }
        fields
    }

    fn having(&mut self) {
        let tests: Vec<Doc> = self
            .plan
            .having
            .iter()
            .map(|(at, compare, value)| {
                one(
                    format!("m{}", at + 1),
                    match compare {
                        Compare::NotEqual => one("$nin", Doc::List(vec![Doc::Number(*value), Doc::Null])),
                        other => one(operator(*other), Doc::Number(*value)),
                    },
                )
            })
            .collect();
        if !tests.is_empty() {
            self.stage("$match", all(tests));
        }
    }

    /// Sums over all groups, and measures of the period before.
    fn windows(&mut self, keys: &[Vec<(String, Doc)>]) {
        let mut sums = Vec::new();
        let mut befores = Vec::new();
        let mut runnings = Vec::new();
        for figure in &self.plan.figures {
            collect(&figure.value, &mut sums, &mut befores, &mut runnings);
        }
        if !sums.is_empty() {
            let everything = Doc::List(vec![text("unbounded"), text("unbounded")]);
            let output = object(sums.iter().map(|at| {
                let sum = object([
                    ("$sum", field(&format!("m{}", at + 1))),
                    ("window", one("documents", everything.clone())),
                ]);
                (format!("sum{}", at + 1), sum)
            }));
            self.stage("$setWindowFields", one("output", output));
        }
        if !befores.is_empty() || !runnings.is_empty() {
            let mut by = Vec::new();
            let mut apart = Vec::new();
            for (group, keys) in self.plan.groups.iter().zip(keys) {
                for (name, _) in keys {
                    match group {
                        Group::Period(..) => by.push((format!("_id.{name}"), Doc::Number(1.0))),
                        _ => apart.push((name.clone(), field(&format!("_id.{name}")))),
                    }
                }
            }
            let until_now = Doc::List(vec![text("unbounded"), text("current")]);
            let running = runnings.iter().map(|at: &usize| {
                let sum = object([
                    ("$sum", field(&format!("m{}", at + 1))),
                    ("window", one("documents", until_now.clone())),
                ]);
                (format!("running{}", at + 1), sum)
            });
            let before = befores.iter().map(|at: &usize| {
                let shift = object([
                    ("output", field(&format!("m{}", at + 1))),
                    ("by", Doc::Number(-1.0)),
                ]);
                (format!("before{}", at + 1), one("$shift", shift))
            });
            let output = object(before.chain(running));
            let mut window = Vec::new();
            if !apart.is_empty() {
                window.push(("partitionBy", object(apart)));
            }
            window.push(("sortBy", object(by)));
            window.push(("output", output));
            self.stage("$setWindowFields", object(window));
        }
    }

    /// The keys of the order; empty values last where that decides what is shown.
    fn sort(&mut self, paths: impl Fn(Key) -> Vec<String>) -> Vec<(String, Doc)> {
        let mut sort: Vec<(String, Doc)> = Vec::new();
        let mut last: Vec<(String, Doc)> = Vec::new();
        for (at, (key, dir)) in self.plan.order.iter().enumerate() {
            for path in paths(*key) {
                if at == 0 && *dir == Dir::Up && !matches!(key, Key::Group(_)) {
                    let name = "empty".to_owned();
                    last.push((name.clone(), call("$lte", [field(&path), Doc::Null])));
                    sort.push((name, Doc::Number(1.0)));
                }
                if !sort.iter().any(|(other, _)| *other == path) {
                    sort.push((path, Doc::Number(if *dir == Dir::Down { -1.0 } else { 1.0 })));
                }
            }
        }
        if !last.is_empty() {
            self.stage("$set", object(last));
        }
        sort
    }

    /// Sorts and keeps the first rows, of all or of each group.
    fn cut(&mut self, sort: Vec<(String, Doc)>, keys: &[Vec<(String, Doc)>]) {
        if self.plan.within > 0 {
            let inside: Vec<String> = keys[..self.plan.within]
                .iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect();
            let of = |name: &String| format!("_id.{name}");
            let own: Vec<(String, Doc)> = sort
                .into_iter()
                .filter(|(path, _)| !inside.iter().any(|name| of(name) == *path))
                .collect();
            let first = object([
                ("n", Doc::Number(self.plan.limit.unwrap_or(1) as f64)),
                ("sortBy", object(own.clone())),
                ("output", text("$$ROOT")),
            ]);
            let by = object(inside.iter().map(|name| (name.clone(), field(&of(name)))));
            self.stage("$group", object([("_id", by), ("rows", one("$topN", first))]));
            self.stage("$unwind", text("$rows"));
            self.stage("$replaceRoot", one("newRoot", text("$rows")));
            let mut sort: Vec<(String, Doc)> =
                inside.iter().map(|name| (of(name), Doc::Number(1.0))).collect();
            sort.extend(own);
            self.stage("$sort", object(sort));
            return;
        }
        if !sort.is_empty() {
            self.stage("$sort", object(sort));
        }
        if let Some(limit) = self.plan.limit {
            self.stage("$limit", Doc::Number(limit as f64));
        }
    }

    /// Rows as they are, or each kind of row once.
    fn listed(&mut self) {
        let plan = self.plan;
        let schema = self.scope.schema;
        let keys = self.keys();
        let mut id: Vec<(String, Doc)> = keys.iter().flatten().cloned().collect();
        let column = |at: usize| format!("c{}", at + 1);
        let grouped = plan.distinct || !plan.groups.is_empty();
        if grouped {
            for (at, col) in plan.outputs.iter().enumerate() {
                let value = call("$ifNull", [field(&self.scope.path(*col)), Doc::Null]);
                id.push((column(at), value));
            }
            // Rows that look alike stay apart unless each is wanted once.
            if !plan.distinct {
                id.push(("row".to_owned(), field("_id")));
            }
            self.stage("$group", one("_id", object(id)));
        }
        let scope = self.scope.clone();
        let path = |col: Col| {
            if grouped {
                let at = plan.outputs.iter().position(|other| *other == col);
                at.map(|at| format!("_id.{}", column(at)))
            } else {
                Some(scope.path(col))
            }
        };
        let sort = self.sort(|key| match key {
            Key::Column(col) => path(col).into_iter().collect(),
            Key::Group(at) => keys[at].iter().map(|(name, _)| format!("_id.{name}")).collect(),
            _ => Vec::new(),
        });
        self.cut(sort, &keys);
        let mut names = Names::default();
        let mut fields = self.group_fields(&keys, &mut names);
        for col in &plan.outputs {
            let own = clean(&schema.column(*col).name);
            let name = names.take(&own);
            let name = if name == own {
                name
            } else {
                names.take(&clean(&format!("{}_{own}", schema.table(col.table).name)))
            };
            let value = path(*col).map_or(Doc::Null, |path| field(&path));
            fields.push((name, value));
        }
        self.shown(names, fields);
    }
}

/// The first moment of a period, or the number of a year, weekday or hour.
fn period(value: &Doc, grain: Grain) -> Doc {
    match grain {
        Grain::Year | Grain::Hour | Grain::Weekday | Grain::MonthOfYear => part(value, grain),
        _ => {
            let mut fields = vec![("date", value.clone()), ("unit", text(grain.word()))];
            if grain == Grain::Week {
                fields.push(("startOfWeek", text("monday")));
            }
            one("$dateTrunc", object(fields))
        }
    }
}

fn weekdays() -> Doc {
    Doc::List((0..7).map(|n| literal(weekday_name(n))).collect())
}

/// Which measures a figure compares with all groups, with the period before, and adds up along the periods.
fn collect(value: &Value, sums: &mut Vec<usize>, befores: &mut Vec<usize>, runnings: &mut Vec<usize>) {
    let add = |list: &mut Vec<usize>, at: usize| {
        if !list.contains(&at) {
            list.push(at);
        }
    };
    match value {
        Value::Share(at) => add(sums, *at),
        Value::Change(at) | Value::Growth(at) => add(befores, *at),
        Value::Running(at) => add(runnings, *at),
        Value::Op(_, left, right) => {
            collect(left, sums, befores, runnings);
            collect(right, sums, befores, runnings);
        }
        Value::Measure(_) | Value::Beside(_) | Value::Number(_) => {}
    }
}
