//! Entity tags: the name of a state in `ETag`, and conditions on it in `If-Match` and
//! `If-None-Match` (RFC 9110, 8.8.3 and 13.1).
//!
//! Our tags have the form `"<position>.<tag>-<rendition>[-<encoding>]"`. Positions repeat in
//! another ledger, and after a restored backup. Therefore `tag` holds the first eight digits of the
//! command's id, which never repeats.

use std::fmt;

use http::HeaderMap;
use http::header::HeaderName;
use muster_words::Position;
use thiserror::Error;

/// Which representation of an entity a tag names. Each representation has its own tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rendition {
    /// The document. Its tag changes with the version that answers, and with the default pointer.
    Document,
    /// The attributes. Their tag changes with anything in the entity.
    Details,
    /// A collection, or an answer that filters or inlines. Its tag changes with the registry.
    Collection,
}

impl Rendition {
    const fn letter(self) -> char {
        match self {
            Self::Document => 'd',
            Self::Details => 'm',
            Self::Collection => 'c',
        }
    }

    fn of(letter: &str) -> Option<Self> {
        [Self::Document, Self::Details, Self::Collection]
            .into_iter()
            .find(|rendition| letter.chars().eq([rendition.letter()]))
    }
}

/// An entity tag of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntityTag {
    /// The position of the last change to the representation.
    pub position: Position,
    /// The first four bytes of that change's command id.
    pub tag: [u8; 4],
    /// Which representation it names.
    pub rendition: Rendition,
    /// Whether the tag is weak: the bytes may differ although the tag is the same.
    pub weak: bool,
}

/// The tag of the compressed bytes. It names the same state. None if the text isn't a tag.
#[must_use]
pub fn with_encoding(tag: &str, encoding: &str) -> Option<String> {
    tag.strip_suffix('"').map(|open| format!("{open}-{encoding}\""))
}

impl EntityTag {
    /// Parses the opaque part of a tag, without quotes. None if the tag isn't one of ours; such a
    /// tag is legal but matches nothing.
    #[must_use]
    pub fn read(opaque: &str, weak: bool) -> Option<Self> {
        let (position, rest) = opaque.split_once('.')?;
        let mut parts = rest.split('-');
        let tag = parts.next()?;
        let rendition = Rendition::of(parts.next()?)?;
        let encoding = parts.next();
        if parts.next().is_some() || encoding.is_some_and(str::is_empty) {
            return None;
        }
        let canonical = position == "0" || !position.starts_with(['0', '+']);
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if !canonical || tag.len() != 8 || !tag.bytes().all(lower) {
            return None;
        }
        let position = Position(position.parse().ok()?);
        let tag = u32::from_str_radix(tag, 16).ok()?.to_be_bytes();
        Some(Self { position, tag, rendition, weak })
    }

    /// Whether both tags name the same state in the same rendition, in any encoding.
    #[must_use]
    pub fn names_same(&self, other: &Self) -> bool {
        (self.position, self.tag, self.rendition) == (other.position, other.tag, other.rendition)
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weak = if self.weak { "W/" } else { "" };
        let tag = u32::from_be_bytes(self.tag);
        write!(f, "{weak}\"{}.{tag:08x}-{}\"", self.position, self.rendition.letter())
    }
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTagCondition {
    /// `*`: any existing entity.
    Any,
    /// A list of tags. A tag that isn't ours is None.
    Tags(Vec<Option<EntityTag>>),
}

/// The header doesn't follow the syntax of RFC 9110.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("entity tags are written as \"…\" or W/\"…\", with commas between them, or as * alone")]
pub struct ConditionError;

impl EntityTagCondition {
    /// Reads a condition from a request's headers; None if the header is missing.
    ///
    /// # Errors
    /// The header isn't a list of tags; over HTTP that is `header_error`.
    pub fn from_headers(
        headers: &HeaderMap,
        name: &HeaderName,
    ) -> Result<Option<Self>, ConditionError> {
        let mut values = headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Ok(None);
        }
        let mut tags = Vec::new();
        let mut any = false;
        for value in values {
            // Several header lines form one list (RFC 9110, 5.3).
            match Self::parse(value.as_bytes())? {
                Self::Any => any = true,
                Self::Tags(more) => tags.extend(more),
            }
        }
        match (any, tags.is_empty()) {
            (true, true) => Ok(Some(Self::Any)),
            (false, false) => Ok(Some(Self::Tags(tags))),
            _ => Err(ConditionError),
        }
    }

    /// Parses one header line.
    ///
    /// # Errors
    /// It isn't a list of tags.
    pub fn parse(value: &[u8]) -> Result<Self, ConditionError> {
        let value = value.trim_ascii();
        if value == b"*" {
            return Ok(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = value;
        loop {
            rest = trim_start(rest);
            if rest.is_empty() {
                break;
            }
            // Empty list members are ignored (RFC 9110, 5.6.1.2).
            if let Some(after) = rest.strip_prefix(b",") {
                rest = after;
                continue;
            }
            let (tag, after) = read_tag(rest)?;
            tags.push(tag);
            rest = trim_start(after);
            if !rest.is_empty() && !rest.starts_with(b",") {
                return Err(ConditionError);
            }
        }
        if tags.is_empty() { Err(ConditionError) } else { Ok(Self::Tags(tags)) }
    }

    /// Whether `If-Match` is met (strong comparison). `now` gives the entity's current tag in each
    /// rendition, or None if there is no entity. The encoding is ignored, because the client wants
    /// to change the state that it saw.
    #[must_use]
    pub fn if_match(&self, now: impl Fn(Rendition) -> Option<EntityTag>) -> bool {
        match self {
            Self::Any => now(Rendition::Details).is_some(),
            Self::Tags(tags) => tags.iter().flatten().any(|tag| {
                let now = now(tag.rendition);
                !tag.weak && now.is_some_and(|now| !now.weak && now.names_same(tag))
            }),
        }
    }

    /// Whether `If-None-Match` names the current state (weak comparison). If so, GET answers 304
    /// and a write is refused.
    #[must_use]
    pub fn if_none_match_names(&self, now: impl Fn(Rendition) -> Option<EntityTag>) -> bool {
        match self {
            Self::Any => now(Rendition::Details).is_some(),
            Self::Tags(tags) => tags
                .iter()
                .flatten()
                .any(|tag| now(tag.rendition).is_some_and(|now| now.names_same(tag))),
        }
    }
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
    &bytes[start.unwrap_or(bytes.len())..]
}

/// Parses one `[W/]"…"` and returns the rest.
fn read_tag(bytes: &[u8]) -> Result<(Option<EntityTag>, &[u8]), ConditionError> {
    let (weak, rest) = match bytes.strip_prefix(b"W/") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let rest = rest.strip_prefix(b"\"").ok_or(ConditionError)?;
    let end = rest.iter().position(|byte| *byte == b'"').ok_or(ConditionError)?;
    let (opaque, after) = (&rest[..end], &rest[end + 1..]);
    // RFC 9110, `etagc`: printable ASCII without the quote, or any byte above ASCII.
    if !opaque.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7E | 0x80..)) {
        return Err(ConditionError);
    }
    let tag = std::str::from_utf8(opaque).ok().and_then(|text| EntityTag::read(text, weak));
    Ok((tag, after))
}

#[cfg(test)]
mod tests;
