//! What English words mean to a question about data: function words, operators, units, synonyms. Nothing here
//! knows any particular data set.

mod columns;
mod nations;
mod phrases;

pub use columns::{counts_things, is_additive, is_revenue, is_tally, is_trade, revenue_rank, synonyms};
pub use nations::nations;
pub use phrases::SIZES;
use phrases::{COMPARATIVES, FILLERS, PHRASES, SUPERLATIVES, UNITS, VERBS};

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
    Median,
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
    /// "ratio of", "percentage of": a figure made of two.
    Part(Part),
    /// A figure that is named without saying how it is computed.
    Figure,
    /// "growth", "change": against the period before.
    Change(Change),
    /// "both": of two other rows.
    Both,
    /// "longer", "higher": of two that are named.
    Comparative(Dir),
    /// The same with an adjective that implies its column.
    Longer(&'static Superlative),
    /// "compared to", "versus": what came before is set against what follows.
    Versus,
    /// "compare": of two that are named, or of each.
    Compared,
    /// "grow", "increase": from one period to another.
    Grow,
    /// "spent the most": of the money paid.
    Spent(Dir),
    /// "how many times": rows.
    Times,
    /// "who": what names people.
    Who,
}

/// How a figure is made of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Ratio,
    Percentage,
    Fraction,
    Difference,
}

/// How a figure is compared with that of the period before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Difference,
    Relative,
    /// "cumulative": with all periods before.
    Running,
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
    /// January to December, whatever the year.
    MonthOfYear,
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
            Grain::MonthOfYear => "month",
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
        if let Some((_, most)) = COMPARATIVES.iter().find(|(word, _)| *word == joined)
            && let Some(found) = SUPERLATIVES.iter().find(|s| s.words.contains(most))
        {
            return Some((Word::Longer(found), length));
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

/// The adjective of "cheaper than".
pub fn beyond(lower: &str) -> Option<&'static Superlative> {
    let comparative = lower.strip_suffix(" than")?;
    let (_, most) = COMPARATIVES.iter().find(|(word, _)| *word == comparative)?;
    SUPERLATIVES.iter().find(|s| s.words.contains(most))
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
        "won" | "wins" | "win" | "winning" => "win",
        "lost" | "losses" | "loss" | "lose" => "loss",
        "drawn" | "draws" | "draw" => "draw",
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
        "txs" => "transaction",
        "avg" => "average",
        "pct" => "percent",
        "yr" => "year",
        "lat" => "latitude",
        "lng" | "lon" => "longitude",
        "tel" => "phone",
        "qtr" => "quarter",
        "curr" => "currency",
        "pos" => "position",
        "rnd" => "round",
        "conf" => "conference",
        "div" => "division",
        "mgr" => "manager",
        "org" => "organization",
        "ids" => "id",
        "cnt" => "count",
        "fname" => "firstname",
        "lname" => "lastname",
        "pts" => "points",
        "pld" => "played",
        "att" => "attendance",
        _ => return None,
    })
}

/// Words that names without marks often end in: `joindate`, `tickerid`, `dailyprice`.
const TAILS: &[&str] = &[
    "id", "date", "name", "type", "code", "price", "amount", "number", "status", "symbol", "address",
    "email", "phone", "count",
];

/// Words that only look as if they were made of two.
const WHOLE: &[&str] = &[
    "update",
    "candidate",
    "username",
    "surname",
    "filename",
    "hostname",
    "nickname",
    "prototype",
    "barcode",
    "postcode",
    "zipcode",
    "paid",
    "grid",
    "valid",
    "invalid",
    "said",
    "avoid",
    "solid",
    "liquid",
    "period",
    "bid",
    "mid",
    "raid",
    "maid",
    "android",
    "asteroid",
    "orchid",
    "hybrid",
    "pyramid",
    "account",
    "discount",
    "amount",
    "mandate",
    "subtype",
    "firstname",
    "lastname",
    "fullname",
    "forename",
    "rename",
    "void",
    "fluid",
    "rapid",
    "squid",
    "aid",
    "pid",
    "uid",
    "uuid",
    "guid",
    "telephone",
    "microphone",
    "smartphone",
    "headphone",
    "viscount",
    "encode",
    "decode",
    "unicode",
    "stereotype",
    "genotype",
    "phenotype",
    "archetype",
    "humid",
    "timid",
    "vivid",
    "placid",
    "acid",
    "arid",
    "afraid",
    "unpaid",
    "prepaid",
    "kid",
    "lid",
    "rid",
    "covid",
    "plaid",
    "steroid",
    "thyroid",
    "celluloid",
    "data",
    "validate",
    "postaladdress",
    "sid",
    "eyelid",
];

/// The words of a name that is written as one, as far as its end tells.
pub fn segments(lower: &str) -> Vec<String> {
    if !WHOLE.contains(&lower)
        && let Some((head, tail)) = TAILS
            .iter()
            .filter_map(|tail| lower.strip_suffix(tail).map(|head| (head, *tail)))
            .find(|(head, _)| head.len() >= 3 && head.bytes().all(|b| b.is_ascii_lowercase()))
    {
        return vec![head.to_owned(), tail.to_owned()];
    }
    vec![lower.to_owned()]
}

/// The states of the US by name, with the codes that stand for them.
const STATES: &str = "alabama AL alaska AK arizona AZ arkansas AR california CA colorado CO connecticut CT delaware DE \
    florida FL georgia GA hawaii HI idaho ID illinois IL indiana IN iowa IA kansas KS kentucky KY louisiana LA maine ME \
    maryland MD massachusetts MA michigan MI minnesota MN mississippi MS missouri MO montana MT nebraska NE nevada NV \
    new_hampshire NH new_jersey NJ new_mexico NM new_york NY north_carolina NC north_dakota ND ohio OH oklahoma OK \
    oregon OR pennsylvania PA rhode_island RI south_carolina SC south_dakota SD tennessee TN texas TX utah UT vermont \
    VT virginia VA washington WA west_virginia WV wisconsin WI wyoming WY";

/// The code of a state of the US.
pub fn state_code(lower: &str) -> Option<&'static str> {
    let name = lower.replace(' ', "_");
    let mut words = STATES.split_ascii_whitespace();
    while let (Some(state), Some(code)) = (words.next(), words.next()) {
        if state == name {
            return Some(code);
        }
    }
    None
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
