//! Muster's YAML (1.2.2, core schema): read into the same values as strict JSON.
//!
//! The reader takes what every reader takes for the same value, and refuses the rest with its
//! place: several documents in one text, duplicate keys, keys that are lists or maps, tags outside
//! of the core schema, and numbers that JSON can't hold. `<<` is a key like any other, as YAML 1.2
//! has it. Aliases are expanded up to [`YAML_ALIAS_BYTES_MAX`]. Bytes that are strict JSON have the
//! value that they have as JSON.
//!
//! A fold lifts facts from documents with this reader, so the same bytes must have the same value
//! in every release, and what was refused must stay refused where facts are lifted, because it has
//! none. So the parser beneath has a pinned version: another one is a change of what a fold means.

mod loader;
mod scalar;

use serde_json::Value;
use thiserror::Error;

use crate::{
    Places, json,
    limits::{JSON_DEPTH_MAX, YAML_ALIAS_BYTES_MAX, YAML_INDICATORS_MAX},
};

/// Why bytes aren't acceptable YAML, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct YamlError {
    /// The fault.
    pub fault: YamlFault,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// The faults of YAML.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum YamlFault {
    /// The bytes aren't UTF-8.
    #[error("the text isn't UTF-8")]
    NotUtf8,
    /// There is a character that YAML doesn't allow (YAML 1.2.2, 5.1).
    #[error("the character U+{:04X} is not allowed", u32::from(*.0))]
    Character(char),
    /// YAML's grammar expects something else. Holds the parser's words.
    #[error("it isn't YAML: {0}")]
    Syntax(String),
    /// There is no document in the text.
    #[error("the text has no document")]
    Empty,
    /// There are several documents in the text.
    #[error("a second document begins here; a text holds one")]
    Several,
    /// A map has the same key twice.
    #[error("the key {0:?} occurs twice in one map")]
    DuplicateKey(String),
    /// A key is a list or a map, or an alias of what isn't text.
    #[error("a key must be text")]
    Key,
    /// A tag isn't one of the core schema.
    #[error("the tag {0} is unknown; only those of the core schema are, such as !!str")]
    Tag(String),
    /// A value isn't what its tag says.
    #[error("{text:?} isn't what its tag {tag} says")]
    Mistagged {
        /// The tag.
        tag: &'static str,
        /// The beginning of the text.
        text: String,
    },
    /// JSON has no infinite numbers, and none that is none.
    #[error("{0} is a number that JSON can't hold; quote it if it is text")]
    NotFinite(String),
    /// A number in base 8 or 16 is too large.
    #[error("a number written with 0o or 0x has at most 128 bits")]
    TooManyBits,
    /// An alias is within what it stands for.
    #[error("the alias stands for something that it is in itself")]
    Endless,
    /// The aliases stand for too much.
    #[error("aliases stand for more than {YAML_ALIAS_BYTES_MAX} bytes")]
    TooMuch,
    /// There are too many indicators for the parser.
    #[error("the characters , : [ ] {{ }} occur more than {YAML_INDICATORS_MAX} times")]
    TooManyIndicators,
    /// Lists and maps are nested too deeply.
    #[error("lists and maps are nested deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
}

/// Parses one YAML document.
///
/// # Errors
/// See [`YamlFault`]; the error has line and column.
pub fn parse(bytes: &[u8]) -> Result<Value, YamlError> {
    if may_be_json(bytes)
        && let Ok(value) = json::parse(bytes)
    {
        return Ok(value);
    }
    loader::load(text(bytes)?).map(loader::Nodes::into_value)
}

/// Parses one YAML document and records the place of each value in it, for messages to people who
/// have the text. What an alias stands for has the place where it is written.
///
/// # Errors
/// See [`YamlFault`].
pub fn parse_with_places(bytes: &[u8]) -> Result<(Value, Places), YamlError> {
    if may_be_json(bytes)
        && let Ok(found) = json::parse_with_places(bytes)
    {
        return Ok(found);
    }
    let nodes = loader::load(text(bytes)?)?;
    let places = nodes.places();
    Ok((nodes.into_value(), places))
}

/// Whether the text begins as JSON of more than one word does. Looking for more costs time in most
/// YAML.
fn may_be_json(bytes: &[u8]) -> bool {
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}

/// The text, if it has only characters that YAML allows, and not too many of those with a meaning.
fn text(bytes: &[u8]) -> Result<&str, YamlError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        located(&String::from_utf8_lossy(before), YamlFault::NotUtf8)
    })?;
    let at = |at, fault| Err(located(text.get(..at).unwrap_or_default(), fault));
    let mut indicators = 0;
    for (index, character) in text.char_indices() {
        if !is_printable(character) {
            return at(index, YamlFault::Character(character));
        }
        indicators += usize::from(matches!(character, ',' | ':' | '[' | ']' | '{' | '}'));
        if indicators > YAML_INDICATORS_MAX {
            return at(index, YamlFault::TooManyIndicators);
        }
    }
    Ok(text)
}

/// YAML 1.2.2, production 1.
const fn is_printable(character: char) -> bool {
    matches!(character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// The fault after a text.
fn located(before: &str, fault: YamlFault) -> YamlError {
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
    YamlError { fault, line, column }
}

#[cfg(test)]
mod tests;
