//! Names and texts as they can stand in SQL.

/// Result column names, each once.
#[derive(Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let mut name = wanted.to_owned();
        let mut n = 2;
        while self.0.contains(&name) {
            name = format!("{wanted}_{n}");
            n += 1;
        }
        self.0.push(name.clone());
        name
    }
}

/// Whether a name needs no quotes.
pub(super) fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&name)
}

/// Whether MySQL or MariaDB reserve a word that the others do not.
pub(super) fn is_reserved_by_mysql(name: &str) -> bool {
    MYSQL.split_ascii_whitespace().any(|word| word == name)
}

/// Whether SQLite reserves a word that the others do not.
pub(super) fn is_reserved_by_sqlite(name: &str) -> bool {
    matches!(
        name,
        "add"
            | "alter"
            | "autoincrement"
            | "commit"
            | "delete"
            | "drop"
            | "escape"
            | "if"
            | "insert"
            | "nothing"
            | "transaction"
            | "update"
    )
}

/// A text inside a LIKE pattern.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

const MYSQL: &str = "
    accessible add alter before bigint blob call cascade change char character condition continue convert
    cume_dist cursor database databases dec decimal declare delayed delete dense_rank deterministic div double
    drop dual each elseif empty enclosed escaped exit first_value float force fulltext function generated get
    grouping groups high_priority if ignore infile inout insensitive insert int integer io_after_gtids iterate
    json_table keys kill lag last_value lead leave linear lines load lock long loop low_priority manual
    master_bind mediumint middleint mod modifies nth_value ntile numeric of optimize option out outfile
    parallel percent_rank precision procedure purge range rank read reads real recursive regexp release rename
    repeat replace require resignal restrict return revoke rlike row_number schema schemas sensitive separator
    signal smallint spatial specific sql sqlexception sqlstate sqlwarning ssl starting stored straight_join
    system terminated tinyint trigger undo unlock unsigned update usage use utc_date utc_time utc_timestamp
    varbinary varchar varcharacter varying virtual while write xor zerofill
";

/// Words that cannot be names without quotes.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "binary",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "day",
    "default",
    "deferrable",
    "desc",
    "describe",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "explain",
    "extract",
    "false",
    "fetch",
    "filter",
    "for",
    "foreign",
    "format",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "hour",
    "ilike",
    "in",
    "index",
    "initially",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "key",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "match",
    "minute",
    "month",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "overlaps",
    "partition",
    "placing",
    "position",
    "primary",
    "qualify",
    "references",
    "returning",
    "right",
    "row",
    "rows",
    "second",
    "select",
    "session_user",
    "set",
    "show",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "top",
    "trailing",
    "true",
    "union",
    "unique",
    "unnest",
    "user",
    "using",
    "values",
    "variadic",
    "verbose",
    "view",
    "when",
    "where",
    "window",
    "with",
    "within",
    "year",
    "quarter",
    "week",
    "weekday",
    "date",
];
