use muster_words::json::{Value, escape_pointer};

use super::places;

/// One operation of a JSON Patch (RFC 6902). Paths are JSON Pointers (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchOperation {
    /// Adds a member, or inserts an item.
    Add {
        /// The path.
        path: String,
        /// The value.
        value: Value,
    },
    /// Removes a member or an item.
    Remove {
        /// The path.
        path: String,
    },
    /// Replaces a value.
    Replace {
        /// The path.
        path: String,
        /// The new value.
        value: Value,
    },
}

/// The bytes of all paths of a patch. One long name above many members would otherwise be written
/// out for each of them.
const PATHS_BYTES_MAX: usize = 1024 * 1024;

/// The JSON Patch that turns one document into the other. It has no `test`, `move` or `copy`. If
/// its paths had more than a mebibyte, it replaces the whole document.
#[must_use]
pub fn patch(before: &Value, after: &Value) -> Vec<PatchOperation> {
    let mut operations = Operations { found: Vec::new(), room: PATHS_BYTES_MAX };
    match difference("", before, after, &mut operations) {
        Some(()) => operations.found,
        None => vec![PatchOperation::Replace { path: String::new(), value: after.clone() }],
    }
}

/// Operations, as long as there is room for their paths.
struct Operations {
    found: Vec<PatchOperation>,
    room: usize,
}

impl Operations {
    /// Adds an operation. None if there is no room for its path.
    fn push(&mut self, operation: PatchOperation) -> Option<()> {
        let (PatchOperation::Add { path, .. }
        | PatchOperation::Remove { path }
        | PatchOperation::Replace { path, .. }) = &operation;
        self.room = self.room.checked_sub(path.len())?;
        self.found.push(operation);
        Some(())
    }
}

/// A JSON Patch as JSON: an array of objects (media type `application/json-patch+json`).
#[must_use]
pub fn patch_to_json(operations: &[PatchOperation]) -> Value {
    let step = |operation: &PatchOperation| -> Value {
        let (name, path, value) = match operation {
            PatchOperation::Add { path, value } => ("add", path, Some(value)),
            PatchOperation::Remove { path } => ("remove", path, None),
            PatchOperation::Replace { path, value } => ("replace", path, Some(value)),
        };
        let members = [
            ("op", Some(Value::from(name))),
            ("path", Some(path.as_str().into())),
            ("value", value.cloned()),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    };
    operations.iter().map(step).collect()
}

fn difference(
    root: &str,
    before: &Value,
    after: &Value,
    operations: &mut Operations,
) -> Option<()> {
    for place in places(before, after, usize::MAX) {
        let mut path = root.to_owned();
        for step in &place.path {
            path.push('/');
            path.push_str(&escape_pointer(step));
        }
        match (place.before, place.after) {
            (Some(Value::Array(before)), Some(Value::Array(after))) => {
                items(&path, before, after, operations)?;
            }
            (Some(_), Some(after)) => {
                operations.push(PatchOperation::Replace { path, value: after.clone() })?;
            }
            (Some(_), None) => operations.push(PatchOperation::Remove { path })?,
            (None, Some(after)) => {
                operations.push(PatchOperation::Add { path, value: after.clone() })?;
            }
            (None, None) => {}
        }
    }
    Some(())
}

/// Lists: common items at both ends stay; the items in between are compared one by one.
fn items(path: &str, before: &[Value], after: &[Value], operations: &mut Operations) -> Option<()> {
    let alike = |(one, other): &(&Value, &Value)| one == other;
    let begin = before.iter().zip(after).take_while(alike).count();
    let (old, new) = (&before[begin..], &after[begin..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(alike).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    for (at, (before, after)) in old.iter().zip(new).enumerate() {
        difference(&format!("{path}/{}", begin + at), before, after, operations)?;
    }
    // From the last item, so that the other indexes stay valid.
    for at in (new.len()..old.len()).rev() {
        operations.push(PatchOperation::Remove { path: format!("{path}/{}", begin + at) })?;
    }
    for (at, value) in new.iter().enumerate().skip(old.len()) {
        let path = format!("{path}/{}", begin + at);
        operations.push(PatchOperation::Add { path, value: value.clone() })?;
    }
    Some(())
}
