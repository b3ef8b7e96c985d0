use thiserror::Error;

/// The most bytes of a query. It is short because people write it.
pub const QUERY_BYTES_MAX: usize = 256;

/// The most words and phrases; each is a walk over its documents.
const TERMS_MAX: usize = 16;

/// A query in the language of the index. It is written only here, from quoted words, so a client
/// can't use what else that language has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextQuery(String);

/// Why a text isn't a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TextQueryError {
    /// It is too long.
    #[error("it has more than {QUERY_BYTES_MAX} bytes")]
    TooLong,
    /// It has too many words.
    #[error("it has more than {TERMS_MAX} words")]
    TooMany,
    /// It has no word that must be there.
    #[error("it needs a word that documents must have; letters and digits make words")]
    Empty,
    /// A phrase has no end.
    #[error("a quote is missing at the end of a phrase")]
    Quote,
}

impl TextQuery {
    /// Reads words, all of which a document must have. Quotes make a phrase, `-` before a word or a
    /// phrase excludes documents with it, and `*` at the end of a word stands for any ending.
    ///
    /// # Errors
    /// See [`TextQueryError`].
    pub fn parse(text: &str) -> Result<Self, TextQueryError> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(TextQueryError::TooLong);
        }
        // The engine reads a query up to a NUL, and no control character is part of a word.
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let without = rest.strip_prefix('-');
            let term = without.unwrap_or(rest);
            let (words, after) = match term.strip_prefix('"') {
                Some(phrase) => phrase.split_once('"').ok_or(TextQueryError::Quote)?,
                None => term.split_at(
                    term.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(term.len()),
                ),
            };
            let is_prefix = words.ends_with('*') || after.starts_with('*');
            let plain = words.trim_end_matches('*').replace('"', "\"\"");
            if plain.chars().any(char::is_alphanumeric) {
                let all = if without.is_some() { &mut unwanted } else { &mut wanted };
                all.push(format!("\"{plain}\"{}", if is_prefix { "*" } else { "" }));
            }
            rest = after.trim_start_matches('*').trim_start();
        }
        if wanted.len() + unwanted.len() > TERMS_MAX {
            return Err(TextQueryError::TooMany);
        }
        if wanted.is_empty() {
            return Err(TextQueryError::Empty);
        }
        let wanted = wanted.join(" AND ");
        if unwanted.is_empty() {
            return Ok(Self(wanted));
        }
        Ok(Self(format!("({wanted}) NOT ({})", unwanted.join(" OR "))))
    }

    /// The query in the language of the index.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_every_word() {
        let long = "a".repeat(QUERY_BYTES_MAX + 1);
        let many = "a ".repeat(TERMS_MAX + 1);
        for (text, expect) in [
            ("visual editing", Ok("\"visual\" AND \"editing\"")),
            ("\"visual editing\" hu*", Ok("\"visual editing\" AND \"hu\"*")),
            ("cms -hugo -\"a b\"", Ok("(\"cms\") NOT (\"hugo\" OR \"a b\")")),
            ("visual_editing", Ok("\"visual_editing\"")),
            (
                "name:x OR NEAR(a b) ^c",
                Ok("\"name:x\" AND \"OR\" AND \"NEAR(a\" AND \"b)\" AND \"^c\""),
            ),
            ("a\0b", Ok("\"a\" AND \"b\"")),
            ("\"a\0b\x01\u{85}c\"", Ok("\"a b  c\"")),
            ("a\x7fb\r\u{a0}c", Ok("\"a\" AND \"b\" AND \"c\"")),
            ("\0", Err(TextQueryError::Empty)),
            ("a\"b\"", Ok("\"a\" AND \"b\"")),
            ("*", Err(TextQueryError::Empty)),
            ("  ", Err(TextQueryError::Empty)),
            ("-a", Err(TextQueryError::Empty)),
            ("\"a b", Err(TextQueryError::Quote)),
            (&long, Err(TextQueryError::TooLong)),
            (&many, Err(TextQueryError::TooMany)),
        ] {
            let parsed = TextQuery::parse(text);
            assert_eq!(parsed.as_ref().map(TextQuery::as_str).map_err(|e| *e), expect, "{text}");
        }
    }
}
