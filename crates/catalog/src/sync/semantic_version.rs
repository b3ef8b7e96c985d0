//! The order of semantic versions (Semantic Versioning 2.0.0, 11).

use std::cmp::Ordering;

/// A semantic version, without its build metadata, which doesn't count.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SemanticVersion<'a> {
    numbers: [u64; 3],
    /// The parts of the pre-release; empty if it is a release.
    pre: Vec<&'a str>,
}

impl<'a> SemanticVersion<'a> {
    /// Reads one, with or without the customary `v`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(version, _)| version);
        let (core, pre) =
            text.split_once('-').map_or((text, None), |(core, pre)| (core, Some(pre)));
        let mut parts = core.split('.').map(number);
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        if parts.next().is_some() {
            return None;
        }
        let pre: Vec<&str> = pre.map(|pre| pre.split('.').collect()).unwrap_or_default();
        let is_part = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        pre.iter().all(is_part).then_some(Self { numbers, pre })
    }
}

/// A number without a sign; one that is too large to be held is none.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl Ord for SemanticVersion<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_release = self.pre.is_empty().cmp(&other.pre.is_empty());
        self.numbers.cmp(&other.numbers).then(by_release).then_with(|| {
            let pairs = self.pre.iter().zip(&other.pre);
            let parts = pairs.map(|(one, other)| match (number(one), number(other)) {
                (Some(one), Some(other)) => one.cmp(&other),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => one.cmp(other),
            });
            let first = parts.into_iter().find(|order| order.is_ne());
            first.unwrap_or_else(|| self.pre.len().cmp(&other.pre.len()))
        })
    }
}

impl PartialOrd for SemanticVersion<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_the_specification_says() {
        let ascending = [
            "0.9.10",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "v1.0.1+build.7",
            "1.10.0",
        ];
        for pair in ascending.windows(2) {
            let read = |at: usize| SemanticVersion::parse(pair[at]);
            assert!(read(0).is_some() && read(0) < read(1), "{pair:?}");
        }
        assert_eq!(SemanticVersion::parse("1.0.0+a"), SemanticVersion::parse("1.0.0+b"));
    }

    #[test]
    fn reads_nothing_else() {
        for text in ["", "1", "1.0", "1.0.0.0", "1.0.x", "-1.0.0", "1.0.0-", "1.0.0-a..b", "1..0"] {
            assert_eq!(SemanticVersion::parse(text), None, "{text}");
        }
    }
}
