//! Conditions as people write them: `monthly_cost_range < 100 && "hugo" in ssg_engine_options`.

use thiserror::Error;

use super::{FieldTest, SearchCondition};

/// The most bytes of a condition. It is short because people write it.
pub const CONDITION_BYTES_MAX: usize = 4 * 1024;

/// How deep a condition may be nested; its reader calls itself for each level.
const DEPTH_MAX: usize = 16;

/// Why a text isn't a condition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{expected} at character {at}")]
pub struct ConditionFault {
    /// The number of the character, from 1.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name, or a word such as `in`.
    Name(String),
    /// A quoted text.
    Text(String),
    /// A number, as it is written.
    Number(String),
    Sign(&'static str),
    End,
}

/// The signs; a sign comes before its own prefixes.
const SIGNS: [&str; 15] =
    ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "=", "!", "(", ")", "[", "]", ","];

impl SearchCondition {
    /// Parses a condition. Tests compare a field with a value (`==`, `!=`, `<`, `<=`, `>`, `>=`), ask
    /// whether a value is in a field (`"a" in field`) or a field in a list (`field in ["a", "b"]`), or
    /// whether a field has a value (`has(field)`). `!`, `&&`, `||` and parentheses join them.
    ///
    /// # Errors
    /// The text is no condition.
    pub fn parse(text: &str) -> Result<Self, ConditionFault> {
        if text.len() > CONDITION_BYTES_MAX {
            return Err(ConditionFault { at: 1, expected: "at most 4,096 bytes are expected" });
        }
        let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0 };
        let condition = reader.any()?;
        match reader.peek() {
            Token::End => Ok(condition),
            _ => Err(reader.expected("&&, || or the end is expected")),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ConditionFault> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text[..text.len() - rest.len()].chars().count() + 1;
        let Some(first) = rest.chars().next() else {
            tokens.push((at, Token::End));
            return Ok(tokens);
        };
        let (token, length) = match first {
            '"' | '\'' => quoted(rest, first).ok_or(ConditionFault {
                at,
                expected: "this text has no end: a quote is expected",
            })?,
            '0'..='9' | '-' | '.' => {
                let is_part = |letter: char| {
                    letter.is_ascii_digit() || matches!(letter, '.' | 'e' | 'E' | '-' | '+')
                };
                let length = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
                (Token::Number(rest[..length].to_owned()), length)
            }
            _ if first.is_alphabetic() || matches!(first, '_' | '/') => {
                let is_part = |letter: char| {
                    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '/' | '*' | '-' | '~')
                };
                let length = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
                (Token::Name(rest[..length].to_owned()), length)
            }
            _ => {
                let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
                let expected = "a field, a value or an operator is expected";
                let sign = sign.ok_or(ConditionFault { at, expected })?;
                (Token::Sign(sign), sign.len())
            }
        };
        tokens.push((at, token));
        rest = &rest[length..];
    }
}

/// A quoted text, in which `\` precedes a quote or another `\`.
fn quoted(text: &str, quote: char) -> Option<(Token, usize)> {
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => value.push(letters.next()?.1),
            _ if letter == quote => return Some((Token::Text(value), at + 1)),
            _ => value.push(letter),
        }
    }
    None
}

struct Reader {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(_, token)| token)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_there = matches!(self.peek(), Token::Sign(other) if *other == sign);
        self.at += usize::from(is_there);
        is_there
    }

    /// The error for the token that comes next.
    fn expected(&self, expected: &'static str) -> ConditionFault {
        let last = self.tokens.last().map_or(1, |(at, _)| *at);
        let at = self.tokens.get(self.at).map_or(last, |(at, _)| *at);
        ConditionFault { at, expected }
    }

    fn needs(&mut self, sign: &'static str, expected: &'static str) -> Result<(), ConditionFault> {
        if self.takes(sign) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn any(&mut self) -> Result<SearchCondition, ConditionFault> {
        if self.depth >= DEPTH_MAX {
            return Err(self.expected("less nesting is expected"));
        }
        self.depth += 1;
        let mut any = vec![self.all()?];
        while self.takes("||") {
            any.push(self.all()?);
        }
        self.depth -= 1;
        Ok(one_or(any, SearchCondition::Any))
    }

    fn all(&mut self) -> Result<SearchCondition, ConditionFault> {
        let mut all = vec![self.one()?];
        while self.takes("&&") {
            all.push(self.one()?);
        }
        Ok(one_or(all, SearchCondition::All))
    }

    fn one(&mut self) -> Result<SearchCondition, ConditionFault> {
        let mut is_not = false;
        while self.takes("!") {
            is_not = !is_not;
        }
        let one = if self.takes("(") {
            let inner = self.any()?;
            self.needs(")", ") is expected")?;
            inner
        } else {
            self.test()?
        };
        Ok(if is_not { SearchCondition::Not(Box::new(one)) } else { one })
    }

    fn test(&mut self) -> Result<SearchCondition, ConditionFault> {
        match self.next() {
            Token::Name(name) if name == "has" && self.takes("(") => {
                let field = self.name()?;
                self.needs(")", ") is expected")?;
                Ok(SearchCondition::field(&field, FieldTest::Present))
            }
            Token::Name(value) if value == "true" || value == "false" => self.value_in(value),
            Token::Name(field) => self.compared(&field),
            Token::Text(value) | Token::Number(value) => self.value_in(value),
            _ => {
                self.at -= 1;
                Err(self.expected("a field or a value is expected"))
            }
        }
    }

    fn name(&mut self) -> Result<String, ConditionFault> {
        match self.next() {
            Token::Name(name) => Ok(name),
            _ => {
                self.at -= 1;
                Err(self.expected("a field is expected"))
            }
        }
    }

    /// `"hugo" in ssg_engine_options`
    fn value_in(&mut self, value: String) -> Result<SearchCondition, ConditionFault> {
        match self.next() {
            Token::Name(word) if word == "in" => {
                Ok(SearchCondition::field(&self.name()?, FieldTest::Is(value)))
            }
            _ => {
                self.at -= 1;
                Err(self.expected("\"in\" is expected: a comparison begins with its field"))
            }
        }
    }

    fn value(&mut self) -> Result<String, ConditionFault> {
        match self.next() {
            Token::Text(value) | Token::Number(value) => Ok(value),
            Token::Name(value) if value == "true" || value == "false" => Ok(value),
            _ => {
                self.at -= 1;
                Err(self.expected("a value is expected: a quoted text, a number, true or false"))
            }
        }
    }

    fn compared(&mut self, field: &str) -> Result<SearchCondition, ConditionFault> {
        let is = |value| SearchCondition::field(field, FieldTest::Is(value));
        match self.next() {
            Token::Sign("==" | "=") => Ok(is(self.value()?)),
            Token::Sign("!=") => Ok(SearchCondition::Not(Box::new(is(self.value()?)))),
            Token::Sign("<") => Ok(SearchCondition::field(field, FieldTest::Less(self.value()?))),
            Token::Sign("<=") => {
                Ok(SearchCondition::field(field, FieldTest::AtMost(self.value()?)))
            }
            Token::Sign(">") => Ok(SearchCondition::field(field, FieldTest::More(self.value()?))),
            Token::Sign(">=") => {
                Ok(SearchCondition::field(field, FieldTest::AtLeast(self.value()?)))
            }
            Token::Name(word) if word == "in" => {
                self.needs("[", "[ is expected")?;
                let mut any = vec![is(self.value()?)];
                while self.takes(",") {
                    any.push(is(self.value()?));
                }
                self.needs("]", ", or ] is expected")?;
                Ok(one_or(any, SearchCondition::Any))
            }
            _ => {
                self.at -= 1;
                Err(self.expected("an operator is expected, such as ==, < or in"))
            }
        }
    }
}

fn one_or(
    mut all: Vec<SearchCondition>,
    join: impl Fn(Vec<SearchCondition>) -> SearchCondition,
) -> SearchCondition {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        last => {
            all.extend(last);
            join(all)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test that can't go on fails")]

    use super::*;

    fn shown(condition: &SearchCondition) -> String {
        let many = |all: &[SearchCondition], sign: &str| {
            let all: Vec<String> = all.iter().map(shown).collect();
            format!("({})", all.join(sign))
        };
        match condition {
            SearchCondition::All(all) => many(all, " and "),
            SearchCondition::Any(any) => many(any, " or "),
            SearchCondition::Not(one) => format!("not {}", shown(one)),
            SearchCondition::Field { name, test } => format!("{name} {test:?}"),
        }
    }

    #[test]
    fn reads_conditions_and_says_where_a_text_is_none() {
        let deep = format!("{}a == 1{}", "(".repeat(17), ")".repeat(17));
        let long = "a".repeat(CONDITION_BYTES_MAX + 1);
        for (text, expect) in [
            (
                r#"monthly_cost_range < 100 && "hugo" in ssg_engine_options"#,
                Ok(r#"(monthly_cost_range Less("100") and ssg_engine_options Is("hugo"))"#),
            ),
            (
                "a == 1 || b != 'x' && !(c >= -2.5e3)",
                Ok(r#"(a Is("1") or (not b Is("x") and not c AtLeast("-2.5e3")))"#),
            ),
            ("state in ['stable', 'draft']", Ok(r#"(state Is("stable") or state Is("draft"))"#)),
            (
                "has(/key_features/*) && open == true",
                Ok(r#"(/key_features/* Present and open Is("true"))"#),
            ),
            (r#"name = "a \"b\" \\""#, Ok(r#"name Is("a \"b\" \\")"#)),
            ("!!(a>1)", Ok(r#"a More("1")"#)),
            ("labels.team <= 'x'", Ok(r#"labels.team AtMost("x")"#)),
            ("", Err((1, "a field or a value"))),
            ("a", Err((2, "an operator"))),
            ("a ==", Err((5, "a value"))),
            ("a == b", Err((6, "a value"))),
            ("1 < a", Err((3, "\"in\""))),
            ("a == 'x", Err((6, "this text has no end"))),
            ("a == 1 b", Err((8, "&&"))),
            ("(a == 1", Err((8, ")"))),
            ("a in []", Err((7, "a value"))),
            ("a # 1", Err((3, "a field, a value"))),
            (&deep, Err((17, "less nesting"))),
            (&long, Err((1, "at most"))),
        ] {
            match (SearchCondition::parse(text), expect) {
                (Ok(found), Ok(expect)) => assert_eq!(shown(&found), expect, "{text}"),
                (Err(error), Err((at, beginning))) => {
                    assert_eq!(error.at, at, "{text}: {error}");
                    assert!(error.expected.starts_with(beginning), "{text}: {error}");
                }
                (found, expect) => panic!("{text}: {found:?}, not {expect:?}"),
            }
        }
    }
}
