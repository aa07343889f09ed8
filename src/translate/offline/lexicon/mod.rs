//! What English words mean to a question about data: function words, operators, units, synonyms. Nothing here
//! knows any particular data set.

mod columns;
mod phrases;

pub use columns::{is_additive, is_revenue, is_tally, is_trade, revenue_rank, synonyms};
pub use phrases::SIZES;
use phrases::{FILLERS, PHRASES, SUPERLATIVES, UNITS, VERBS};

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
