//! The text syntax of filters and orders (core, "Filter Flag" and "Sort Flag").

use thiserror::Error;

use super::{
    filter::{Comparison, Filter, FilterExpression, FilterTest, TextPattern},
    path::{AttributePath, AttributePathError},
    sort::Sort,
};

const EXCLUDE_ALL: &str = "excludeall";

/// The number of expressions in a filter; each is tested on every entity.
const EXPRESSIONS_MAX: usize = 100;

/// The size of a filter with all its values, in bytes. The rest of a filter becomes part of the URL
/// of each collection.
const BYTES_MAX: usize = 4 * 1024;

/// The operators. An operator comes before its own prefixes.
const OPERATORS: [&str; 7] = ["!=", "<>", "<=", ">=", "<", ">", "="];

/// Why a text isn't a filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FilterError {
    /// The filter is too long.
    #[error("it is longer than {BYTES_MAX} bytes")]
    TooLong,
    /// The filter has too many expressions.
    #[error("there are more than {EXPRESSIONS_MAX} expressions")]
    TooMany,
    /// `excludeall` excludes everything, so it must be the only expression.
    #[error("it can't be combined with other expressions")]
    NotAlone,
    /// The path of an expression is invalid.
    #[error("{fault}")]
    Path {
        /// The path.
        path: String,
        /// The fault.
        fault: AttributePathError,
    },
    /// A comparison with null has no meaning.
    #[error("null is not allowed with <, <=, >, >= operators")]
    NullCompared {
        /// The expression.
        expression: String,
    },
    /// A comparison with a wildcard has no meaning.
    #[error("wildcards are not allowed with <, <=, >, >= operators")]
    WildcardCompared {
        /// The expression.
        expression: String,
    },
}

impl FilterError {
    /// The invalid part of the filter.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::TooLong | Self::TooMany => "…",
            Self::NotAlone => EXCLUDE_ALL,
            Self::Path { path, .. } => path,
            Self::NullCompared { expression } | Self::WildcardCompared { expression } => expression,
        }
    }
}

/// Why a text isn't an order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SortError {
    /// It is given twice.
    #[error("it may be given only once")]
    Twice,
    /// The direction is invalid.
    #[error("{0:?} is neither asc nor desc")]
    Direction(String),
    /// The path of the attribute is invalid.
    #[error(transparent)]
    Path(#[from] AttributePathError),
}

impl Filter {
    /// Parses a filter: each value is a branch, with expressions separated by commas.
    ///
    /// # Errors
    /// See [`FilterError`].
    pub fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        let mut bytes = 0;
        for value in values {
            bytes += value.len();
            if bytes > BYTES_MAX {
                return Err(FilterError::TooLong);
            }
            let texts = expressions(value).map(str::trim).filter(|text| !text.is_empty());
            let mut branch = Vec::new();
            for text in texts {
                if text == EXCLUDE_ALL {
                    filter.excludes_all = true;
                } else {
                    branch.push(FilterExpression::parse(text)?);
                }
            }
            if !branch.is_empty() {
                filter.branches.push(branch);
            }
        }
        if filter.expressions() > EXPRESSIONS_MAX {
            return Err(FilterError::TooMany);
        }
        if filter.excludes_all && !filter.branches.is_empty() {
            return Err(FilterError::NotAlone);
        }
        Ok(filter)
    }
}

/// The expressions of a branch: between them is a comma, which is written `\,` in a value.
fn expressions(branch: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(branch);
    std::iter::from_fn(move || {
        let text = rest?;
        let is_end = |at: &usize| !text[..*at].ends_with('\\');
        let end = text.match_indices(',').map(|(at, _)| at).find(is_end);
        rest = end.map(|at| &text[at + 1..]);
        Some(&text[..end.unwrap_or(text.len())])
    })
}

impl Filter {
    /// The texts from which [`parse`](Self::parse) reads the same filter. `escape` encodes the
    /// values, for example for a URL.
    #[must_use]
    pub fn texts(&self, escape: impl Fn(&str) -> String) -> Vec<String> {
        if self.excludes_all {
            return vec![EXCLUDE_ALL.to_owned()];
        }
        let text = |branch: &Vec<FilterExpression>| {
            branch.iter().map(|one| one.text(&escape)).collect::<Vec<_>>().join(",")
        };
        self.branches.iter().map(text).collect()
    }
}

impl FilterExpression {
    fn text(&self, escape: impl Fn(&str) -> String) -> String {
        let (operator, value) = match &self.test {
            FilterTest::Present => return self.path.to_string(),
            FilterTest::Absent => ("=", "null".to_owned()),
            FilterTest::Like(pattern) => ("=", pattern.as_str().to_owned()),
            FilterTest::Unlike(pattern) => ("!=", pattern.as_str().to_owned()),
            FilterTest::Compared(comparison, text) => {
                // The operator must not merge with the next character, and a literal star stays
                // escaped, as does a comma.
                let gap = if text.starts_with(['=', '>']) { " " } else { "" };
                let text = text.replace('*', "\\*").replace(',', "\\,");
                (comparison.sign(), format!("{gap}{text}"))
            }
        };
        format!("{}{operator}{}", self.path, escape(&value))
    }

    /// Parses an expression: a path, optionally followed by an operator and a value.
    ///
    /// # Errors
    /// See [`FilterError`].
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let (path, operator, value) = split(text);
        let path = path.trim();
        let path = AttributePath::parse(path)
            .map_err(|fault| FilterError::Path { path: path.to_owned(), fault })?;
        let (value, is_null) = (value.trim(), value.trim() == "null");
        let compared = |comparison: Comparison| {
            let expression = text.to_owned();
            let pattern = TextPattern::new(value);
            if is_null {
                Err(FilterError::NullCompared { expression })
            } else if pattern.is_wild() {
                Err(FilterError::WildcardCompared { expression })
            } else {
                Ok(FilterTest::Compared(comparison, pattern.plain()))
            }
        };
        let test = match operator {
            "=" if is_null => FilterTest::Absent,
            "=" => FilterTest::Like(TextPattern::new(value)),
            "!=" | "<>" if is_null => FilterTest::Present,
            "!=" | "<>" => FilterTest::Unlike(TextPattern::new(value)),
            "<" => compared(Comparison::Less)?,
            "<=" => compared(Comparison::AtMost)?,
            ">" => compared(Comparison::More)?,
            ">=" => compared(Comparison::AtLeast)?,
            _ => FilterTest::Present,
        };
        Ok(Self { path, test })
    }
}

/// Splits an expression at its operator, which is the first one outside quotes.
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

impl Sort {
    /// Parses an order: a path, optionally followed by `=asc` or `=desc`. Without a value there is
    /// no order.
    ///
    /// # Errors
    /// See [`SortError`].
    pub fn parse<'a>(mut values: impl Iterator<Item = &'a str>) -> Result<Option<Self>, SortError> {
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(SortError::Twice);
        }
        let (path, direction) = match value.split_once('=') {
            Some((path, direction)) => (path, Some(direction)),
            None => (value, None),
        };
        let descending = match direction {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(other) => return Err(SortError::Direction(other.to_owned())),
        };
        Ok(Some(Self { path: AttributePath::parse(path)?, descending }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_attribute_and_an_order() {
        let bad_path = |path| AttributePath::parse(path).err().map(SortError::Path);
        for (values, expect) in [
            (&[][..], Ok(None)),
            (&["name"], Ok(Some(("name", false)))),
            (&["labels.stage=asc"], Ok(Some(("labels.stage", false)))),
            (&["dirid=desc"], Ok(Some(("dirid", true)))),
            (&[""], Err(bad_path(""))),
            (&["name=up"], Err(Some(SortError::Direction("up".to_owned())))),
            (&["a..b"], Err(bad_path("a..b"))),
            (&["a", "b"], Err(Some(SortError::Twice))),
        ] {
            let found = Sort::parse(values.iter().copied());
            let found = found.map(|sort| sort.map(|sort| (sort.path.to_string(), sort.descending)));
            let expect = expect.map(|sort| sort.map(|(path, order)| (path.to_owned(), order)));
            assert_eq!(found.map_err(Some), expect, "{values:?}");
        }
    }
}
