use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Map, Number, Value};
use thiserror::Error;

use crate::{Places, TextPlace, limits::JSON_DEPTH_MAX, places::InnerPlaces};

/// Why bytes aren't acceptable JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {fault}")]
pub struct JsonError {
    /// The fault.
    pub fault: JsonFault,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

/// The faults of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonFault {
    /// The text ends within a value.
    #[error("the text ends before the end of the value")]
    End,
    /// JSON's grammar expects something else.
    #[error("expected {0}")]
    Expected(&'static str),
    /// There is more text after the value.
    #[error("there is more text after the end of the value")]
    Trailing,
    /// An object has the same key twice.
    #[error("the key {0:?} occurs twice in one object")]
    DuplicateKey(String),
    /// A surrogate has no partner.
    #[error("half of a surrogate pair")]
    LoneSurrogate,
    /// The text begins with a byte order mark (U+FEFF), which JSON doesn't allow (RFC 8259, 8.1).
    #[error(
        "the text begins with a byte order mark, which JSON doesn't allow; save the file without it"
    )]
    ByteOrderMark,
    /// The bytes of a string aren't UTF-8.
    #[error("the text isn't UTF-8")]
    NotUtf8,
    /// Arrays and objects are nested too deeply.
    #[error("arrays and objects are nested deeper than {JSON_DEPTH_MAX} levels")]
    TooDeep,
}

/// Parses one JSON value.
///
/// # Errors
/// See [`JsonFault`]; the error has line and column.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    Parser::new(bytes, None).document().map(|(value, _)| value)
}

/// Parses one JSON value and records the place of each value in it, for messages to people who have
/// the text.
///
/// # Errors
/// See [`JsonFault`].
pub fn parse_with_places(bytes: &[u8]) -> Result<(Value, Places), JsonError> {
    Parser::new(bytes, Some(Places::default()))
        .document()
        .map(|(value, places)| (value, places.unwrap_or_default()))
}

pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    depth: usize,
    places: Option<Places>,
    /// The places in the value that was read last, and its own number.
    inner: InnerPlaces,
    last: usize,
    /// The line of `counted`, and where it begins; it keeps the counting of lines linear.
    line: usize,
    line_start: usize,
    counted: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(bytes: &'a [u8], places: Option<Places>) -> Self {
        Self {
            bytes,
            at: 0,
            depth: 0,
            places,
            inner: InnerPlaces::None,
            last: 0,
            line: 1,
            line_start: 0,
            counted: 0,
        }
    }

    fn document(mut self) -> Result<(Value, Option<Places>), JsonError> {
        let value = self
            .value()
            .and_then(|value| if self.is_at_end() { Ok(value) } else { Err(JsonFault::Trailing) });
        match value {
            Ok(value) => Ok((value, self.places)),
            Err(fault) => Err(self.locate(fault)),
        }
    }

    /// Whether nothing but space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.space();
        self.at == self.bytes.len()
    }

    fn locate(&self, fault: JsonFault) -> JsonError {
        let before = &self.bytes[..self.at.min(self.bytes.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |index| index + 1);
        JsonError { fault, line, column: before.len() - start + 1 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The place of what comes next, if places are recorded.
    fn place(&mut self) -> Option<TextPlace> {
        self.places.as_ref()?;
        let passed = &self.bytes[self.counted..self.at];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        if let Some(last) = passed.iter().rposition(|byte| *byte == b'\n') {
            self.line_start = self.counted + last + 1;
        }
        self.counted = self.at;
        Some(TextPlace { line: self.line, column: self.at - self.line_start + 1 })
    }

    fn value(&mut self) -> Result<Value, JsonFault> {
        self.space();
        let place = self.place();
        let value = self.value_here()?;
        if let (Some(places), Some(place)) = (&mut self.places, place) {
            self.last = places.add(place, std::mem::take(&mut self.inner));
        }
        Ok(value)
    }

    pub(super) fn value_here(&mut self) -> Result<Value, JsonFault> {
        match self.peek().ok_or(JsonFault::End)? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => self.string().map(Value::String),
            b't' => self.word(b"true", Value::Bool(true)),
            b'f' => self.word(b"false", Value::Bool(false)),
            b'n' => self.word(b"null", Value::Null),
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            0xef if self.at == 0 && self.bytes.starts_with(b"\xef\xbb\xbf") => {
                Err(JsonFault::ByteOrderMark)
            }
            _ => Err(JsonFault::Expected("a JSON value")),
        }
    }

    pub(super) fn nested<T>(
        &mut self,
        inner: fn(&mut Self) -> Result<T, JsonFault>,
    ) -> Result<T, JsonFault> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(JsonFault::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, JsonFault> {
        let (mut map, mut places) = (Map::new(), BTreeMap::new());
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(map));
        }
        loop {
            self.space();
            let key_at = self.at;
            let key = self.text_of_key()?.into_owned();
            if map.contains_key(&key) {
                self.at = key_at;
                return Err(JsonFault::DuplicateKey(key));
            }
            self.colon()?;
            let value = self.value()?;
            if self.places.is_some() {
                places.insert(key.clone(), self.last);
            }
            map.insert(key, value);
            if self.more(b'}', "a comma or the end of the object")? {
                self.inner = InnerPlaces::Members(places.into_iter().collect());
                return Ok(Value::Object(map));
            }
        }
    }

    /// Reads a key and the colon after it.
    pub(super) fn key(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        self.space();
        let key = self.text_of_key()?;
        self.colon()?;
        Ok(key)
    }

    fn text_of_key(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        match self.peek() {
            Some(b'"') => self.text(),
            None => Err(JsonFault::End),
            Some(_) => Err(JsonFault::Expected("a key in quotes")),
        }
    }

    fn colon(&mut self) -> Result<(), JsonFault> {
        self.space();
        self.byte(b':', "a colon after the key")
    }

    fn array(&mut self) -> Result<Value, JsonFault> {
        let (mut items, mut places) = (Vec::new(), Vec::new());
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.places.is_some() {
                places.push(self.last);
            }
            if self.more(b']', "a comma or the end of the array")? {
                self.inner = InnerPlaces::Items(places);
                return Ok(Value::Array(items));
            }
        }
    }

    /// Reads a comma (false) or the closing bracket (true).
    pub(super) fn more(&mut self, close: u8, expected: &'static str) -> Result<bool, JsonFault> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            None => Err(JsonFault::End),
            Some(_) => Err(JsonFault::Expected(expected)),
        }
    }

    fn byte(&mut self, byte: u8, expected: &'static str) -> Result<(), JsonFault> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            None => Err(JsonFault::End),
            Some(_) => Err(JsonFault::Expected(expected)),
        }
    }

    fn word(&mut self, word: &'static [u8], value: Value) -> Result<Value, JsonFault> {
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(JsonFault::Expected("true, false or null"))
        }
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.peek() {
            _ if self.at > start => Ok(()),
            None => Err(JsonFault::End),
            Some(_) => Err(JsonFault::Expected("a digit")),
        }
    }

    fn number(&mut self) -> Result<Number, JsonFault> {
        let text = self.digits_of_number()?;
        Ok(Number::from_string_unchecked(text.to_owned()))
    }

    /// A number as it is written.
    pub(super) fn digits_of_number(&mut self) -> Result<&'a str, JsonFault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        std::str::from_utf8(&self.bytes[start..self.at])
            .map_err(|_| JsonFault::Expected("a number"))
    }

    fn string(&mut self) -> Result<String, JsonFault> {
        self.text().map(Cow::into_owned)
    }

    /// A string; one without escapes isn't copied.
    pub(super) fn text(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        self.at += 1;
        let mut out = Cow::Borrowed("");
        loop {
            let (bytes, start) = (self.bytes, self.at);
            self.at = self.end_of_run(start);
            let run = std::str::from_utf8(&bytes[start..self.at]).map_err(|error| {
                self.at = start + error.valid_up_to();
                JsonFault::NotUtf8
            })?;
            // The first run is borrowed: there was nothing before it.
            out += run;
            match self.peek() {
                None => return Err(JsonFault::End),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.to_mut().push(self.escape()?),
                Some(_) => return Err(JsonFault::Expected("no control character in a string")),
            }
        }
    }

    /// Where a run ends of characters that stand for themselves in a string.
    fn end_of_run(&self, start: usize) -> usize {
        const fn ends(byte: u8) -> bool {
            byte < 0x20 || byte == b'"' || byte == b'\\'
        }
        let mut rest = &self.bytes[start..];
        // Without a branch for each byte, a processor compares many at once.
        while let Some((chunk, after)) = rest.split_first_chunk::<32>()
            && !chunk.iter().fold(false, |found, byte| found | ends(*byte))
        {
            rest = after;
        }
        let left = rest.iter().position(|byte| ends(*byte)).unwrap_or(rest.len());
        self.bytes.len() - rest.len() + left
    }

    fn escape(&mut self) -> Result<char, JsonFault> {
        let letter = *self.bytes.get(self.at + 1).ok_or(JsonFault::End)?;
        let character = match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(JsonFault::Expected("a known escape after the backslash")),
        };
        self.at += 2;
        Ok(character)
    }

    fn unicode(&mut self) -> Result<char, JsonFault> {
        let high = self.four_digits(self.at + 2)?;
        let (code, length) = match high {
            0xd800..=0xdbff => {
                if self.bytes.get(self.at + 6..self.at + 8) != Some(b"\\u") {
                    return Err(JsonFault::LoneSurrogate);
                }
                match self.four_digits(self.at + 8)? {
                    low @ 0xdc00..=0xdfff => {
                        (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
                    }
                    _ => return Err(JsonFault::LoneSurrogate),
                }
            }
            code => (code, 6),
        };
        let character = char::from_u32(code).ok_or(JsonFault::LoneSurrogate)?;
        self.at += length;
        Ok(character)
    }

    fn four_digits(&self, at: usize) -> Result<u32, JsonFault> {
        let digits = self.bytes.get(at..at + 4).ok_or(JsonFault::End)?;
        digits.iter().try_fold(0, |code, digit| {
            let value = char::from(*digit).to_digit(16);
            value.map(|value| code * 16 + value).ok_or(JsonFault::Expected("four hex digits"))
        })
    }
}
