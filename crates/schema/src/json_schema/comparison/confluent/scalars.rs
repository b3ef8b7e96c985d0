use std::cmp::Ordering;

use muster_words::json::Value;

use super::{
    At, Confluent, Difference,
    shape::{NumberShape, TextShape},
};
use crate::json_schema::{
    comparison::evaluate::{choices, is_equal},
    decimal::compare_numbers,
};

impl<'a> Confluent<'a, '_> {
    /// A limit that breaks when it is added or moved to one side.
    pub(super) fn limit(
        &self,
        at: At,
        keyword: &str,
        ours: Option<&str>,
        theirs: Option<&str>,
        [added, moved]: [&'static str; 2],
    ) -> Option<Difference> {
        // The keywords with an upper limit have it in their name: maxLength, exclusiveMaximum.
        let bad = match keyword.contains("max") || keyword.contains("Max") {
            true => Ordering::Greater,
            false => Ordering::Less,
        };
        let below = format!("/{keyword}");
        match (ours, theirs) {
            (None, Some(_)) => self.broken(added, at, &below),
            (Some(ours), Some(theirs)) if compare_numbers(ours, theirs) == bad => {
                self.broken(moved, at, &below)
            }
            _ => None,
        }
    }

    pub(super) fn compare_texts(
        &self,
        at: At,
        ours: &TextShape<'a>,
        theirs: &TextShape<'a>,
    ) -> Vec<Difference> {
        let longest = ["max_length_added", "max_length_decreased"];
        let shortest = ["min_length_added", "min_length_increased"];
        let pattern = match (ours.pattern, theirs.pattern) {
            (None, Some(_)) => self.broken("pattern_added", at, "/pattern"),
            (Some(ours), Some(theirs)) if ours != theirs => {
                self.broken("pattern_changed", at, "/pattern")
            }
            _ => None,
        };
        let all = [
            self.limit(at, "maxLength", text(ours.most), text(theirs.most), longest),
            self.limit(at, "minLength", text(ours.least), text(theirs.least), shortest),
            pattern,
        ];
        all.into_iter().flatten().collect()
    }

    pub(super) fn compare_numbers(
        &self,
        at: At,
        ours: &NumberShape<'a>,
        theirs: &NumberShape<'a>,
    ) -> Vec<Difference> {
        let limit = |keyword: &str, ours: Option<&Value>, theirs: Option<&Value>, rules| {
            self.limit(at, keyword, text(ours), text(theirs), rules)
        };
        let narrowed = !ours.is_integer && theirs.is_integer;
        let under = ["exclusive_maximum_added", "exclusive_maximum_decreased"];
        let above = ["exclusive_minimum_added", "exclusive_minimum_increased"];
        let all = [
            limit("maximum", ours.most, theirs.most, ["maximum_added", "maximum_decreased"]),
            limit("minimum", ours.least, theirs.least, ["minimum_added", "minimum_increased"]),
            limit("exclusiveMaximum", ours.under, theirs.under, under),
            limit("exclusiveMinimum", ours.above, theirs.above, above),
            self.compare_multiples(at, ours.multiple, theirs.multiple),
            narrowed.then(|| self.broken("type_narrowed", at, "/type")).flatten(),
        ];
        all.into_iter().flatten().collect()
    }

    /// Confluent divides the whole parts alone.
    fn compare_multiples(
        &self,
        at: At,
        ours: Option<&Value>,
        theirs: Option<&Value>,
    ) -> Option<Difference> {
        let below = "/multipleOf";
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            return theirs.and_then(|_| self.broken("multiple_of_added", at, below));
        };
        if is_equal(ours, theirs) {
            return None;
        }
        match (whole(ours), whole(theirs)) {
            (Some(ours), Some(theirs)) if ours != 0 && theirs % ours == 0 => {
                self.broken("multiple_of_expanded", at, below)
            }
            (Some(ours), Some(theirs)) if theirs != 0 && ours % theirs == 0 => None,
            _ => self.broken("multiple_of_changed", at, below),
        }
    }

    pub(super) fn compare_choices(
        &self,
        at: At,
        ours: &[Value],
        theirs: &[Value],
    ) -> Vec<Difference> {
        let (own, other) = (choices(ours), choices(theirs));
        if own.is_subset(&other) {
            return Vec::new();
        }
        let rule = match other.is_subset(&own) {
            true => "enum_array_narrowed",
            false => "enum_array_changed",
        };
        self.broken(rule, at, "/enum").into_iter().collect()
    }

    pub(super) fn compare_constants(
        &self,
        at: At,
        ours: &Value,
        theirs: &Value,
    ) -> Vec<Difference> {
        match is_equal(ours, theirs) {
            true => Vec::new(),
            false => self.broken("enum_array_changed", at, "/const").into_iter().collect(),
        }
    }
}

/// The text of a number.
pub(super) fn text(limit: Option<&Value>) -> Option<&str> {
    Some(limit?.as_number()?.as_str())
}

/// The whole part of a number, as far as it fits.
#[expect(clippy::cast_possible_truncation, reason = "Confluent cuts the fraction off, too")]
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().map(|number| number as i64))
}
