use crate::{
    Severity, Violation,
    limits::{MESSAGE_MAX, POINTER_BYTES_MAX, VIOLATIONS_MAX},
    messages,
};

/// Collects the violations of a document, whoever finds them: at most
/// [`VIOLATIONS_MAX`] errors and as many warnings, each bounded in its bytes. The rest is counted.
#[derive(Debug, Default)]
pub struct FoundViolations {
    errors: BoundedList,
    warnings: BoundedList,
}

#[derive(Debug, Default)]
struct BoundedList {
    kept: Vec<Violation>,
    /// Those that aren't kept.
    more: usize,
}

impl FoundViolations {
    /// Adds a violation, which is only made if there is room for it.
    pub fn add_with(&mut self, severity: Severity, make: impl FnOnce() -> Violation) {
        let list = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        if list.kept.len() < VIOLATIONS_MAX {
            list.kept.push(make().bounded());
        } else {
            list.more += 1;
        }
    }

    /// Whether there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        !self.errors.kept.is_empty()
    }

    /// Whether further errors would only be counted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.errors.kept.len() >= VIOLATIONS_MAX
    }

    /// All of them, errors first.
    #[must_use]
    pub fn finish(self) -> Vec<Violation> {
        let mut all = self.errors.finish(Severity::Error);
        all.append(&mut self.warnings.finish(Severity::Warning));
        all
    }
}

impl Extend<Violation> for FoundViolations {
    fn extend<T: IntoIterator<Item = Violation>>(&mut self, all: T) {
        for violation in all {
            self.add_with(violation.severity, || violation);
        }
    }
}

impl BoundedList {
    fn finish(mut self, severity: Severity) -> Vec<Violation> {
        if self.more > 0 {
            self.more += 1;
            self.kept.truncate(VIOLATIONS_MAX - 1);
            let message = format!("and {} more violations", self.more);
            self.kept.push(Violation { severity, ..Violation::keyword("", "$schema", message) });
        }
        self.kept
    }
}

impl Violation {
    /// The same within [`POINTER_BYTES_MAX`] and [`MESSAGE_MAX`].
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if self.pointer.len() > POINTER_BYTES_MAX {
            // The place of a value around it, so cut in front of a step.
            let bytes = &self.pointer.as_bytes()[..=POINTER_BYTES_MAX];
            let end = bytes.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            self.pointer.truncate(end);
        }
        self.message = messages::cut(self.message, MESSAGE_MAX);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_hundred_of_each_and_counts_the_rest() {
        let mut found = FoundViolations::default();
        assert!(!found.has_errors());
        for (severity, count) in [(Severity::Warning, 250), (Severity::Error, 101)] {
            found.extend((0..count).map(|index| Violation {
                severity,
                ..Violation::reference(format!("/{index}"), "there is no such document")
            }));
        }
        assert!(found.has_errors());
        let all = found.finish();
        assert_eq!(all.len(), 2 * VIOLATIONS_MAX);
        let (errors, warnings) = all.split_at(VIOLATIONS_MAX);
        assert_eq!(errors[98].pointer, "/98");
        assert_eq!(errors[99].message, "and 2 more violations");
        assert!(errors.iter().all(Violation::is_error));
        assert_eq!(warnings[99].message, "and 151 more violations");
        assert!(!warnings.iter().any(Violation::is_error));
    }

    #[test]
    fn names_a_value_around_a_place_whose_pointer_is_long() {
        for (pointer, expect) in [
            (format!("/a/{}/b", "x".repeat(5_000)), "/a".to_owned()),
            ("ä".repeat(2_000), String::new()),
            (format!("/{}", "y".repeat(1_023)), format!("/{}", "y".repeat(1_023))),
            (format!("/{}/1", "y".repeat(1_023)), format!("/{}", "y".repeat(1_023))),
        ] {
            let bounded = Violation::keyword(pointer, "type", "z".repeat(5_000)).bounded();
            assert_eq!(bounded.pointer, expect);
            assert!(bounded.message.chars().count() <= MESSAGE_MAX + 1);
        }
    }
}
