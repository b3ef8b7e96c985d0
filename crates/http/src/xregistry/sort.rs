use std::cmp::Ordering;

use muster_wire::{ErrorCode, Problem};
use serde_json::{Map, Value};

use super::{compare, dotted::Dotted};

/// How the members of a collection are ordered (core, "Sort Flag").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    /// The attribute.
    pub path: Dotted,
    /// The highest value first.
    pub descending: bool,
}

impl Sort {
    /// Reads the values of the flag.
    ///
    /// # Errors
    /// `bad_sort`, without a subject.
    pub fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Option<Self>, Problem> {
        let mut values = values;
        let Some(value) = values.next() else { return Ok(None) };
        let bad = |detail: String| {
            Problem::new(ErrorCode::BAD_SORT).arg("value", value).arg("error_detail", detail)
        };
        if values.next().is_some() {
            return Err(bad("it may stand only once".to_owned()));
        }
        let (path, order) = match value.split_once('=') {
            Some((path, order)) => (path, Some(order)),
            None => (value, None),
        };
        let descending = match order {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(order) => return Err(bad(format!("{order:?} is neither asc nor desc"))),
        };
        let path = Dotted::parse(path).map_err(|error| bad(error.to_string()))?;
        Ok(Some(Self { path, descending }))
    }

    /// The value by which a member with these attributes is ordered.
    pub fn value(&self, attributes: &Map<String, Value>) -> Option<Value> {
        self.path.select(attributes).first().copied().cloned()
    }

    /// The order of two members, given by their ids and values.
    pub fn order(&self, left: (&str, Option<&Value>), right: (&str, Option<&Value>)) -> Ordering {
        // Those with the same value stand in the order of their ids, the same way round as the
        // values (core, "Sort Flag").
        let order = compare::values(left.1, right.1).then_with(|| compare::texts(left.0, right.0));
        if self.descending { order.reverse() } else { order }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use serde_json::json;

    use super::*;

    #[test]
    fn reads_an_attribute_and_an_order() {
        for (values, expect) in [
            (&[][..], Ok(None)),
            (&["name"], Ok(Some(("name", false)))),
            (&["labels.stage=asc"], Ok(Some(("labels.stage", false)))),
            (&["dirid=desc"], Ok(Some(("dirid", true)))),
            (&[""], Err("bad_sort")),
            (&["name=up"], Err("bad_sort")),
            (&["a..b"], Err("bad_sort")),
            (&["a", "b"], Err("bad_sort")),
        ] {
            let found = match Sort::parse(values.iter().copied()) {
                Ok(sort) => Ok(sort.map(|sort| (sort.path.to_string(), sort.descending))),
                Err(problem) => Err(problem.code().name()),
            };
            let expect = expect.map(|sort| sort.map(|(path, order)| (path.to_owned(), order)));
            assert_eq!(found, expect, "{values:?}");
        }
    }

    #[test]
    fn orders_by_value_then_by_id_and_puts_what_is_missing_lowest() {
        let members = [
            ("d", json!({})),
            ("b", json!({"n": 2})),
            ("C", json!({"n": 2})),
            ("a", json!({"n": 10})),
        ];
        let sorted = |text: &str| {
            let sort = Sort::parse([text].into_iter()).unwrap().unwrap();
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|left, right| {
                let value = |member: &Value| sort.value(member.as_object().unwrap());
                let (one, other) = (value(&left.1), value(&right.1));
                sort.order((left.0, one.as_ref()), (right.0, other.as_ref()))
            });
            members.into_iter().map(|(id, _)| *id).collect::<Vec<_>>()
        };
        assert_eq!(sorted("n"), ["d", "b", "C", "a"]);
        assert_eq!(sorted("n=desc"), ["a", "C", "b", "d"]);
    }
}
