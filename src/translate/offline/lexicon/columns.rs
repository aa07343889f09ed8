//! What the words of a column's name say about its values, and words that may stand for each other.

/// Words that may stand for each other where nothing in the data bears the word that was said.
const SYNONYMS: &[&[&str]] = &[
    &["city", "town"],
    &["customer", "client", "buyer", "shopper"],
    &["employee", "staff", "worker"],
    &["product", "item", "article"],
    &["store", "shop", "outlet", "branch"],
    &["order", "purchase", "sale"],
    &["vendor", "supplier"],
    &["country", "nation"],
    &["film", "movie"],
    &["car", "vehicle"],
    &["phone", "telephone"],
    &["salary", "wage"],
    &["gender", "sex"],
    &["company", "firm"],
    &["region", "area"],
    &["zip", "postcode", "zipcode"],
    &["title", "name"],
    &["rating", "score", "stars"],
    &["cost", "price"],
    &["quantity", "units"],
    &["weight", "mass"],
    &["type", "kind"],
    &["manager", "boss"],
    &["doctor", "physician"],
    &["patron", "member"],
];

/// The words that may stand for `lower`, itself excluded.
pub fn synonyms(lower: &str) -> impl Iterator<Item = &'static str> {
    let single = lower.strip_suffix('s').unwrap_or(lower).to_owned();
    let lower = lower.to_owned();
    SYNONYMS
        .iter()
        .filter(move |class| class.iter().any(|word| *word == lower || *word == single))
        .flat_map(|class| class.iter().copied())
}

/// Words for money taken in. They mean a column only where exactly one can be meant.
pub fn is_revenue(lower: &str) -> bool {
    matches!(
        lower,
        "sales amount"
            | "sale amount"
            | "sales revenue"
            | "sales value"
            | "revenue amount"
            | "revenue"
            | "revenues"
            | "sales"
            | "turnover"
            | "takings"
            | "earnings"
            | "order value"
            | "order values"
    )
}

/// Whether a column of these name words (stems) is money taken in per row.
pub fn revenue_rank(stems: &[String]) -> Option<u8> {
    let has = |word: &str| stems.iter().any(|stem| stem == word);
    if has("revenu") || has("turnov") {
        return Some(0);
    }
    if has("total") && (has("amount") || has("price") || has("valu") || has("sale")) {
        return Some(1);
    }
    if has("sale") && (has("amount") || has("price") || has("valu")) {
        return Some(1);
    }
    if stems.len() <= 2 && (has("amount") || has("total")) && !has("tax") && !has("discount") {
        return Some(2);
    }
    None
}

/// Stems of column names whose values add up sensibly.
const ADDITIVE: &[&str] = &[
    "revenu", "amount", "sale", "quantiti", "total", "unit", "turnov", "profit", "cost", "spend", "sum",
    "count", "popul", "download", "view", "visit", "hour", "minut", "pay", "vote", "point", "goal", "medal",
    "win", "incom", "expens", "budget",
];

/// Stems of column names whose values must not be added up.
const RATES: &[&str] = &[
    "price",
    "rate",
    "score",
    "age",
    "percent",
    "ratio",
    "averag",
    "mean",
    "temperatur",
    "densiti",
    "latitud",
    "longitud",
    "year",
    "rank",
    "level",
    "id",
    "number",
    "code",
    "star",
];

/// Whether sums of such a column are what people mean when they say no more than its name.
pub fn is_additive(stems: &[String]) -> bool {
    stems.iter().any(|stem| ADDITIVE.contains(&stem.as_str()))
        && !stems.iter().any(|stem| RATES.contains(&stem.as_str()))
}

/// Whether a column of these name words holds a number of things: `review_count`, `citation_num`; numbers that
/// only name something (`phone_number`) do not.
pub fn is_tally(stems: &[String]) -> bool {
    let names = [
        "phone", "hous", "room", "order", "account", "invoic", "flight", "card", "serial", "model", "part",
        "ticket", "street", "page", "line", "version", "lot", "unit", "apart", "track", "licens", "seat",
        "jersey", "posit", "episod", "season", "chapter", "catalog", "custom", "product", "item", "store",
        "employe", "id", "regist",
    ];
    stems.len() > 1
        && (stems.iter().any(|stem| stem == "count")
            || (stems.iter().any(|stem| stem == "number")
                && !stems.iter().any(|stem| names.contains(&stem.as_str()))))
}

/// Plurals that name a column of counts: what stands in it can be added up. A column called `game` holds the
/// number of a game, one called `games` how many there were.
pub fn counts_things(name: &str) -> bool {
    const THINGS: &[&str] = &[
        "games",
        "matches",
        "laps",
        "runs",
        "yards",
        "touchdowns",
        "draws",
        "losses",
        "ties",
        "appearances",
        "assists",
        "caps",
        "attempts",
        "passengers",
        "students",
        "deaths",
        "cases",
        "seats",
        "clicks",
        "books",
        "pages",
        "miles",
        "tests",
        "calls",
        "hits",
        "saves",
        "members",
        "employees",
        "gold",
        "silver",
        "bronze",
    ];
    let lower = name.to_lowercase();
    let last = lower
        .split(|c: char| !c.is_alphanumeric())
        .rfind(|word| !word.is_empty());
    last.is_some_and(|word| THINGS.contains(&word))
}

/// Stems that name a table of sales.
pub fn is_trade(stem: &str) -> bool {
    matches!(stem, "order" | "sale" | "purchas" | "transact" | "invoic")
}
