//! Medians, what they are to reach, and how that is printed.

use std::io::{self, Write as _};

/// How an earlier build of ours is called.
pub(crate) const EARLIER: &str = "the earlier build";

/// What a rate must be at least, of the earlier build's: a loss of 3 % is more than noise.
pub(crate) const NO_WORSE: f64 = 0.97;

/// What a ratio or a time is to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtLeast(f64),
    Below(f64),
}

impl Target {
    fn is_met(self, found: f64) -> bool {
        match self {
            Self::AtLeast(least) => found >= least,
            Self::Below(bound) => found < bound,
        }
    }
}

/// Everything that was measured, printed as it comes and once more at the end.
#[derive(Debug, Default)]
pub(crate) struct Report {
    lines: Vec<String>,
}

impl Report {
    /// Prints a line now.
    pub(crate) fn say(&self, text: &str) {
        // Nobody reads on where this can't be written.
        let _ = writeln!(io::stdout(), "{text}");
    }

    /// Keeps a result that has a target.
    pub(crate) fn result(&mut self, what: &str, found: f64, unit: &str, target: Target) {
        let word = if target.is_met(found) { "met" } else { "MISSED" };
        let wanted = match target {
            Target::AtLeast(least) => format!("at least {least:.2}{unit}"),
            Target::Below(bound) => format!("under {bound}{unit}"),
        };
        self.keep(format!("| {what} | {found:.2}{unit} | {wanted} | {word} |"));
    }

    /// Keeps a result that stands for itself.
    pub(crate) fn fact(&mut self, what: &str, found: &str) {
        self.keep(format!("| {what} | {found} | | |"));
    }

    /// Keeps the word that something couldn't be measured.
    pub(crate) fn skip(&mut self, why: &str) {
        self.keep(format!("| skipped: {why} | | | |"));
    }

    fn keep(&mut self, line: String) {
        self.say(&line);
        self.lines.push(line);
    }

    /// Prints all results as a table.
    pub(crate) fn end(&self) {
        self.say("\n| what | found | target | |\n|---|---|---|---|");
        self.say(&self.lines.join("\n"));
    }
}

/// The value in the middle; of an even number the upper one.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_value_in_the_middle() {
        for (values, expect) in [
            (vec![], 0.0),
            (vec![3.0], 3.0),
            (vec![9.0, 1.0, 2.0], 2.0),
            (vec![4.0, 1.0, 2.0, 3.0], 3.0),
        ] {
            assert!((median(values.clone()) - expect).abs() < f64::EPSILON, "{values:?}");
        }
    }
}
