//! Published versions of schemas, compared under each policy.

use std::{cmp::Ordering, collections::BTreeMap, fs, path::Path, time::Instant};

use muster_schema::{
    Certainty, ChangeClass, Direction, FormattedSchema, NoSources, Policy, SchemaContext,
    SchemaFormat,
};

use super::Slowest;
use crate::{Outcome, say};

type Schemas = BTreeMap<String, FormattedSchema>;

/// What comparing pairs found.
#[derive(Default)]
struct Counts {
    pairs: usize,
    /// For each policy and direction: compatible, broken, and pairs with nothing but undecided.
    verdicts: BTreeMap<(String, &'static str), [usize; 3]>,
    breaking: usize,
    changes: usize,
    slowest: Slowest,
}

/// Compares neighbours among the files whose names differ in a number only.
pub(super) fn compare_numbered(schemas: &Schemas) -> Outcome {
    let mut families: BTreeMap<&str, Vec<(&str, &FormattedSchema)>> = BTreeMap::new();
    for (name, schema) in schemas {
        if let Some((family, number)) = numbered(name) {
            families.entry(family).or_default().push((number, schema));
        }
    }
    let mut counts = Counts::default();
    for (family, mut versions) in families {
        versions.sort_by(|(one, _), (other, _)| order(one, other));
        for pair in versions.windows(2) {
            let [(old_name, old), (new_name, new)] = pair else { continue };
            counts.compare(&format!("{family} {old_name} to {new_name}"), old, new);
        }
    }
    counts.tell("neighbours by number")
}

/// Compares schemas with versions that were published years later.
pub(super) fn compare_later(schemas: &Schemas, folder: &Path, pairs: &str) -> Outcome {
    let mut counts = Counts::default();
    for line in pairs.lines().filter(|line| !line.starts_with('#')) {
        let Some((later, earlier)) = line.split_once(' ') else { continue };
        let Some(old) = schemas.get(earlier) else {
            say(&format!("  left out: {earlier}, because it isn't registered"));
            continue;
        };
        let context = SchemaContext { home: None, sources: &NoSources, texts: &[], notation: None };
        let bytes = fs::read(folder.join(later))?;
        match FormattedSchema::parse(SchemaFormat::JsonSchema, &bytes, &context) {
            Ok(new) => counts.compare(later, old, &new),
            Err(found) => {
                let why = found.first().map_or("", |found| &found.message);
                say(&format!("  left out: the later {later}: {why}"));
            }
        }
    }
    counts.tell("earlier and later")
}

impl Counts {
    fn compare(&mut self, name: &str, old: &FormattedSchema, new: &FormattedSchema) {
        self.pairs += 1;
        for policy in [Policy::Sound, Policy::ConfluentStrict, Policy::ConfluentLenient] {
            for (direction, word) in
                [(Direction::Backward, "backward"), (Direction::Forward, "forward")]
            {
                let begin = Instant::now();
                let found = old.compare(new, direction, policy);
                self.slowest.add(begin.elapsed(), &format!("{name}, {policy}, {word}"));
                let is_broken = found.iter().any(|one| one.certainty == Certainty::Broken);
                let verdict = if found.is_empty() { 0 } else { 2 - usize::from(is_broken) };
                self.verdicts.entry((policy.to_string(), word)).or_default()[verdict] += 1;
            }
        }
        let begin = Instant::now();
        let changes = old.difference(new);
        self.slowest.add(begin.elapsed(), &format!("{name}, difference"));
        self.changes += changes.len();
        self.breaking += usize::from(changes.iter().any(|one| one.class == ChangeClass::Breaking));
    }

    fn tell(&self, what: &str) -> Outcome {
        say(&format!("{} pairs, {what}:", self.pairs));
        for ((policy, word), [fine, broken, undecided]) in &self.verdicts {
            say(&format!(
                "  {policy}, {word}: {fine} compatible, {broken} broken, {undecided} undecided"
            ));
        }
        say(&format!(
            "  differences: {} changes, {} pairs with a breaking one",
            self.changes, self.breaking
        ));
        self.slowest.tell("comparison")
    }
}

/// The name in two: what comes before the number of its version, and the number with the rest.
fn numbered(name: &str) -> Option<(&str, &str)> {
    let stem = name.strip_suffix(".json")?;
    let begin = stem.rfind('/').map_or(0, |at| at + 1);
    let bytes = stem.as_bytes();
    let digit = |at: &usize| bytes[*at].is_ascii_digit() && b"-.v".contains(&bytes[at - 1]);
    let at = (begin + 1..bytes.len()).find(digit)?;
    Some((stem[..at].trim_end_matches(['v', '-', '.']), &stem[at..]))
}

/// The order of two versions: number by number, and a pre-release before its release.
fn order(one: &str, other: &str) -> Ordering {
    if let Some(rest) = one.strip_prefix(other) {
        return if rest.starts_with('-') { Ordering::Less } else { Ordering::Greater };
    }
    if let Some(rest) = other.strip_prefix(one) {
        return if rest.starts_with('-') { Ordering::Greater } else { Ordering::Less };
    }
    let parts = |text: &str| -> Vec<(u64, String)> {
        text.split(['.', '-']).map(|part| (part.parse().unwrap_or(0), part.to_owned())).collect()
    };
    parts(one).cmp(&parts(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_number_in_a_name_and_its_order() {
        for (name, expect) in [
            ("sarif-2.1.0-rtm.1.json", Some(("sarif", "2.1.0-rtm.1"))),
            ("traefik-v2.json", Some(("traefik", "2"))),
            ("a-1.0/schema.json", None),
            ("tsconfig.json", None),
        ] {
            assert_eq!(numbered(name), expect, "{name}");
        }
        for (one, other) in
            [("1.0", "1.0.1"), ("2.1.0-rtm.4", "2.1.0"), ("9", "10"), ("1.2", "1.10")]
        {
            assert_eq!(order(one, other), Ordering::Less, "{one} {other}");
            assert_eq!(order(other, one), Ordering::Greater, "{one} {other}");
        }
    }
}
