use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

/// A path in xRegistry's dot notation (core, "xRegistry Dot Notation").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributePath(pub Vec<PathStep>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// `.name` or `['name']`
    Key(String),
    /// `[0]`
    Index(usize),
    /// `.*`
    AnyKey,
    /// `[*]`
    AnyIndex,
}

/// Why a text isn't a path.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AttributePathError {
    /// A step is empty.
    #[error("the path is empty")]
    Empty,
    /// A character isn't allowed at its place.
    #[error("Unexpected {character:?} in {path:?} at pos {at}")]
    Unexpected {
        /// The character.
        character: char,
        /// The whole path.
        path: String,
        /// The number of the character, from 1.
        at: usize,
    },
    /// The path ends in the middle of a step.
    #[error("Unexpected end of {path:?}")]
    End {
        /// The whole path.
        path: String,
    },
}

impl AttributePath {
    /// Parses a path. A dot before its first name is allowed.
    ///
    /// # Errors
    /// See [`AttributePathError`].
    pub fn parse(text: &str) -> Result<Self, AttributePathError> {
        let mut reader = Reader { text, rest: text, steps: Vec::new() };
        if text.is_empty() {
            return Err(AttributePathError::Empty);
        }
        reader.rest = text.strip_prefix('.').unwrap_or(text);
        if !reader.rest.starts_with('[') {
            reader.name()?;
        }
        while let Some(first) = reader.rest.chars().next() {
            match first {
                '.' => {
                    reader.rest = &reader.rest[1..];
                    reader.name()?;
                }
                '[' => reader.bracket()?,
                _ => return Err(reader.unexpected()),
            }
        }
        Ok(Self(reader.steps))
    }

    /// Every value at the path in an entity's attributes.
    #[must_use]
    pub fn select<'a>(&self, attributes: &'a Map<String, Value>) -> Vec<&'a Value> {
        let Some((first, rest)) = self.0.split_first() else { return Vec::new() };
        let mut found: Vec<&Value> = match first {
            PathStep::Key(name) => attributes.get(name).into_iter().collect(),
            PathStep::AnyKey => attributes.values().collect(),
            PathStep::Index(_) | PathStep::AnyIndex => Vec::new(),
        };
        for step in rest {
            // A path may continue for long after the last value.
            if found.is_empty() {
                break;
            }
            found = found.into_iter().flat_map(|value| step.of(value)).collect();
        }
        found.retain(|value| !value.is_null());
        found
    }
}

impl PathStep {
    fn of<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Key(name), Value::Object(map)) => map.get(name).into_iter().collect(),
            (Self::AnyKey, Value::Object(map)) => map.values().collect(),
            (Self::Index(index), Value::Array(items)) => items.get(*index).into_iter().collect(),
            (Self::AnyIndex, Value::Array(items)) => items.iter().collect(),
            _ => Vec::new(),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    steps: Vec<PathStep>,
}

impl Reader<'_> {
    fn unexpected(&self) -> AttributePathError {
        let path = self.text.to_owned();
        match self.rest.chars().next() {
            None => AttributePathError::End { path },
            Some(character) => {
                let before = &self.text[..self.text.len() - self.rest.len()];
                AttributePathError::Unexpected { character, path, at: before.chars().count() + 1 }
            }
        }
    }

    /// A name, up to the next dot or bracket.
    fn name(&mut self) -> Result<(), AttributePathError> {
        let end = self.rest.find(['.', '[']).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        let is_word = |character: char| {
            character.is_alphanumeric() || matches!(character, '_' | '-' | ':' | '@' | '~' | '$')
        };
        match name {
            "" => return Err(self.unexpected()),
            "*" => self.steps.push(PathStep::AnyKey),
            _ => {
                if let Some(at) = name.find(|character| !is_word(character)) {
                    self.rest = &self.rest[at..];
                    return Err(self.unexpected());
                }
                self.steps.push(PathStep::Key(name.to_owned()));
            }
        }
        self.rest = rest;
        Ok(())
    }

    /// `['name']`, `["name"]`, `[0]` or `[*]`.
    fn bracket(&mut self) -> Result<(), AttributePathError> {
        self.rest = &self.rest[1..];
        let quote = self.rest.chars().next().filter(|first| matches!(first, '\'' | '"'));
        if let Some(quote) = quote {
            let inner = &self.rest[1..];
            let end = inner.find(quote).ok_or_else(|| self.ended())?;
            self.steps.push(PathStep::Key(inner[..end].to_owned()));
            self.rest = &inner[end + 1..];
        } else {
            let end = self.rest.find(']').ok_or_else(|| self.ended())?;
            let step = match &self.rest[..end] {
                "*" => PathStep::AnyIndex,
                digits => PathStep::Index(digits.parse().map_err(|_| self.unexpected())?),
            };
            self.steps.push(step);
            self.rest = &self.rest[end..];
        }
        match self.rest.strip_prefix(']') {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(self.unexpected()),
        }
    }

    fn ended(&self) -> AttributePathError {
        AttributePathError::End { path: self.text.to_owned() }
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match step {
                PathStep::AnyKey => write!(f, "{dot}*")?,
                PathStep::AnyIndex => write!(f, "[*]")?,
                PathStep::Index(number) => write!(f, "[{number}]")?,
                PathStep::Key(name) if name.contains(['.', '[', ']', '*']) || name.is_empty() => {
                    write!(f, "['{name}']")?;
                }
                PathStep::Key(name) => write!(f, "{dot}{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_paths_and_writes_them_again() {
        for (text, expect) in [
            ("name", Some("name")),
            (".name", Some("name")),
            ("a.b.c", Some("a.b.c")),
            ("labels['a.b']", Some("labels['a.b']")),
            ("labels[\"a.b\"].c", Some("labels['a.b'].c")),
            ("stack[3]", Some("stack[3]")),
            ("stack[*].x", Some("stack[*].x")),
            ("labels.*", Some("labels.*")),
            ("['a'].b", Some("a.b")),
            ("", None),
            (".", None),
            ("a..b", None),
            ("a.", None),
            ("a b", None),
            ("a[x]", None),
            ("a[1", None),
            ("a['b]", None),
            ("a[1]b", None),
        ] {
            assert_eq!(
                AttributePath::parse(text).ok().map(|path| path.to_string()).as_deref(),
                expect
            );
        }
    }

    #[test]
    fn says_where_a_path_is_wrong() {
        let error = AttributePath::parse("dirs..dirid").err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(r#"Unexpected '.' in "dirs..dirid" at pos 6"#));
    }

    #[test]
    fn selects_within_objects_maps_and_arrays() {
        let attributes = json!({"a": {"b": [1, {"c": 2}], "n": null}, "m": {"x": "1", "y": "2"}});
        let Value::Object(attributes) = attributes else { return };
        for (path, expect) in [
            ("a.b[0]", json!([1])),
            ("a.b[1].c", json!([2])),
            ("a.b[*].c", json!([2])),
            ("a.n", json!([])),
            ("m.*", json!(["1", "2"])),
            ("a.x.y", json!([])),
            ("a.b.c", json!([])),
        ] {
            let found = AttributePath::parse(path).map(|path| json!(path.select(&attributes)));
            assert_eq!(found, Ok(expect), "{path}");
        }
    }
}
