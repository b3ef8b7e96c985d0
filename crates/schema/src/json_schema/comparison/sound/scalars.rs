//! Keywords that are compared by what they say: bounds, lengths, counts, texts.

use std::cmp::Ordering;

use muster_words::json::Value;

use super::Pair;
use crate::json_schema::{
    comparison::{
        checker::Checker, evaluate::choices, finding::Finding, kinds::Kinds, places::PlaceId,
        writer::Flat,
    },
    decimal::{Decimal, Divisor, compare_numbers},
};

impl<'a> Checker<'a> {
    pub(super) fn scalar_contains(
        &mut self,
        pair: &Pair<'_, 'a>,
        keyword: &'a str,
        said: &'a Value,
    ) -> Option<Finding> {
        let (flat, reader) = (&pair.flat, pair.reader);
        let rule = match keyword {
            "type" => self.type_broken(flat, reader),
            "enum" | "const" => self.choices_broken(flat, keyword, said),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => {
                self.bound_broken(flat, reader, keyword, said)
            }
            "multipleOf" => self.multiple_broken(flat, said),
            "pattern" => {
                self.text_broken(flat, keyword, said, ["pattern_added", "pattern_changed"])
            }
            "format" => self.format_broken(flat, reader, said),
            "contentEncoding" | "contentMediaType" => {
                self.content_broken(flat, reader, keyword, said)
            }
            "uniqueItems" => self.unique_broken(flat, said),
            _ => self.count_broken(flat, keyword, said),
        }?;
        if rule == "pattern_changed" || rule == "format_changed" || rule == "content_changed" {
            return Some(self.undecided(rule, flat, reader, &format!("/{keyword}")));
        }
        Some(self.finding(rule, flat, reader, format!("/{keyword}")))
    }

    fn type_broken(&self, flat: &Flat<'a>, reader: PlaceId) -> Option<&'static str> {
        let place = self.places.get(reader);
        let wanted = Kinds::of_type(place.value.as_object()?, place.dialect);
        if flat.kinds.is_within(wanted) {
            return None;
        }
        Some(if flat.kinds.meets(wanted) { "type_narrowed" } else { "type_changed" })
    }

    fn choices_broken(&self, flat: &Flat<'a>, keyword: &str, said: &Value) -> Option<&'static str> {
        let wanted = match said {
            Value::Array(list) if keyword == "enum" => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let Some(values) = &flat.values else { return Some("enum_array_added") };
        let (wanted, values) = (choices(wanted), choices(values.iter().copied()));
        match values.intersection(&wanted).count() {
            found if found == values.len() => None,
            0 => Some("enum_array_changed"),
            _ => Some("enum_array_narrowed"),
        }
    }

    /// The limit that the writer keeps on one side, and whether it isn't reached; the strictest.
    fn bound_of(&self, flat: &Flat<'a>, side: Ordering) -> Option<(&'a str, bool)> {
        let (inclusive, exclusive) = match side {
            Ordering::Less => ("minimum", "exclusiveMinimum"),
            _ => ("maximum", "exclusiveMaximum"),
        };
        let mut strictest: Option<(&'a str, bool)> = None;
        for (id, _) in &flat.met {
            let flagged = self.places.keyword(*id, exclusive) == Some(&Value::Bool(true));
            for (keyword, excludes) in [(inclusive, flagged), (exclusive, true)] {
                let Some(Value::Number(limit)) = self.places.keyword(*id, keyword) else {
                    continue;
                };
                let found = (limit.as_str(), excludes);
                let is_stricter = strictest.is_none_or(|known| keeps(side, found, known));
                if is_stricter {
                    strictest = Some(found);
                }
            }
        }
        strictest
    }

    fn bound_broken(
        &self,
        flat: &Flat<'a>,
        reader: PlaceId,
        keyword: &str,
        said: &'a Value,
    ) -> Option<&'static str> {
        let Value::Number(limit) = said else { return None };
        let (side, flag) = match keyword {
            "minimum" | "exclusiveMinimum" => (Ordering::Less, "exclusiveMinimum"),
            _ => (Ordering::Greater, "exclusiveMaximum"),
        };
        let flagged = self.places.keyword(reader, flag) == Some(&Value::Bool(true));
        let wanted = (limit.as_str(), flagged || keyword == flag);
        let found = self.bound_of(flat, side);
        if found.is_some_and(|found| keeps(side, found, wanted)) {
            return None;
        }
        Some(match (keyword, found.is_some()) {
            ("minimum", false) => "minimum_added",
            ("minimum", true) => "minimum_increased",
            ("maximum", false) => "maximum_added",
            ("maximum", true) => "maximum_decreased",
            ("exclusiveMinimum", false) => "exclusive_minimum_added",
            ("exclusiveMinimum", true) => "exclusive_minimum_increased",
            (_, false) => "exclusive_maximum_added",
            (_, true) => "exclusive_maximum_decreased",
        })
    }

    fn multiple_broken(&self, flat: &Flat<'a>, said: &Value) -> Option<&'static str> {
        let Value::Number(wanted) = said else { return None };
        let divisor = Divisor::parse(wanted.as_str())?;
        let whole = !flat.kinds.meets(Kinds::FRACTION);
        if whole && divisor.divides(&Decimal::parse("1")) {
            return None;
        }
        let mut has_one = false;
        for (id, _) in &flat.met {
            let Some(Value::Number(own)) = self.places.keyword(*id, "multipleOf") else { continue };
            has_one = true;
            if divisor.divides(&Decimal::parse(own.as_str())) {
                return None;
            }
        }
        Some(if has_one { "multiple_of_changed" } else { "multiple_of_added" })
    }

    fn text_broken(
        &self,
        flat: &Flat<'a>,
        keyword: &str,
        said: &Value,
        [added, changed]: [&'static str; 2],
    ) -> Option<&'static str> {
        let own = || flat.met.iter().filter_map(|(id, _)| self.places.keyword(*id, keyword));
        if own().any(|own| own == said) {
            return None;
        }
        Some(if own().next().is_some() { changed } else { added })
    }

    /// The media type is checked of what the encoding gives, so one place must say both.
    fn content_broken(
        &self,
        flat: &Flat<'a>,
        reader: PlaceId,
        keyword: &str,
        said: &Value,
    ) -> Option<&'static str> {
        let both = |id| {
            ["contentEncoding", "contentMediaType"].map(|keyword| self.places.keyword(id, keyword))
        };
        let wanted = both(reader);
        if flat.met.iter().any(|(id, _)| both(*id) == wanted) {
            return None;
        }
        let found = self.text_broken(flat, keyword, said, ["content_added", "content_changed"]);
        Some(found.unwrap_or("content_changed"))
    }

    fn format_broken(
        &self,
        flat: &Flat<'a>,
        reader: PlaceId,
        said: &Value,
    ) -> Option<&'static str> {
        if !self.asserts(reader, said) {
            return None;
        }
        let own = || {
            let met = flat
                .met
                .iter()
                .filter_map(|(id, _)| Some((*id, self.places.keyword(*id, "format")?)));
            met.filter(|(id, _)| self.places.get(*id).formats.surely)
        };
        // A format's meaning has changed between drafts.
        let draft = self.places.get(reader).dialect;
        if own().any(|(id, own)| own == said && self.places.get(id).dialect == draft) {
            return None;
        }
        Some(if own().next().is_some() { "format_changed" } else { "format_added" })
    }

    fn unique_broken(&self, flat: &Flat<'a>, said: &Value) -> Option<&'static str> {
        if said != &Value::Bool(true) {
            return None;
        }
        let own = |(id, _): &(PlaceId, u8)| {
            self.places.keyword(*id, "uniqueItems") == Some(&Value::Bool(true))
        };
        let is_short = || {
            let most = self.strictest_count(flat, "maxItems");
            most.is_some_and(|most| compare_numbers(most, "1") != Ordering::Greater)
        };
        (!flat.met.iter().any(own) && !is_short()).then_some("unique_items_added")
    }

    /// The strictest of a writer's counts or lengths.
    pub(super) fn strictest_count(&self, flat: &Flat<'a>, keyword: &str) -> Option<&'a str> {
        let all = flat.met.iter().filter_map(|(id, _)| self.places.keyword(*id, keyword));
        let texts = all.filter_map(|limit| Some(limit.as_number()?.as_str()));
        match keyword.starts_with("min") {
            true => texts.max_by(|left, right| compare_numbers(left, right)),
            false => texts.min_by(|left, right| compare_numbers(left, right)),
        }
    }

    fn count_broken(
        &mut self,
        flat: &Flat<'a>,
        keyword: &str,
        said: &Value,
    ) -> Option<&'static str> {
        let wanted = said.as_number()?.as_str();
        let own = self.strictest_count(flat, keyword);
        let is_least = keyword.starts_with("min");
        let too_far = if is_least { Ordering::Less } else { Ordering::Greater };
        let enough = |found: &str| compare_numbers(found, wanted) != too_far;
        if own.is_some_and(enough) || is_least && compare_numbers(wanted, "0") != Ordering::Greater
        {
            return None;
        }
        let implied = match keyword {
            "minProperties" => Some(self.required(flat).len()),
            "maxProperties" => self.most_members(flat),
            "maxItems" => self.most_items(flat),
            _ => None,
        };
        if implied.is_some_and(|implied| enough(&implied.to_string())) {
            return None;
        }
        count_rule(keyword, own.is_some())
    }
}

/// Whether a bound lies within another one.
fn keeps(side: Ordering, found: (&str, bool), wanted: (&str, bool)) -> bool {
    match compare_numbers(found.0, wanted.0) {
        Ordering::Equal => found.1 || !wanted.1,
        other => other != side,
    }
}

fn count_rule(keyword: &str, had_one: bool) -> Option<&'static str> {
    Some(match (keyword, had_one) {
        ("minLength", false) => "min_length_added",
        ("minLength", true) => "min_length_increased",
        ("maxLength", false) => "max_length_added",
        ("maxLength", true) => "max_length_decreased",
        ("minItems", false) => "min_items_added",
        ("minItems", true) => "min_items_increased",
        ("maxItems", false) => "max_items_added",
        ("maxItems", true) => "max_items_decreased",
        ("minProperties", false) => "min_properties_added",
        ("minProperties", true) => "min_properties_increased",
        ("maxProperties", false) => "max_properties_added",
        ("maxProperties", true) => "max_properties_decreased",
        _ => return None,
    })
}
