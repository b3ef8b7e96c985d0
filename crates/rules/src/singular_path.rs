//! A place in a document, as a singular query of JSONPath (RFC 9535, section 2.3.5.1): it names at
//! most one value, so that a value can also be put there.

use std::fmt;

use muster_words::json::{Map, Value};
use thiserror::Error;

/// The most steps of a place.
const STEPS_MAX: usize = 16;

/// The largest text of a place, in bytes.
const PLACE_BYTES_MAX: usize = 1024;

/// A place in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SingularPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of an object.
    Name(String),
    /// A value of an array; from its end if it is negative.
    Index(i64),
}

/// Why a text isn't a place. Columns count characters from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SingularPathError {
    /// It doesn't begin with `$`.
    #[error("it must begin with $, which is the whole document")]
    Root,
    /// Something in it isn't a step.
    #[error(
        "column {column}: a place is $, then .name, ['name'] or [index]; to take more than one \
         value, name the list, and say in value what to make of it, such as value.map(one, one.name)"
    )]
    Step {
        /// Where the step begins.
        column: usize,
    },
    /// It is too long.
    #[error("it has more than {STEPS_MAX} steps, or more than {PLACE_BYTES_MAX} bytes")]
    TooLong,
}

/// Why a value can't be put at a place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} can't be put at {place}")]
pub struct NoSuchPlace {
    place: String,
    what: &'static str,
}

impl SingularPath {
    /// Reads a place.
    ///
    /// # Errors
    /// See [`SingularPathError`].
    pub fn parse(text: &str) -> Result<Self, SingularPathError> {
        if text.len() > PLACE_BYTES_MAX {
            return Err(SingularPathError::TooLong);
        }
        let mut rest = text.strip_prefix('$').ok_or(SingularPathError::Root)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let at = text.len() - rest.len();
            let column = text[..at].chars().count() + 1;
            // Blank space may stand between steps (section 2.1.1).
            let begun = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            let (step, after) = step(begun).ok_or(SingularPathError::Step { column })?;
            steps.push(step);
            if steps.len() > STEPS_MAX {
                return Err(SingularPathError::TooLong);
            }
            rest = after;
        }
        Ok(Self { steps })
    }

    /// The value at this place; none if there is none.
    #[must_use]
    pub fn get<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(document, |value, step| match (value, step) {
            (Value::Object(members), Step::Name(name)) => members.get(name),
            (Value::Array(items), Step::Index(index)) => items.get(position(items, *index)?),
            _ => None,
        })
    }

    /// Puts a value at this place. Objects that lead there are made; a list grows by one value at
    /// its end.
    ///
    /// # Errors
    /// Something on the way isn't what the place needs.
    pub fn set(&self, document: &mut Value, value: Value) -> Result<(), NoSuchPlace> {
        let refused = |what| NoSuchPlace { place: self.to_string(), what };
        let mut at = document;
        for step in &self.steps {
            // What is missing is made, and so is what is null.
            if at.is_null() {
                *at = match step {
                    Step::Name(_) => Value::Object(Map::new()),
                    Step::Index(_) => Value::Array(Vec::new()),
                };
            }
            at = match (at, step) {
                (Value::Object(members), Step::Name(name)) => {
                    members.entry(name.clone()).or_insert(Value::Null)
                }
                (Value::Array(items), Step::Index(index)) => {
                    if usize::try_from(*index).is_ok_and(|index| index == items.len()) {
                        items.push(Value::Null);
                    }
                    let known = position(items, *index);
                    let item = known.and_then(|index| items.get_mut(index));
                    item.ok_or_else(|| refused("a value beyond the end of a list"))?
                }
                (_, Step::Name(_)) => return Err(refused("a member of what isn't an object")),
                (_, Step::Index(_)) => return Err(refused("a value of what isn't a list")),
            };
        }
        *at = value;
        Ok(())
    }

    /// Removes the value at this place, if there is one. The whole document stays.
    pub fn remove(&self, document: &mut Value) {
        let Some((last, steps)) = self.steps.split_last() else { return };
        let mut at = document;
        for step in steps {
            let next = match (at, step) {
                (Value::Object(members), Step::Name(name)) => members.get_mut(name),
                (Value::Array(items), Step::Index(index)) => {
                    let known = position(items, *index);
                    known.and_then(|index| items.get_mut(index))
                }
                _ => None,
            };
            let Some(next) = next else { return };
            at = next;
        }
        match (at, last) {
            (Value::Object(members), Step::Name(name)) => {
                members.remove(name);
            }
            (Value::Array(items), Step::Index(index)) => {
                if let Some(index) = position(items, *index).filter(|index| *index < items.len()) {
                    items.remove(index);
                }
            }
            _ => {}
        }
    }
}

/// The position in a list that an index names.
fn position(items: &[Value], index: i64) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

/// The first step of a text, and what follows it.
fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(name) = text.strip_prefix('.') {
        let is_first =
            |letter: char| letter.is_ascii_alphabetic() || letter == '_' || letter >= '\u{80}';
        let is_next = |letter: char| is_first(letter) || letter.is_ascii_digit();
        let end = name.find(|letter| !is_next(letter)).unwrap_or(name.len());
        let (name, rest) = name.split_at(end);
        return name.starts_with(is_first).then(|| (Step::Name(name.to_owned()), rest));
    }
    let inner = text.strip_prefix('[')?;
    if let Some(quote) = inner.chars().next().filter(|letter| matches!(letter, '\'' | '"')) {
        let (name, rest) = quoted(&inner[1..], quote)?;
        return Some((Step::Name(name), rest.strip_prefix(']')?));
    }
    let (digits, rest) = inner.split_once(']')?;
    let plain = digits.strip_prefix('-').unwrap_or(digits);
    let is_number = plain.bytes().all(|byte| byte.is_ascii_digit());
    let is_short = digits == "0" || !plain.starts_with('0');
    let index = digits.parse::<i64>().ok().filter(|_| is_number && is_short)?;
    // Numbers that other programs hold exactly (section 2.1).
    (index.unsigned_abs() < 1 << 53).then_some((Step::Index(index), rest))
}

/// A text in quotes (section 2.3.1.1), after its first quote: what it says, and what follows it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut said = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                let (_, escaped) = letters.next()?;
                said.push(match escaped {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    '/' | '\\' => escaped,
                    'u' => unicode(&mut letters)?,
                    _ if escaped == quote => quote,
                    _ => return None,
                });
            }
            _ if letter == quote => return Some((said, &text[at + 1..])),
            _ if letter < ' ' => return None,
            _ => said.push(letter),
        }
    }
    None
}

/// The letter that `\u` and what follows it mean; two of them if it is written as surrogates.
fn unicode(letters: &mut std::str::CharIndices<'_>) -> Option<char> {
    let first = four_digits(letters)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    (letters.next()?.1 == '\\' && letters.next()?.1 == 'u').then_some(())?;
    let second = four_digits(letters).filter(|second| (0xDC00..0xE000).contains(second))?;
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
}

fn four_digits(letters: &mut std::str::CharIndices<'_>) -> Option<u32> {
    (0..4).try_fold(0, |sum, _| Some(sum * 16 + letters.next()?.1.to_digit(16)?))
}

/// As a normalized path (section 2.7).
impl fmt::Display for SingularPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for step in &self.steps {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Name(name) => {
                    f.write_str("['")?;
                    for letter in name.chars() {
                        match letter {
                            '\u{8}' => f.write_str("\\b")?,
                            '\u{c}' => f.write_str("\\f")?,
                            '\n' => f.write_str("\\n")?,
                            '\r' => f.write_str("\\r")?,
                            '\t' => f.write_str("\\t")?,
                            '\'' | '\\' => write!(f, "\\{letter}")?,
                            _ if letter < ' ' => write!(f, "\\u{:04x}", u32::from(letter))?,
                            _ => write!(f, "{letter}")?,
                        }
                    }
                    f.write_str("']")?;
                }
            }
        }
        Ok(())
    }
}
