//! Entity tags: how a state is named in `ETag`, and conditions on it in `If-Match` and
//! `If-None-Match` (RFC 9110, 8.8.3 and 13.1).
//!
//! A tag of ours is `"<position>.<tag>-<rendition>[-<encoding>]"`. The tag, the first eight digits of
//! the command's id, is there because positions repeat, in another ledger or after a backup was
//! restored, and command ids don't.

use std::fmt;

use http::HeaderMap;
use http::header::HeaderName;
use muster_words::Position;
use thiserror::Error;

/// Which representation of an entity a tag names: each has tags of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rendition {
    /// The document: moves with the version that answers and with the pointer that chose it.
    Document,
    /// The attributes: moves with anything in the entity.
    Details,
    /// A collection, or an answer that filters or inlines: moves with the registry.
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

/// A tag of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntityTag {
    /// The position of the last change that the representation shows.
    pub position: Position,
    /// The first four bytes of that change's command id.
    pub tag: [u8; 4],
    /// Which representation it names.
    pub rendition: Rendition,
    /// The bytes may differ while the tag doesn't.
    pub weak: bool,
}

/// The tag of the same bytes after compression, which names the same state; none: the text is no
/// tag.
#[must_use]
pub fn with_encoding(tag: &str, encoding: &str) -> Option<String> {
    tag.strip_suffix('"').map(|open| format!("{open}-{encoding}\""))
}

impl EntityTag {
    /// Reads the opaque part of a tag, without its quotes. None where it isn't one of ours: such
    /// a tag is legal, and matches nothing.
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

    /// Whether both name the same state in the same rendition, however encoded.
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

/// What `If-Match` or `If-None-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityTagCondition {
    /// `*`: whatever there is.
    Any,
    /// These tags; those that aren't ours are None.
    Tags(Vec<Option<EntityTag>>),
}

/// A header of conditions that isn't written as RFC 9110 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("entity tags are written as \"…\" or W/\"…\", with commas between them, or as * alone")]
pub struct ConditionError;

impl EntityTagCondition {
    /// Reads a condition from a request's headers; None where there is none.
    ///
    /// # Errors
    /// The header isn't a list of tags; on the wire that is `header_error`.
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
            // Several lines are one list (RFC 9110, 5.3).
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

    /// Reads one line.
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
            // Empty members of a list are passed over (RFC 9110, 5.6.1.2).
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

    /// Whether `If-Match` holds (strong comparison), given the tag that the entity has now in each
    /// rendition; None where there is no entity. A tag's encoding doesn't matter: it is the state that
    /// is to be what the client saw.
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

    /// Whether `If-None-Match` names what there is (weak comparison): then GET answers 304, and a
    /// write is refused.
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

/// Reads one `[W/]"…"` and what follows it.
fn read_tag(bytes: &[u8]) -> Result<(Option<EntityTag>, &[u8]), ConditionError> {
    let (weak, rest) = match bytes.strip_prefix(b"W/") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let rest = rest.strip_prefix(b"\"").ok_or(ConditionError)?;
    let end = rest.iter().position(|byte| *byte == b'"').ok_or(ConditionError)?;
    let (opaque, after) = (&rest[..end], &rest[end + 1..]);
    // etagc: printable without the quote, or beyond ASCII.
    if !opaque.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7E | 0x80..)) {
        return Err(ConditionError);
    }
    let tag = std::str::from_utf8(opaque).ok().and_then(|text| EntityTag::read(text, weak));
    Ok((tag, after))
}

#[cfg(test)]
mod tests;
