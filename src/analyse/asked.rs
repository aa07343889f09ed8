//! Which analysis a question asks for, and of what: "forecast revenue", "any outliers?", "why did it fall?".
//!
//! It reads the few words that name an analysis and leaves the rest, the question for the rows, to a translator.

use super::Method;

/// An analysis that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: Method,
    /// What is to be analysed, in the asker's words; None: the answer before.
    pub of: Option<String>,
    /// The word that named the analysis. Where the data has something of that name, it may mean that.
    pub word: &'static str,
    /// "month" in "for the next three months".
    period: Option<&'static str>,
}

const PERIODS: [&str; 5] = ["day", "week", "month", "quarter", "year"];

/// Words before a question that say nothing of it.
const LEADS: [&str; 16] = [
    "and ",
    "ok, ",
    "now ",
    "please ",
    "can you ",
    "could you ",
    "show me ",
    "show ",
    "give me ",
    "what is ",
    "what's ",
    "what are ",
    "is there ",
    "are there ",
    "do you see ",
    "tell me ",
];

const ARTICLES: [&str; 4] = ["the ", "a ", "an ", "any "];

/// Words for the answer before.
const IT: [&str; 8] = [
    "it",
    "this",
    "that",
    "them",
    "these",
    "the result",
    "the answer",
    "the results",
];

/// How something went, after "why did it".
const WENT: [&str; 16] = [
    "drop",
    "fall",
    "decline",
    "decrease",
    "sink",
    "rise",
    "grow",
    "increase",
    "jump",
    "change",
    "go up",
    "go down",
    "went up",
    "went down",
    "peak",
    "spike",
];

/// The names of the analyses, as nouns: "the trend of revenue", "revenue trend".
const NOUNS: [(&str, Method); 16] = [
    ("forecasts", Method::Forecast),
    ("forecast", Method::Forecast),
    ("prediction", Method::Forecast),
    ("trends", Method::Trend),
    ("trend", Method::Trend),
    ("outliers", Method::Outliers),
    ("outlier", Method::Outliers),
    ("anomalies", Method::Outliers),
    ("anomaly", Method::Outliers),
    ("unusual values", Method::Outliers),
    ("distribution", Method::Distribution),
    ("histogram", Method::Distribution),
    ("correlation", Method::Correlation),
    ("correlations", Method::Correlation),
    ("summary statistics", Method::Describe),
    ("statistics", Method::Describe),
];

/// The same as something to do: "forecast revenue".
const VERBS: [(&str, Method); 6] = [
    ("forecast", Method::Forecast),
    ("predict", Method::Forecast),
    ("describe", Method::Describe),
    ("summarise", Method::Describe),
    ("summarize", Method::Describe),
    ("correlate", Method::Correlation),
];

/// The analysis a question asks for; None when it asks for something else.
pub fn read(question: &str) -> Option<Asked> {
    let text = question.trim().trim_end_matches(['?', '.', '!', ' ']);
    let (text, period) = without_period(text);
    let text = without_leads(text);
    why(text)
        .or_else(|| as_noun(text))
        .or_else(|| as_verb(text))
        .map(|asked| Asked { period, ..asked })
}

impl Asked {
    fn new(method: Method, word: &'static str, of: &str) -> Asked {
        let of = without(of.trim(), &ARTICLES).trim();
        let is_it = of.is_empty() || IT.iter().any(|it| of.eq_ignore_ascii_case(it));
        Asked {
            method,
            of: (!is_it).then(|| of.to_owned()),
            word,
            period: None,
        }
    }

    /// The questions for the rows to analyse, the likeliest first; empty when it is the answer before.
    pub fn questions(&self) -> Vec<String> {
        let Some(of) = &self.of else { return Vec::new() };
        match self.method {
            Method::Trend | Method::Forecast | Method::Change => {
                let lower = of.to_ascii_lowercase();
                let by_period = PERIODS.iter().any(|period| {
                    [" by ", " per ", " each ", " every "]
                        .iter()
                        .any(|by| lower.contains(&format!("{by}{period}")))
                });
                if by_period {
                    return vec![of.clone()];
                }
                let period = self.period.unwrap_or("month");
                vec![
                    format!("{of} by {period}"),
                    format!("total {of} by {period}"),
                    format!("how many {of} by {period}"),
                ]
            }
            _ => vec![format!("show {of}"), of.clone()],
        }
    }

    /// What to ask in place of an answer before that has no dates.
    pub fn over_time(&self) -> String {
        format!("and by {}", self.period.unwrap_or("month"))
    }

    /// The same analysis of something that is asked in full.
    pub fn anew(&self, question: &str) -> String {
        let question = question.trim().trim_end_matches(['?', '.', '!']);
        match self.method {
            Method::Describe => format!("describe {question}"),
            Method::Change => format!("what changed in {question}"),
            Method::Outliers => format!("outliers in {question}"),
            Method::Forecast => format!("forecast of {question}"),
            Method::Trend => format!("trend of {question}"),
            Method::Distribution => format!("distribution of {question}"),
            Method::Correlation => format!("correlation between {question}"),
        }
    }
}

/// "why?", "why did revenue drop", "what changed", "what drove it"
fn why(text: &str) -> Option<Asked> {
    let asked = |of: &str| Some(Asked::new(Method::Change, "why", of));
    let lower = text.to_ascii_lowercase();
    if matches!(
        lower.as_str(),
        "why"
            | "why so"
            | "why is that"
            | "why that"
            | "how come"
            | "what changed"
            | "what has changed"
            | "explain"
            | "explain it"
            | "explain this"
            | "explain that"
            | "what is behind it"
            | "what is behind that"
    ) {
        return asked("");
    }
    for lead in [
        "what drove ",
        "what drives ",
        "what changed in ",
        "what is behind ",
    ] {
        if let Some(of) = after(text, lead) {
            return asked(of);
        }
    }
    let rest = ["why did ", "why has ", "why have "]
        .iter()
        .find_map(|lead| after(text, lead))?;
    let lower = rest.to_ascii_lowercase();
    let end = WENT
        .iter()
        .filter_map(|went| {
            let at = lower.find(&format!(" {went}"))?;
            let end = at + 1 + went.len();
            lower[end..]
                .chars()
                .next()
                .is_none_or(|next| !next.is_alphanumeric() || lower[end..].starts_with("ped"))
                .then_some(at)
        })
        .min()?;
    asked(&rest[..end])
}

/// "trend of revenue", "revenue trend", "any outliers"
fn as_noun(text: &str) -> Option<Asked> {
    let lower = text.to_ascii_lowercase();
    for (noun, method) in NOUNS {
        if lower == noun {
            return Some(Asked::new(method, noun, ""));
        }
        for link in [" of ", " in ", " for ", " between ", " among ", " over "] {
            if let Some(of) = after(text, &format!("{noun}{link}")) {
                return Some(Asked::new(method, noun, of));
            }
        }
        if let Some(of) = lower.strip_suffix(noun)
            && of.ends_with(' ')
            && !of.trim().contains(' ')
        {
            return Some(Asked::new(method, noun, &text[..of.len()]));
        }
    }
    let distributed = lower.strip_suffix(" distributed")?;
    let of = ["how is ", "how are "].iter().find_map(|lead| {
        distributed
            .strip_prefix(lead)
            .map(|_| &text[lead.len()..distributed.len()])
    })?;
    Some(Asked::new(Method::Distribution, "distributed", of))
}

/// "forecast revenue", "describe it"
fn as_verb(text: &str) -> Option<Asked> {
    VERBS.iter().find_map(|(verb, method)| {
        let of = after(text, &format!("{verb} "))?;
        Some(Asked::new(*method, verb, of))
    })
}

/// The text without "for the next three months", "over time"; and the period that was named.
fn without_period(text: &str) -> (&str, Option<&'static str>) {
    let lower = text.to_ascii_lowercase();
    let is_count = |word: &str| {
        word.bytes().all(|byte| byte.is_ascii_digit())
            || matches!(
                word,
                "" | "two"
                    | "three"
                    | "four"
                    | "five"
                    | "six"
                    | "seven"
                    | "eight"
                    | "nine"
                    | "ten"
                    | "twelve"
                    | "few"
            )
    };
    for lead in [
        " for the next ",
        " in the next ",
        " over the next ",
        " for next ",
        " next ",
    ] {
        if let Some(at) = lower.rfind(lead) {
            let words: Vec<&str> = lower[at + lead.len()..].split_whitespace().collect();
            let (count, unit) = match words.as_slice() {
                [unit] => ("", *unit),
                [count, unit] => (*count, *unit),
                _ => continue,
            };
            let period = PERIODS
                .iter()
                .find(|period| unit.trim_end_matches('s') == **period);
            if is_count(count)
                && let Some(period) = period
            {
                return (&text[..at], Some(period));
            }
        }
    }
    match lower.strip_suffix(" over time") {
        Some(rest) => (&text[..rest.len()], None),
        None => (text, None),
    }
}

fn without_leads(text: &str) -> &str {
    let mut text = text.trim();
    loop {
        let shorter = without(without(text, &LEADS), &ARTICLES).trim_start();
        if shorter.len() == text.len() {
            return text;
        }
        text = shorter;
    }
}

fn without<'t>(text: &'t str, leads: &[&str]) -> &'t str {
    leads.iter().find_map(|lead| after(text, lead)).unwrap_or(text)
}

fn after<'t>(text: &'t str, lead: &str) -> Option<&'t str> {
    let begin = text.get(..lead.len())?;
    begin.eq_ignore_ascii_case(lead).then(|| &text[lead.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn analyses_are_read_with_what_they_are_of() {
        for (question, method, of) in [
            ("Why?", Method::Change, None),
            ("why is that", Method::Change, None),
            ("What changed?", Method::Change, None),
            (
                "Why did revenue drop last month?",
                Method::Change,
                Some("revenue"),
            ),
            ("Why has it dropped?", Method::Change, None),
            ("what drove the revenue?", Method::Change, Some("revenue")),
            ("forecast it", Method::Forecast, None),
            (
                "Forecast revenue for the next three months",
                Method::Forecast,
                Some("revenue"),
            ),
            (
                "Show me a forecast of order totals",
                Method::Forecast,
                Some("order totals"),
            ),
            (
                "Predict the number of visits next week",
                Method::Forecast,
                Some("number of visits"),
            ),
            (
                "Is there a trend in revenue over time?",
                Method::Trend,
                Some("revenue"),
            ),
            ("revenue trend", Method::Trend, Some("revenue")),
            ("And the trend?", Method::Trend, None),
            ("Any outliers?", Method::Outliers, None),
            (
                "Are there any unusual values in the order totals?",
                Method::Outliers,
                Some("order totals"),
            ),
            (
                "How are order totals distributed?",
                Method::Distribution,
                Some("order totals"),
            ),
            (
                "What is the correlation between price and quantity?",
                Method::Correlation,
                Some("price and quantity"),
            ),
            ("Describe this", Method::Describe, None),
        ] {
            let asked = read(question).unwrap_or_else(|| panic!("{question}"));
            assert_eq!((asked.method, asked.of.as_deref()), (method, of), "{question}");
        }
        for question in [
            "How many orders are there?",
            "Which products are trending?",
            "Why not show me all orders?",
            "How many stores have a distribution centre?",
            "total revenue next to last year",
            "",
        ] {
            assert_eq!(read(question), None, "{question}");
        }
    }

    #[test]
    fn what_is_asked_for_the_rows() {
        let questions = |question| read(question).expect("an analysis").questions();
        assert_eq!(
            questions("forecast revenue for the next 2 quarters")[0],
            "revenue by quarter"
        );
        assert_eq!(questions("trend of orders per week"), ["orders per week"]);
        assert_eq!(questions("outliers in order totals")[0], "show order totals");
        assert_eq!(questions("why?"), [""; 0]);
        // What an analysis is called when it is asked anew is read as the same.
        for question in [
            "why?",
            "forecast it",
            "any outliers?",
            "the trend?",
            "describe it",
            "distribution",
        ] {
            let asked = read(question).expect("an analysis");
            let anew = read(&asked.anew("how many orders by month?")).expect("the same");
            assert_eq!(anew.method, asked.method, "{question}");
            assert_eq!(anew.of.as_deref(), Some("how many orders by month"), "{question}");
        }
    }
}
