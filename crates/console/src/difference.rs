use std::collections::{BTreeMap, BTreeSet};

use muster_words::json::{Value, escape_pointer};

/// A place at which two documents differ.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceDifference {
    /// JSON Pointer to the place.
    pub place: String,
    /// What the earlier one says there, if anything.
    pub before: Option<Value>,
    /// What the later one says there, if anything.
    pub after: Option<Value>,
}

/// A place that one of two people changed, or both.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// JSON Pointer to the place.
    pub place: String,
    /// What it said when both began.
    pub was: Option<Value>,
    /// What the other one made of it.
    pub theirs: Option<Value>,
    /// What this one makes of it.
    pub yours: Option<Value>,
}

/// Who changed a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangedBy {
    /// The other one.
    Them,
    /// This one.
    You,
    /// Both, in the same way.
    BothAlike,
    /// Both, each in another way: one of them is lost.
    BothOtherwise,
}

impl Conflict {
    /// Who changed the place.
    pub fn changed_by(&self) -> ChangedBy {
        match (self.was == self.theirs, self.was == self.yours) {
            (true, _) => ChangedBy::You,
            (false, true) => ChangedBy::Them,
            (false, false) if self.theirs == self.yours => ChangedBy::BothAlike,
            (false, false) => ChangedBy::BothOtherwise,
        }
    }
}

/// Where two documents differ, sorted by place.
pub fn between(before: &Value, after: &Value) -> Vec<PlaceDifference> {
    let (before, after) = (leaves(before), leaves(after));
    let places: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = places.into_iter().filter(|place| before.get(*place) != after.get(*place));
    differing
        .map(|place| PlaceDifference {
            place: place.clone(),
            before: before.get(place).map(|value| (*value).clone()),
            after: after.get(place).map(|value| (*value).clone()),
        })
        .collect()
}

/// Where one of two people changed a document, sorted by place.
pub fn three_way(was: &Value, theirs: &Value, yours: &Value) -> Vec<Conflict> {
    let (was, theirs, yours) = (leaves(was), leaves(theirs), leaves(yours));
    let places: BTreeSet<&String> = was.keys().chain(theirs.keys()).chain(yours.keys()).collect();
    let at = |leaves: &BTreeMap<String, &Value>, place: &String| {
        leaves.get(place).map(|value| (*value).clone())
    };
    places
        .into_iter()
        .map(|place| Conflict {
            place: place.clone(),
            was: at(&was, place),
            theirs: at(&theirs, place),
            yours: at(&yours, place),
        })
        .filter(|conflict| conflict.was != conflict.theirs || conflict.was != conflict.yours)
        .collect()
}

/// The values of a document that have no members, by place. A list of plain values is one of them:
/// an element that is put in front would change all others.
///
/// If all places had more than [`PLACES_BYTES_MAX`] bytes, the document is one value.
fn leaves(value: &Value) -> BTreeMap<String, &Value> {
    let (mut leaves, mut room) = (BTreeMap::new(), PLACES_BYTES_MAX);
    // Documents are at most 128 levels deep.
    match collect(value, String::new(), &mut leaves, &mut room) {
        Some(()) => leaves,
        None => BTreeMap::from([(String::new(), value)]),
    }
}

/// The bytes of all places of a document. One long name above many members is a part of each of
/// their places.
const PLACES_BYTES_MAX: usize = 1024 * 1024;

fn collect<'a>(
    value: &'a Value,
    place: String,
    leaves: &mut BTreeMap<String, &'a Value>,
    room: &mut usize,
) -> Option<()> {
    *room = room.checked_sub(place.len())?;
    match value {
        // The document itself needs no value to be there.
        Value::Object(members) if !members.is_empty() || place.is_empty() => {
            for (name, member) in members {
                collect(member, format!("{place}/{}", escape_pointer(name)), leaves, room)?;
            }
        }
        Value::Array(elements) if elements.iter().any(has_members) => {
            for (index, element) in elements.iter().enumerate() {
                collect(element, format!("{place}/{index}"), leaves, room)?;
            }
        }
        leaf => {
            leaves.insert(place, leaf);
        }
    }
    Some(())
}

const fn has_members(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

/// The lines in which two texts differ, between those that are alike at the start and at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineDifference<'a> {
    /// The number of the first line that differs, from 1.
    pub line: usize,
    /// The lines of the earlier text.
    pub removed: Vec<&'a str>,
    /// The lines of the later text.
    pub added: Vec<&'a str>,
}

/// Where two texts differ; none if they don't.
pub fn between_lines<'a>(before: &'a str, after: &'a str) -> Option<LineDifference<'a>> {
    let lines = |text: &'a str| text.split('\n').collect::<Vec<_>>();
    let (before, after) = (lines(before), lines(after));
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = before.iter().zip(&after).take_while(same).count();
    let (before, after) = (&before[head..], &after[head..]);
    if before.is_empty() && after.is_empty() {
        return None;
    }
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
    Some(LineDifference {
        line: head + 1,
        removed: before[..before.len() - tail].to_vec(),
        added: after[..after.len() - tail].to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use muster_words::json;

    use super::*;

    fn value(text: &str) -> Value {
        json::parse(text.as_bytes()).unwrap_or_default()
    }

    fn shown(value: &Option<Value>) -> String {
        value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
    }

    #[test]
    fn names_each_place_that_differs() {
        for (before, after, expect) in [
            ("{}", "{}", vec![]),
            (r#"{"a":1}"#, r#"{"a":2}"#, vec!["/a 1 2"]),
            (r#"{"a":1.0}"#, r#"{"a":1.00}"#, vec!["/a 1.0 1.00"]),
            (r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"c":2}}"#, vec!["/a/b 1 -"]),
            (r#"{"l":["x"]}"#, r#"{"l":["y","x"]}"#, vec![r#"/l ["x"] ["y","x"]"#]),
            (r#"{"l":[{"n":1},{"n":2}]}"#, r#"{"l":[{"n":1},{"n":3}]}"#, vec!["/l/1/n 2 3"]),
            (r#"{"a":{}}"#, r#"{"a":{"b":1}}"#, vec!["/a {} -", "/a/b - 1"]),
            (r#"{"a/b":1,"~":null}"#, "{}", vec!["/a~1b 1 -", "/~0 null -"]),
            ("1", "[1]", vec![" 1 [1]"]),
        ] {
            let found: Vec<String> = between(&value(before), &value(after))
                .iter()
                .map(|d| format!("{} {} {}", d.place, shown(&d.before), shown(&d.after)))
                .collect();
            assert_eq!(found, expect, "{before} {after}");
        }
    }

    #[test]
    fn says_who_changed_what() {
        let was = value(r#"{"a":1,"b":1,"c":1,"d":1,"e":1}"#);
        let theirs = value(r#"{"a":1,"b":2,"c":1,"d":2,"e":2}"#);
        let yours = value(r#"{"a":1,"b":1,"c":2,"d":2,"f":3}"#);
        let found: Vec<_> = three_way(&was, &theirs, &yours)
            .iter()
            .map(|conflict| (conflict.place.clone(), conflict.changed_by()))
            .collect();
        let expect = [
            ("/b", ChangedBy::Them),
            ("/c", ChangedBy::You),
            ("/d", ChangedBy::BothAlike),
            ("/e", ChangedBy::BothOtherwise),
            ("/f", ChangedBy::You),
        ];
        assert_eq!(found, expect.map(|(place, by)| (place.to_owned(), by)));
    }

    #[test]
    fn finds_the_lines_between_what_is_alike() {
        for (before, after, expect) in [
            ("a\nb", "a\nb", None),
            ("a\nb\nc", "a\nx\ny\nc", Some((2, vec!["b"], vec!["x", "y"]))),
            ("a", "a\nb", Some((2, vec![], vec!["b"]))),
            ("a\na", "a", Some((2, vec!["a"], vec![]))),
            ("", "x", Some((1, vec![""], vec!["x"]))),
        ] {
            let found = between_lines(before, after);
            let found = found.map(|found| (found.line, found.removed, found.added));
            assert_eq!(found, expect, "{before:?} {after:?}");
        }
    }
}
