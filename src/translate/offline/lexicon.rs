//! What English words mean to a question about data: function words, operators, units, synonyms. Nothing here
//! knows any particular data set.

/// What a word or phrase of the question does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Word {
    /// Says nothing by itself: "please", "the", "are".
    Filler,
    HowMany,
    HowMuch,
    /// "which", "what", "who"
    Which,
    /// "show", "list"
    List,
    /// "number of", "count of"
    NumberOf,
    /// "total", "sum of"
    Sum,
    Average,
    Max,
    Min,
    /// "different", "distinct"
    Distinct,
    /// "top", and which end of the order it is.
    Top(Dir),
    /// "most", "fewest": of a count or a measure
    Most(Dir),
    /// "highest", "lowest": of a column
    Highest(Dir),
    /// "cheapest", "oldest": an adjective that implies its column
    Adjective(&'static Superlative),
    /// "each", "per", "for every"
    Each,
    By,
    Prep,
    And,
    Or,
    Not,
    /// "without", "no"
    Without,
    Never,
    /// "missing", "unknown", "empty"
    Null,
    Compare(Compare),
    Between,
    Than,
    /// "ordered by", "sorted by"
    OrderBy,
    Ascending,
    Descending,
    Alphabetically,
    /// "month", "monthly"
    Grain(Grain),
    /// "monthly", "per year" said as one word
    Grained(Grain),
    /// "that", "whose"
    Relative,
    Starts,
    Ends,
    Contains,
    /// "best selling"
    Selling(Dir),
    /// A verb that says nothing more than its nouns do: "have", "made", "placed".
    Verb,
    /// "sold", "bought": something is said about a table of sales or orders.
    Trade,
    /// "dollars", "euros", "$"
    Money,
    Percent,
    /// "meters"
    Unit,
    Possessive,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dir {
    Up,
    Down,
}

impl Dir {
    pub fn flip(self) -> Dir {
        match self {
            Dir::Up => Dir::Down,
            Dir::Down => Dir::Up,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Less,
    AtMost,
    Equal,
    NotEqual,
    AtLeast,
    More,
}

impl Compare {
    pub fn sql(self) -> &'static str {
        match self {
            Compare::Less => "<",
            Compare::AtMost => "<=",
            Compare::Equal => "=",
            Compare::NotEqual => "<>",
            Compare::AtLeast => ">=",
            Compare::More => ">",
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Compare::Less => "less than",
            Compare::AtMost => "at most",
            Compare::Equal => "equal to",
            Compare::NotEqual => "other than",
            Compare::AtLeast => "at least",
            Compare::More => "more than",
        }
    }

    pub fn negated(self) -> Compare {
        match self {
            Compare::Less => Compare::AtLeast,
            Compare::AtMost => Compare::More,
            Compare::Equal => Compare::NotEqual,
            Compare::NotEqual => Compare::Equal,
            Compare::AtLeast => Compare::Less,
            Compare::More => Compare::AtMost,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Weekday,
    Hour,
}

impl Grain {
    pub fn word(self) -> &'static str {
        match self {
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
            Grain::Quarter => "quarter",
            Grain::Year => "year",
            Grain::Weekday => "weekday",
            Grain::Hour => "hour",
        }
    }
}

/// An adjective such as "cheapest": the column words it may mean, best first, and the direction.
#[derive(Debug, PartialEq)]
pub struct Superlative {
    pub words: &'static [&'static str],
    pub columns: &'static [&'static str],
    pub dir: Dir,
    /// Dates mean it too: "newest" is the latest date.
    pub dates: Option<Dir>,
}

const SUPERLATIVES: &[Superlative] = &[
    Superlative {
        words: &["cheapest", "least expensive"],
        columns: &["price", "cost", "fee", "fare", "rent"],
        dir: Dir::Up,
        dates: None,
    },
    Superlative {
        words: &["most expensive", "priciest", "dearest", "costliest"],
        columns: &["price", "cost", "fee", "fare", "rent"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["oldest"],
        columns: &["age", "birth", "born", "dob", "birthday"],
        dir: Dir::Down,
        dates: Some(Dir::Up),
    },
    Superlative {
        words: &["youngest"],
        columns: &["age", "birth", "born", "dob", "birthday"],
        dir: Dir::Up,
        dates: Some(Dir::Down),
    },
    Superlative {
        words: &["newest", "latest", "most recent"],
        columns: &["date", "year"],
        dir: Dir::Down,
        dates: Some(Dir::Down),
    },
    Superlative {
        words: &["earliest"],
        columns: &["date", "year"],
        dir: Dir::Up,
        dates: Some(Dir::Up),
    },
    Superlative {
        words: &["longest"],
        columns: &["length", "duration", "runtime", "distance"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["shortest"],
        columns: &["length", "duration", "runtime", "distance", "height"],
        dir: Dir::Up,
        dates: None,
    },
    Superlative {
        words: &["tallest"],
        columns: &["height", "elevation", "altitude"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["heaviest"],
        columns: &["weight", "mass"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["lightest"],
        columns: &["weight", "mass"],
        dir: Dir::Up,
        dates: None,
    },
    Superlative {
        words: &["fastest"],
        columns: &["speed", "velocity"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["slowest"],
        columns: &["speed", "velocity"],
        dir: Dir::Up,
        dates: None,
    },
    Superlative {
        words: &["deepest"],
        columns: &["depth"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["richest"],
        columns: &["wealth", "income", "worth"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["most populous", "most populated"],
        columns: &["population"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["least populous", "least populated"],
        columns: &["population"],
        dir: Dir::Up,
        dates: None,
    },
    Superlative {
        words: &["best rated", "highest rated", "top rated"],
        columns: &["rating", "score", "stars"],
        dir: Dir::Down,
        dates: None,
    },
    Superlative {
        words: &["worst rated", "lowest rated"],
        columns: &["rating", "score", "stars"],
        dir: Dir::Up,
        dates: None,
    },
];

/// Columns that "largest" and "smallest" may mean when no column is named.
pub const SIZES: &[&str] = &[
    "amount",
    "size",
    "area",
    "total",
    "volume",
    "capacity",
    "population",
    "value",
];

/// Fixed phrases, longest match first (the lookup tries long ones first).
const PHRASES: &[(&str, Word)] = &[
    ("how many", Word::HowMany),
    ("how much", Word::HowMuch),
    ("number of", Word::NumberOf),
    ("count of", Word::NumberOf),
    ("total number of", Word::NumberOf),
    ("total count of", Word::NumberOf),
    ("the count", Word::NumberOf),
    ("numbers of", Word::NumberOf),
    ("amount of", Word::Sum),
    ("sum of", Word::Sum),
    ("sum", Word::Sum),
    ("total", Word::Sum),
    ("combined", Word::Sum),
    ("overall", Word::Sum),
    ("total of", Word::Sum),
    ("total amount of", Word::Sum),
    ("average", Word::Average),
    ("avg", Word::Average),
    ("mean", Word::Average),
    ("on average", Word::Average),
    ("average of", Word::Average),
    ("maximum", Word::Max),
    ("max", Word::Max),
    ("minimum", Word::Min),
    ("min", Word::Min),
    ("different", Word::Distinct),
    ("distinct", Word::Distinct),
    ("unique", Word::Distinct),
    ("distinct list of", Word::Distinct),
    ("best selling", Word::Selling(Dir::Down)),
    ("top selling", Word::Selling(Dir::Down)),
    ("worst selling", Word::Selling(Dir::Up)),
    ("top", Word::Top(Dir::Down)),
    ("bottom", Word::Top(Dir::Up)),
    ("best", Word::Top(Dir::Down)),
    ("worst", Word::Top(Dir::Up)),
    ("most", Word::Most(Dir::Down)),
    ("the most number of", Word::Most(Dir::Down)),
    ("most number of", Word::Most(Dir::Down)),
    ("highest number of", Word::Most(Dir::Down)),
    ("largest number of", Word::Most(Dir::Down)),
    ("greatest number of", Word::Most(Dir::Down)),
    ("lowest number of", Word::Most(Dir::Up)),
    ("smallest number of", Word::Most(Dir::Up)),
    ("highest count of", Word::Most(Dir::Down)),
    ("fewest", Word::Most(Dir::Up)),
    ("least", Word::Most(Dir::Up)),
    ("fewest number of", Word::Most(Dir::Up)),
    ("least number of", Word::Most(Dir::Up)),
    ("highest", Word::Highest(Dir::Down)),
    ("largest", Word::Highest(Dir::Down)),
    ("biggest", Word::Highest(Dir::Down)),
    ("greatest", Word::Highest(Dir::Down)),
    ("lowest", Word::Highest(Dir::Up)),
    ("smallest", Word::Highest(Dir::Up)),
    ("each", Word::Each),
    ("every", Word::Each),
    ("per", Word::Each),
    ("for each", Word::Each),
    ("for every", Word::Each),
    ("in each", Word::Each),
    ("in every", Word::Each),
    ("of each", Word::Each),
    ("at each", Word::Each),
    ("on each", Word::Each),
    ("from each", Word::Each),
    ("by each", Word::Each),
    ("within each", Word::Each),
    ("to each", Word::Each),
    ("with each", Word::Each),
    ("grouped by", Word::Each),
    ("group by", Word::Each),
    ("broken down by", Word::Each),
    ("split by", Word::Each),
    ("across", Word::Each),
    ("for each of the", Word::Each),
    ("of every", Word::Each),
    ("across all", Word::Each),
    ("by", Word::By),
    ("in terms of", Word::By),
    ("based on", Word::By),
    ("according to", Word::By),
    ("of", Word::Prep),
    ("in", Word::Prep),
    ("from", Word::Prep),
    ("at", Word::Prep),
    ("with", Word::Prep),
    ("for", Word::Prep),
    ("on", Word::Prep),
    ("to", Word::Prep),
    ("within", Word::Prep),
    ("among", Word::Prep),
    ("during", Word::Prep),
    ("as", Word::Prep),
    ("through", Word::Prep),
    ("belonging to", Word::Prep),
    ("located in", Word::Prep),
    ("located at", Word::Prep),
    ("located on", Word::Prep),
    ("based in", Word::Prep),
    ("situated in", Word::Prep),
    ("and", Word::And),
    ("as well as", Word::And),
    ("along with", Word::And),
    ("together with", Word::And),
    ("plus", Word::And),
    ("&", Word::And),
    (",", Word::And),
    ("or", Word::Or),
    ("not", Word::Not),
    ("except", Word::Not),
    ("excluding", Word::Not),
    ("other than", Word::Not),
    ("outside", Word::Not),
    ("not in", Word::Not),
    ("without", Word::Without),
    ("without any", Word::Without),
    ("no", Word::Without),
    ("lacking", Word::Without),
    ("do not have", Word::Without),
    ("does not have", Word::Without),
    ("do not have any", Word::Without),
    ("did not have", Word::Without),
    ("have not", Word::Never),
    ("has not", Word::Never),
    ("have not made any", Word::Never),
    ("have never", Word::Never),
    ("do not have a", Word::Without),
    ("does not have a", Word::Without),
    ("with no", Word::Without),
    ("that have no", Word::Without),
    ("have no", Word::Without),
    ("has no", Word::Without),
    ("had no", Word::Without),
    ("never", Word::Never),
    ("missing", Word::Null),
    ("unknown", Word::Null),
    ("empty", Word::Null),
    ("null", Word::Null),
    ("blank", Word::Null),
    ("more than", Word::Compare(Compare::More)),
    ("greater than", Word::Compare(Compare::More)),
    ("higher than", Word::Compare(Compare::More)),
    ("larger than", Word::Compare(Compare::More)),
    ("bigger than", Word::Compare(Compare::More)),
    ("above", Word::Compare(Compare::More)),
    ("over", Word::Compare(Compare::More)),
    ("exceeding", Word::Compare(Compare::More)),
    (">", Word::Compare(Compare::More)),
    ("exceeds", Word::Compare(Compare::More)),
    ("longer than", Word::Compare(Compare::More)),
    ("older than", Word::Compare(Compare::More)),
    ("less than", Word::Compare(Compare::Less)),
    ("fewer than", Word::Compare(Compare::Less)),
    ("lower than", Word::Compare(Compare::Less)),
    ("smaller than", Word::Compare(Compare::Less)),
    ("below", Word::Compare(Compare::Less)),
    ("under", Word::Compare(Compare::Less)),
    ("<", Word::Compare(Compare::Less)),
    ("cheaper than", Word::Compare(Compare::Less)),
    ("shorter than", Word::Compare(Compare::Less)),
    ("at least", Word::Compare(Compare::AtLeast)),
    ("no less than", Word::Compare(Compare::AtLeast)),
    ("no fewer than", Word::Compare(Compare::AtLeast)),
    (">=", Word::Compare(Compare::AtLeast)),
    ("greater than or equal to", Word::Compare(Compare::AtLeast)),
    ("not less than", Word::Compare(Compare::AtLeast)),
    ("a minimum of", Word::Compare(Compare::AtLeast)),
    ("at most", Word::Compare(Compare::AtMost)),
    ("no more than", Word::Compare(Compare::AtMost)),
    ("up to", Word::Compare(Compare::AtMost)),
    ("<=", Word::Compare(Compare::AtMost)),
    ("a maximum of", Word::Compare(Compare::AtMost)),
    ("less than or equal to", Word::Compare(Compare::AtMost)),
    ("not more than", Word::Compare(Compare::AtMost)),
    ("exactly", Word::Compare(Compare::Equal)),
    ("equal to", Word::Compare(Compare::Equal)),
    ("equals", Word::Compare(Compare::Equal)),
    ("=", Word::Compare(Compare::Equal)),
    ("<>", Word::Compare(Compare::NotEqual)),
    ("!=", Word::Compare(Compare::NotEqual)),
    ("between", Word::Between),
    ("than", Word::Than),
    ("ordered by", Word::OrderBy),
    ("order by", Word::OrderBy),
    ("sorted by", Word::OrderBy),
    ("sort by", Word::OrderBy),
    ("ranked by", Word::OrderBy),
    ("order the results by", Word::OrderBy),
    ("sort the results by", Word::OrderBy),
    ("order them by", Word::OrderBy),
    ("sort them by", Word::OrderBy),
    ("arranged by", Word::OrderBy),
    ("starting from", Word::OrderBy),
    ("order results by", Word::OrderBy),
    ("in descending order", Word::Descending),
    ("descending order", Word::Descending),
    ("descending", Word::Descending),
    ("desc", Word::Descending),
    ("from highest to lowest", Word::Descending),
    ("from largest to smallest", Word::Descending),
    ("from most to least", Word::Descending),
    ("highest first", Word::Descending),
    ("largest first", Word::Descending),
    ("highest to lowest", Word::Descending),
    ("from longest to shortest", Word::Descending),
    ("from newest to oldest", Word::Descending),
    ("starting from the top", Word::Descending),
    ("newest first", Word::Descending),
    ("in decreasing order", Word::Descending),
    ("in ascending order", Word::Ascending),
    ("ascending order", Word::Ascending),
    ("ascending", Word::Ascending),
    ("asc", Word::Ascending),
    ("from lowest to highest", Word::Ascending),
    ("from smallest to largest", Word::Ascending),
    ("from least to most", Word::Ascending),
    ("lowest first", Word::Ascending),
    ("smallest first", Word::Ascending),
    ("lowest to highest", Word::Ascending),
    ("from oldest to newest", Word::Ascending),
    ("oldest first", Word::Ascending),
    ("in increasing order", Word::Ascending),
    ("in chronological order", Word::Ascending),
    ("alphabetically", Word::Alphabetically),
    ("in alphabetical order", Word::Alphabetically),
    ("ordered alphabetically", Word::Alphabetically),
    ("sorted alphabetically", Word::Alphabetically),
    ("day", Word::Grain(Grain::Day)),
    ("week", Word::Grain(Grain::Week)),
    ("month", Word::Grain(Grain::Month)),
    ("quarter", Word::Grain(Grain::Quarter)),
    ("year", Word::Grain(Grain::Year)),
    ("days", Word::Grain(Grain::Day)),
    ("weeks", Word::Grain(Grain::Week)),
    ("months", Word::Grain(Grain::Month)),
    ("quarters", Word::Grain(Grain::Quarter)),
    ("years", Word::Grain(Grain::Year)),
    ("weekday", Word::Grain(Grain::Weekday)),
    ("weekdays", Word::Grain(Grain::Weekday)),
    ("day of the week", Word::Grain(Grain::Weekday)),
    ("day of week", Word::Grain(Grain::Weekday)),
    ("hour", Word::Grain(Grain::Hour)),
    ("hour of the day", Word::Grain(Grain::Hour)),
    ("hour of day", Word::Grain(Grain::Hour)),
    ("calendar month", Word::Grain(Grain::Month)),
    ("calendar year", Word::Grain(Grain::Year)),
    ("daily", Word::Grained(Grain::Day)),
    ("weekly", Word::Grained(Grain::Week)),
    ("monthly", Word::Grained(Grain::Month)),
    ("quarterly", Word::Grained(Grain::Quarter)),
    ("yearly", Word::Grained(Grain::Year)),
    ("annual", Word::Grained(Grain::Year)),
    ("annually", Word::Grained(Grain::Year)),
    ("over the years", Word::Grained(Grain::Year)),
    ("over the months", Word::Grained(Grain::Month)),
    ("that", Word::Relative),
    ("whose", Word::Relative),
    ("where", Word::Relative),
    ("which", Word::Which),
    ("what", Word::Which),
    ("who", Word::Which),
    ("starts with", Word::Starts),
    ("start with", Word::Starts),
    ("starting with", Word::Starts),
    ("begins with", Word::Starts),
    ("begin with", Word::Starts),
    ("beginning with", Word::Starts),
    ("ends with", Word::Ends),
    ("end with", Word::Ends),
    ("ending with", Word::Ends),
    ("ends in", Word::Ends),
    ("ending in", Word::Ends),
    ("contains", Word::Contains),
    ("contain", Word::Contains),
    ("containing", Word::Contains),
    ("contains the word", Word::Contains),
    ("includes", Word::Contains),
    ("including", Word::Contains),
    ("show", Word::List),
    ("list", Word::List),
    ("give", Word::List),
    ("return", Word::List),
    ("find", Word::List),
    ("get", Word::List),
    ("display", Word::List),
    ("provide", Word::List),
    ("name", Word::List),
    ("tell", Word::List),
    ("see", Word::List),
    ("fetch", Word::List),
    ("retrieve", Word::List),
    ("a list of", Word::List),
    ("provide a list of", Word::List),
    ("list of", Word::List),
    ("the list of", Word::List),
    ("list out", Word::List),
    ("dollar", Word::Money),
    ("dollars", Word::Money),
    ("euro", Word::Money),
    ("euros", Word::Money),
    ("pounds", Word::Money),
    ("usd", Word::Money),
    ("eur", Word::Money),
    ("$", Word::Money),
    ("€", Word::Money),
    ("£", Word::Money),
    ("'s", Word::Possessive),
    ("all", Word::All),
    ("any", Word::All),
    ("all of the", Word::All),
    ("all the", Word::All),
    ("sold", Word::Trade),
    ("bought", Word::Trade),
    ("purchased", Word::Trade),
    ("made a purchase", Word::Trade),
    ("been sold", Word::Trade),
    ("been bought", Word::Trade),
    ("been purchased", Word::Trade),
];

const FILLERS: &[&str] = &[
    "a",
    "an",
    "the",
    "is",
    "are",
    "was",
    "were",
    "be",
    "been",
    "being",
    "there",
    "please",
    "me",
    "us",
    "i",
    "we",
    "our",
    "my",
    "you",
    "your",
    "can",
    "could",
    "would",
    "want",
    "like",
    "need",
    "know",
    "do",
    "does",
    "did",
    "it",
    "its",
    "their",
    "they",
    "them",
    "also",
    "database",
    "currently",
    "?",
    ".",
    "!",
    ":",
    ";",
    "(",
    ")",
    "these",
    "those",
    "so",
    "far",
    "hi",
    "hello",
    "thanks",
    "following",
    "corresponding",
    "respective",
    "altogether",
    "he",
    "she",
    "him",
    "her",
    "this",
];

/// Units of measure after a number or a column; the data is taken to be in the unit that is named.
const UNITS: &[&str] = &[
    "meters",
    "metres",
    "meter",
    "kilometers",
    "kilometres",
    "km",
    "miles",
    "feet",
    "kg",
    "kilograms",
    "pounds",
    "grams",
    "liters",
    "litres",
    "celsius",
    "fahrenheit",
    "square",
];

/// Verbs that add nothing to what their nouns say.
const VERBS: &[&str] = &[
    "published",
    "publish",
    "presented",
    "written",
    "posted",
    "post",
    "serve",
    "serves",
    "serving",
    "served",
    "flow",
    "flows",
    "offer",
    "offers",
    "offered",
    "hosted",
    "host",
    "hosts",
    "works",
    "work",
    "lives",
    "live",
    "given",
    "gave",
    "owns",
    "own",
    "earned",
    "earn",
    "sits",
    "stand",
    "stands",
    "have",
    "has",
    "had",
    "having",
    "made",
    "make",
    "makes",
    "placed",
    "exist",
    "exists",
    "existing",
    "occur",
    "occurred",
    "happened",
    "happen",
    "available",
    "recorded",
    "listed",
    "get",
    "got",
    "belong",
    "belongs",
    "associated",
    "located",
    "lie",
    "lies",
    "take",
    "took",
    "done",
    "bring",
    "brings",
    "generate",
    "generated",
    "generates",
    "received",
    "receive",
    "held",
];

/// The phrase that begins at the first of `words` (lower case): what it does and how many words it takes.
pub fn phrase(words: &[&str]) -> Option<(Word, usize)> {
    for length in (1..=words.len().min(5)).rev() {
        let joined = words[..length].join(" ");
        if let Some(found) = SUPERLATIVES.iter().find(|s| s.words.contains(&joined.as_str())) {
            return Some((Word::Adjective(found), length));
        }
        if let Some((_, word)) = PHRASES.iter().find(|(text, _)| *text == joined) {
            return Some((*word, length));
        }
        if length == 1 {
            if FILLERS.contains(&joined.as_str()) {
                return Some((Word::Filler, 1));
            }
            if VERBS.contains(&joined.as_str()) {
                return Some((Word::Verb, 1));
            }
            if UNITS.contains(&joined.as_str()) {
                return Some((Word::Unit, 1));
            }
            if matches!(joined.as_str(), "%" | "percent") {
                return Some((Word::Percent, 1));
            }
        }
    }
    None
}

/// Words that stay whole although they hold a hyphen.
pub fn whole(lower: &str) -> bool {
    matches!(lower, "e-mail")
}

/// Forms that no rule derives.
pub fn irregular(lower: &str) -> Option<&'static str> {
    Some(match lower {
        "people" | "persons" | "person" => "person",
        "children" | "child" => "child",
        "men" | "man" => "man",
        "women" | "woman" => "woman",
        "paid" | "payment" | "payments" | "pays" | "paying" => "pay",
        "sold" | "sells" | "selling" | "sell" => "sell",
        "sale" | "sales" => "sale",
        "bought" | "buys" | "buying" | "buy" => "buy",
        "wrote" | "written" | "writes" | "write" | "writing" => "write",
        "taught" | "teaches" | "teach" => "teach",
        "data" => "data",
        "born" | "births" | "birth" => "birth",
        "e-mail" | "emails" | "e-mails" | "email" => "email",
        "analyses" | "analysis" => "analysis",
        "indices" | "indexes" | "index" => "index",
        "countries" | "country" => "country",
        "cities" | "city" => "city",
        "left" => "left",
        _ => return None,
    })
}

/// Customary abbreviations in names, written out.
pub fn abbreviation(lower: &str) -> Option<&'static str> {
    Some(match lower {
        "num" | "no" | "nr" | "nbr" => "number",
        "qty" => "quantity",
        "amt" => "amount",
        "dt" => "date",
        "desc" | "descr" => "description",
        "addr" => "address",
        "cust" => "customer",
        "prod" => "product",
        "emp" => "employee",
        "dept" => "department",
        "tx" | "txn" => "transaction",
        "acct" => "account",
        "avg" => "average",
        "pct" => "percent",
        "yr" => "year",
        "lat" => "latitude",
        "lng" | "lon" => "longitude",
        "tel" => "phone",
        "qtr" => "quarter",
        "curr" => "currency",
        "mgr" => "manager",
        "org" => "organization",
        "ids" => "id",
        "cnt" => "count",
        "fname" => "firstname",
        "lname" => "lastname",
        _ => return None,
    })
}

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

/// Stems that name a table of sales.
pub fn is_trade(stem: &str) -> bool {
    matches!(stem, "order" | "sale" | "purchas" | "transact" | "invoic")
}

/// Number words.
pub fn number_word(lower: &str) -> Option<f64> {
    Some(match lower {
        "zero" => 0.0,
        "two" => 2.0,
        "three" => 3.0,
        "four" => 4.0,
        "five" => 5.0,
        "six" => 6.0,
        "seven" => 7.0,
        "eight" => 8.0,
        "nine" => 9.0,
        "ten" => 10.0,
        "eleven" => 11.0,
        "twelve" => 12.0,
        "twenty" => 20.0,
        "fifty" => 50.0,
        "hundred" => 100.0,
        "thousand" => 1000.0,
        _ => return None,
    })
}

/// Function words of other widely used languages that are not English words.
const FOREIGN: &[&str] = &[
    "wie",
    "viele",
    "viel",
    "welche",
    "welcher",
    "welches",
    "der",
    "die",
    "das",
    "und",
    "ist",
    "sind",
    "wurden",
    "nach",
    "im",
    "zeige",
    "zeig",
    "mir",
    "gibt",
    "durchschnittliche",
    "umsatz",
    "pro",
    "von",
    "für",
    "cuántos",
    "cuantos",
    "cuántas",
    "cuantas",
    "cuál",
    "cual",
    "cuáles",
    "los",
    "las",
    "el",
    "del",
    "por",
    "para",
    "muestra",
    "ventas",
    "que",
    "qué",
    "y",
    "en",
    "hay",
    "combien",
    "quel",
    "quelle",
    "quels",
    "quelles",
    "le",
    "la",
    "les",
    "des",
    "du",
    "et",
    "sont",
    "est",
    "par",
    "montre",
    "une",
    "dans",
    "avec",
    "quanti",
    "quante",
    "quale",
    "quali",
    "gli",
    "il",
    "sono",
    "di",
    "della",
    "per",
    "mostra",
    "quantos",
    "quantas",
    "qual",
    "quais",
    "os",
    "são",
    "mostre",
    "hoeveel",
    "welke",
    "het",
    "een",
    "zijn",
    "van",
    "ile",
    "jest",
    "które",
    "ilu",
    "hur",
    "många",
    "och",
    "är",
];

/// Whether the words (lower case) are those of another language.
pub fn is_foreign(words: &[&str]) -> bool {
    let foreign = words
        .iter()
        .filter(|word| FOREIGN.contains(word) && **word != "per")
        .count();
    let english = words
        .iter()
        .filter(|word| {
            matches!(phrase(&[**word]), Some((word, _)) if word != Word::Grain(Grain::Day))
                && !FOREIGN.contains(word)
                && word.chars().any(char::is_alphabetic)
        })
        .count();
    let other_script = words
        .iter()
        .filter(|word| word.chars().any(|c| c.is_alphabetic() && c > '\u{24F}'))
        .count();
    foreign > english
        || (other_script > 0 && other_script * 2 >= words.len())
        || (other_script > 1 && english == 0)
}
