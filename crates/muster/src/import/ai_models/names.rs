use std::collections::BTreeSet;

use muster_words::Id;

/// The most characters of an id.
const LENGTH_MAX: usize = 128;

/// Ids for names that may not be ids. Each name gets another id, also where two names differ only in
/// what an id can't tell apart.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The given ids, in lower case.
    given: BTreeSet<String>,
}

impl Names {
    /// The id for a name: `/` becomes `~`, whatever else an id can't hold becomes `_`, and an
    /// illegal beginning gets a `_` before it. A second name of the same id gets a number.
    pub fn name_of(&mut self, name: &str) -> String {
        let legal = |letter: char| match letter {
            '/' => '~',
            letter if letter.is_ascii_alphanumeric() || "-._~:@".contains(letter) => letter,
            _ => '_',
        };
        let mut id: String = name.chars().map(legal).collect();
        if !id.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_') {
            id.insert(0, '_');
        }
        id.truncate(LENGTH_MAX);
        let mut tried = id.clone();
        let mut number = 2;
        while tried.parse::<Id>().is_err() || !self.given.insert(tried.to_ascii_lowercase()) {
            let suffix = format!("~{number}");
            id.truncate(LENGTH_MAX - suffix.len());
            tried = format!("{id}{suffix}");
            number += 1;
        }
        tried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_gets_an_id_of_its_own() {
        let mut names = Names::default();
        for (name, expect) in [
            ("gpt-4o", "gpt-4o"),
            ("meta-llama/Llama-3.1-8B", "meta-llama~Llama-3.1-8B"),
            ("@cf/meta/llama", "_@cf~meta~llama"),
            ("GPT-4o", "GPT-4o~2"),
            ("gpt-4O", "gpt-4O~3"),
            ("a b+c", "a_b_c"),
            ("302ai", "302ai"),
            ("", "_"),
        ] {
            assert_eq!(names.name_of(name), expect, "{name}");
        }
        let long = "x".repeat(200);
        let (first, second) = (names.name_of(&long), names.name_of(&long));
        assert_eq!((first.len(), second.len()), (128, 128));
        assert_ne!(first, second);
    }
}
