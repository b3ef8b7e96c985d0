use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{Xid, limits::ID_LENGTH_MAX};

/// A pattern of places in a registry: a group type, a group, a resource type or a resource, with
/// everything in it, as a prefix of an xid (`/providers/cms`). `*` in a step stands for any
/// characters: `/providers/*/entries/sanity-*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct XidPattern {
    steps: Vec<Box<str>>,
}

/// The places that match any of these patterns. Without a pattern there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct XidPatterns(Vec<XidPattern>);

/// How a path relates to the places of patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// None of them is at or below it.
    Outside,
    /// Some of them may be below it, but it isn't one of them.
    Above,
    /// It is one of them, or is in one.
    Within,
}

/// Why a text isn't a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum XidPatternError {
    /// It has no step, or too many.
    #[error("a place has one to four steps, such as /providers/cms/entries/sanity")]
    Depth,
    /// A step has a character that isn't allowed in names.
    #[error("a step of a place is a name, in which * stands for any letters")]
    Step,
}

/// The number of steps in the longest pattern: groups, group, resources, resource.
const STEPS_MAX: usize = 4;

impl XidPattern {
    /// Its steps, in which `*` stands for any characters.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| &**step)
    }

    /// Whether one of its steps matches a name.
    #[must_use]
    pub fn step_matches(step: &str, name: &str) -> bool {
        matches(step, name)
    }

    fn coverage<'a>(&self, path: impl Iterator<Item = &'a str>) -> Coverage {
        let mut own = self.steps.iter();
        for step in path {
            match own.next() {
                None => return Coverage::Within,
                Some(pattern) if matches(pattern, step) => {}
                Some(_) => return Coverage::Outside,
            }
        }
        if own.next().is_none() { Coverage::Within } else { Coverage::Above }
    }
}

/// Whether a step matches: the parts between the stars occur in their order.
fn matches(pattern: &str, step: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == step };
    let Some(mut left) = step.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

impl FromStr for XidPattern {
    type Err = XidPatternError;

    fn from_str(text: &str) -> Result<Self, XidPatternError> {
        let inner = text.strip_prefix('/').unwrap_or(text);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let steps: Vec<Box<str>> = inner.split('/').map(Into::into).collect();
        if inner.is_empty() || steps.len() > STEPS_MAX {
            return Err(XidPatternError::Depth);
        }
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:@*".contains(&byte);
        let fits =
            |step: &str| (1..=ID_LENGTH_MAX).contains(&step.len()) && step.bytes().all(letter);
        match steps.iter().all(|step| fits(step)) {
            true => Ok(Self { steps }),
            false => Err(XidPatternError::Step),
        }
    }
}

impl fmt::Display for XidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| write!(f, "/{step}"))
    }
}

impl XidPatterns {
    /// Whether there is none, so that no place is in them.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The places of these patterns.
    #[must_use]
    pub fn new(patterns: Vec<XidPattern>) -> Self {
        Self(patterns)
    }

    /// The patterns.
    pub fn iter(&self) -> impl Iterator<Item = &XidPattern> {
        self.0.iter()
    }

    /// How a path relates to these places, given by its steps.
    pub fn coverage_of<'a>(&self, steps: impl Iterator<Item = &'a str> + Clone) -> Coverage {
        let each = self.0.iter().map(|pattern| pattern.coverage(steps.clone()));
        each.max().unwrap_or(Coverage::Outside)
    }

    /// How the path of an entity or a collection relates to these places.
    #[must_use]
    pub fn coverage(&self, path: &str) -> Coverage {
        self.coverage_of(path.split('/').filter(|step| !step.is_empty()))
    }

    /// Whether an entity is one of these places, or is in one.
    #[must_use]
    pub fn holds(&self, xid: &Xid) -> bool {
        self.coverage(&xid.to_string()) == Coverage::Within
    }
}

impl fmt::Display for XidPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            write!(f, "{}{pattern}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use super::*;

    #[test]
    fn tells_how_a_path_lies_to_a_place() {
        use Coverage::{Above, Outside, Within};
        for (pattern, path, expect) in [
            ("/providers", "/", Above),
            ("/providers", "/providers", Within),
            ("/providers", "/providers/cms/entries/sanity/versions/1", Within),
            ("/providers", "/providersx", Outside),
            ("/providers/cms", "/providers", Above),
            ("/providers/cms", "/providers/cms", Within),
            ("/providers/cms", "/providers/cmsx", Outside),
            ("/providers/cms", "/providers/cm", Outside),
            ("/providers/cms", "/stacks/cms", Outside),
            ("/providers/*", "/providers", Above),
            ("/providers/*", "/providers/ssg", Within),
            ("/*/cms", "/providers", Above),
            ("/*/cms", "/providers/ssg", Outside),
            ("/a/b/c/d-*", "/a/b/c", Above),
            ("/a/b/c/d-*", "/a/b/c/d", Outside),
            ("/a/b/c/d-*", "/a/b/c/d-", Within),
            ("/a/b/c/d-*", "/a/b/c/d-1/meta", Within),
            ("/a/b/c/*x*y", "/a/b/c/axby", Within),
            ("/a/b/c/*x*y", "/a/b/c/ayx", Outside),
            ("/a/b/c/x*x", "/a/b/c/x", Outside),
            ("/a/b/c/x*x", "/a/b/c/xx", Within),
        ] {
            let patterns = XidPatterns::new(vec![pattern.parse().unwrap()]);
            assert_eq!(patterns.coverage(path), expect, "{pattern} {path}");
        }
    }

    #[test]
    fn the_nearest_of_several_places_counts() {
        let patterns = ["/a/b", "/c"].map(|text| text.parse().unwrap());
        let patterns = XidPatterns::new(patterns.to_vec());
        assert_eq!(patterns.to_string(), "/a/b /c");
        for (path, expect) in [
            ("", Coverage::Above),
            ("/a", Coverage::Above),
            ("/a/b/x", Coverage::Within),
            ("/c", Coverage::Within),
            ("/d", Coverage::Outside),
        ] {
            assert_eq!(patterns.coverage(path), expect, "{path}");
        }
        assert_eq!(XidPatterns::default().coverage(""), Coverage::Outside);
    }

    #[test]
    fn reads_places_alone() {
        for (text, expect) in [
            ("/providers/cms", Ok("/providers/cms")),
            ("providers/cms/", Ok("/providers/cms")),
            ("/a/*/c/d*", Ok("/a/*/c/d*")),
            ("", Err(XidPatternError::Depth)),
            ("/", Err(XidPatternError::Depth)),
            ("/a/b/c/d/versions", Err(XidPatternError::Depth)),
            ("/a//c", Err(XidPatternError::Step)),
            ("/a b", Err(XidPatternError::Step)),
            ("/a/b%2f", Err(XidPatternError::Step)),
        ] {
            let read: Result<XidPattern, _> = text.parse();
            assert_eq!(
                read.map(|pattern| pattern.to_string()),
                expect.map(str::to_owned),
                "{text}"
            );
        }
    }
}
