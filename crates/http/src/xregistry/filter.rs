use std::{cmp::Ordering, fmt};

use muster_wire::{ErrorCode, Problem};
use serde_json::{Map, Value};

use super::{
    compare,
    dotted::{Dotted, Step},
};

/// Which entities an answer is to hold (core, "Filter Flag"): those that satisfy all expressions
/// of at least one branch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// One for each `filter` parameter.
    pub branches: Vec<Vec<Expression>>,
    /// `excludeall`: nothing at all.
    pub excludes_all: bool,
}

/// What a filter says of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It passes, with all that lies in it.
    Whole,
    /// It passes if something in it does.
    Below(Filter),
    /// It doesn't pass.
    Nothing,
}

/// One test of one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expression {
    /// The attribute, with the collections that lead to its entity before it.
    pub path: Dotted,
    /// What must hold of it.
    pub test: Test,
}

/// What must hold of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// It has a value.
    Present,
    /// It has none.
    Absent,
    /// It is like this.
    Like(Pattern),
    /// It isn't like this, or isn't there.
    Unlike(Pattern),
    /// It compares so with this.
    Compared(Comparison, String),
}

/// A relative comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A value in which `*` stands for anything and `\*` for itself. It is taken apart once: it meets
/// every entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// As it was written.
    text: String,
    /// The parts between the stars, with `\*` opened.
    parts: Vec<String>,
    /// The same in lower case.
    lower: Vec<String>,
}

const EXCLUDE_ALL: &str = "excludeall";

/// Expressions in one filter: each is tested on every entity.
const EXPRESSIONS_MAX: usize = 100;

/// Bytes of one filter, all its parameters together: what is left of it for each collection stands
/// in that one's URL.
const BYTES_MAX: usize = 4 * 1024;

/// The operators; one that begins another stands behind it.
const OPERATORS: [&str; 7] = ["!=", "<>", "<=", ">=", "<", ">", "="];

impl Filter {
    /// Reads the values of the flag.
    ///
    /// # Errors
    /// `bad_filter`, without a subject.
    pub fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Self, Problem> {
        let mut filter = Self::default();
        let mut bytes = 0;
        for value in values {
            bytes += value.len();
            if bytes > BYTES_MAX {
                return Err(bad("…", format!("it is longer than {BYTES_MAX} bytes")));
            }
            let texts = value.split(',').map(str::trim).filter(|text| !text.is_empty());
            let mut branch = Vec::new();
            for text in texts {
                if text == EXCLUDE_ALL {
                    filter.excludes_all = true;
                } else {
                    branch.push(Expression::parse(text)?);
                }
            }
            if !branch.is_empty() {
                filter.branches.push(branch);
            }
        }
        if filter.branches.iter().map(Vec::len).sum::<usize>() > EXPRESSIONS_MAX {
            let detail = format!("there are more than {EXPRESSIONS_MAX} expressions");
            return Err(bad("…", detail));
        }
        if filter.excludes_all && !filter.branches.is_empty() {
            return Err(bad(EXCLUDE_ALL, "it can't stand beside other expressions"));
        }
        Ok(filter)
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty() && !self.excludes_all
    }

    /// Asks an entity: what must hold of it itself is tested, what is left is for its collections.
    ///
    /// `is_collection` tells the names of collections from those of attributes.
    pub fn ask(
        &self,
        holds: impl Fn(&Expression) -> bool,
        is_collection: impl Fn(&str) -> bool,
    ) -> Answer {
        if self.is_empty() {
            return Answer::Whole;
        }
        let mut left = Vec::new();
        for branch in &self.branches {
            let (nested, own): (Vec<&Expression>, Vec<&Expression>) =
                branch.iter().partition(|e| e.collection().is_some_and(&is_collection));
            if !own.into_iter().all(&holds) {
                continue;
            }
            let Some(first) = nested.first().and_then(|e| e.collection()) else {
                return Answer::Whole;
            };
            // What lies in two collections at once is nowhere.
            if nested.iter().all(|e| e.collection() == Some(first)) {
                left.push(nested.into_iter().cloned().collect());
            }
        }
        if left.is_empty() {
            return Answer::Nothing;
        }
        Answer::Below(Self { branches: left, excludes_all: false })
    }

    /// What the filter says of a collection's members; none: nothing in it passes.
    pub fn below(&self, collection: &str) -> Option<Self> {
        let branches: Vec<Vec<Expression>> = self
            .branches
            .iter()
            .map(|branch| branch.iter().filter_map(|e| e.within(collection)).collect())
            .filter(|branch: &Vec<Expression>| !branch.is_empty())
            .collect();
        (!branches.is_empty()).then_some(Self { branches, excludes_all: false })
    }

    /// Whether something is asked of the entity itself.
    pub fn asks(&self, is_collection: impl Fn(&str) -> bool) -> bool {
        let mut all = self.branches.iter().flatten();
        all.any(|e| !e.collection().is_some_and(&is_collection))
    }

    /// The query that gives the same entities of a collection; empty where it needs none.
    pub fn to_query(&self) -> String {
        if self.excludes_all {
            return format!("?filter={EXCLUDE_ALL}");
        }
        let mut query = String::new();
        for branch in &self.branches {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str("filter=");
            let expressions: Vec<String> = branch.iter().map(ToString::to_string).collect();
            query.push_str(&expressions.join(","));
        }
        query
    }

    /// The query of a collection in which nothing is left.
    pub fn nothing() -> Self {
        Self { branches: Vec::new(), excludes_all: true }
    }
}

fn bad(value: &str, detail: impl fmt::Display) -> Problem {
    Problem::new(ErrorCode::BAD_FILTER).arg("value", value).arg("error_detail", detail)
}

impl Expression {
    fn parse(text: &str) -> Result<Self, Problem> {
        let (path, operator, value) = split(text);
        let path = Dotted::parse(path.trim()).map_err(|error| bad(path, error))?;
        let (value, is_null) = (value.trim(), value.trim() == "null");
        let compared = |comparison: Comparison| {
            if is_null {
                return Err(bad(text, "null is not allowed with <, <=, >, >= operators"));
            }
            let pattern = Pattern::new(value);
            if pattern.is_wild() {
                return Err(bad(text, "wildcards are not allowed with <, <=, >, >= operators"));
            }
            Ok(Test::Compared(comparison, pattern.plain()))
        };
        let test = match operator {
            "=" if is_null => Test::Absent,
            "=" => Test::Like(Pattern::new(value)),
            "!=" | "<>" if is_null => Test::Present,
            "!=" | "<>" => Test::Unlike(Pattern::new(value)),
            "<" => compared(Comparison::Less)?,
            "<=" => compared(Comparison::AtMost)?,
            ">" => compared(Comparison::More)?,
            ">=" => compared(Comparison::AtLeast)?,
            _ => Test::Present,
        };
        Ok(Self { path, test })
    }

    /// The collection that the path leads into, if its first step is one's name.
    pub fn collection(&self) -> Option<&str> {
        match self.path.0.as_slice() {
            [Step::Key(first), _, ..] => Some(first),
            _ => None,
        }
    }

    /// The same expression as seen from within a collection.
    pub fn within(&self, collection: &str) -> Option<Self> {
        let [_, rest @ ..] = self.path.0.as_slice() else { return None };
        (self.collection() == Some(collection))
            .then(|| Self { path: Dotted(rest.to_vec()), test: self.test.clone() })
    }

    /// Whether the entity with these attributes satisfies it.
    pub fn matches(&self, attributes: &Map<String, Value>) -> bool {
        let found = self.path.select(attributes);
        match &self.test {
            Test::Present => !found.is_empty(),
            Test::Absent => found.is_empty(),
            Test::Like(pattern) => found.iter().any(|value| pattern.matches(value)),
            Test::Unlike(pattern) => !found.iter().any(|value| pattern.matches(value)),
            Test::Compared(comparison, text) => found
                .iter()
                .filter_map(|value| compare::with_text(value, text))
                .any(|order| comparison.holds(order)),
        }
    }
}

/// Cuts an expression at its operator, which is the first one outside of quotes.
fn split(text: &str) -> (&str, &str, &str) {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None => {
                let found = OPERATORS.into_iter().find(|operator| text[at..].starts_with(operator));
                if let Some(operator) = found {
                    return (&text[..at], operator, &text[at + operator.len()..]);
                }
            }
        }
    }
    (text, "", "")
}

impl Comparison {
    const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let escaped = letter == '\\' && letters.peek() == Some(&'*');
            match letter {
                '*' => parts.push(String::new()),
                _ if escaped => {
                    letters.next();
                    parts.last_mut().map(|part| part.push('*')).unwrap_or_default();
                }
                _ => parts.last_mut().map(|part| part.push(letter)).unwrap_or_default(),
            }
        }
        let lower = parts.iter().map(|part| part.to_lowercase()).collect();
        Self { text: text.to_owned(), parts, lower }
    }

    fn is_wild(&self) -> bool {
        self.parts.len() > 1
    }

    /// The text with escapes opened.
    fn plain(&self) -> String {
        self.parts.concat()
    }

    fn matches(&self, value: &Value) -> bool {
        if self.text == "*" {
            return true;
        }
        if let [plain] = self.parts.as_slice() {
            return compare::with_text(value, plain) == Some(Ordering::Equal);
        }
        match value {
            Value::String(text) => is_like(&text.to_lowercase(), &self.lower),
            Value::Number(number) => is_like(&number.to_string(), &self.lower),
            Value::Bool(value) => is_like(&value.to_string(), &self.lower),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        }
    }
}

/// Whether the text consists of the parts, in order, with anything between them.
fn is_like(text: &str, parts: &[String]) -> bool {
    // A search prepares itself for the whole of what it looks for: not for what can't be there.
    if parts.iter().map(String::len).sum::<usize>() > text.len() {
        return false;
    }
    let [first, middle @ .., last] = parts else { return false };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}

impl fmt::Display for Expression {
    /// The expression as part of a URL: what a URL can't hold is percent-encoded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.test {
            Test::Present => write!(f, "{path}"),
            Test::Absent => write!(f, "{path}=null"),
            Test::Like(pattern) => write!(f, "{path}={}", Encoded(&pattern.text)),
            Test::Unlike(pattern) => write!(f, "{path}!={}", Encoded(&pattern.text)),
            Test::Compared(comparison, text) => {
                // A sign must not grow by what follows it, and a star that is meant stays escaped.
                let gap = if text.starts_with(['=', '>']) { "%20" } else { "" };
                let text = text.replace('*', "\\*");
                write!(f, "{path}{}{gap}{}", comparison.sign(), Encoded(&text))
            }
        }
    }
}

/// A text as a query can hold it.
pub(super) struct Encoded<'a>(pub &'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            let plain = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'-' | b'.'
                        | b'_'
                        | b'~'
                        | b'*'
                        | b':'
                        | b'@'
                        | b'/'
                        | b'!'
                        | b'$'
                        | b'\''
                        | b'('
                        | b')'
                        | b';'
                        | b'?'
                        | b'='
                );
            if plain {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
