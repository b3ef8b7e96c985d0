use super::{Value, escape_pointer};

/// The way from a document to a value in it. The JSON Pointer is only written when it is asked for,
/// because names may be long and values many.
#[derive(Clone, Copy, Debug)]
pub struct ValuePath<'a> {
    above: Option<&'a ValuePath<'a>>,
    step: PathStep<'a>,
}

#[derive(Clone, Copy, Debug)]
enum PathStep<'a> {
    Document,
    Member(&'a str),
    Item(usize),
}

impl<'a> ValuePath<'a> {
    /// The document itself.
    pub const DOCUMENT: ValuePath<'static> = ValuePath { above: None, step: PathStep::Document };

    /// A member of the object here.
    #[must_use]
    pub const fn member(&'a self, name: &'a str) -> Self {
        Self { above: Some(self), step: PathStep::Member(name) }
    }

    /// An item of the array here.
    #[must_use]
    pub const fn item(&'a self, index: usize) -> Self {
        Self { above: Some(self), step: PathStep::Item(index) }
    }

    /// The JSON Pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self) -> String {
        self.pointer_within(usize::MAX)
    }

    /// The pointer, or where it would have more bytes than this, that of the nearest value around
    /// it which has not.
    #[must_use]
    pub fn pointer_within(&self, bytes_max: usize) -> String {
        let steps: Vec<PathStep<'_>> =
            std::iter::successors(Some(self), |path| path.above).map(|path| path.step).collect();
        let mut pointer = String::new();
        for step in steps.into_iter().rev() {
            let written = match step {
                PathStep::Document => continue,
                PathStep::Member(name) if name.len() > bytes_max => return pointer,
                PathStep::Member(name) => escape_pointer(name),
                PathStep::Item(index) => index.to_string(),
            };
            if pointer.len() + 1 + written.len() > bytes_max {
                return pointer;
            }
            pointer.push('/');
            pointer.push_str(&written);
        }
        pointer
    }
}

/// Every value of a field in a document. The field is a JSON Pointer in which the step `*` stands
/// for each item of an array or each member of an object. Each value comes with its own pointer.
#[must_use]
pub fn select<'a>(document: &'a Value, field: &str) -> Vec<(String, &'a Value)> {
    let mut found = Vec::new();
    select_each(document, field, &mut |path, value| found.push((path.pointer(), value)));
    found
}

/// Shows every value of a field in a document, in its order; see [`select`].
pub fn select_each<'a>(
    document: &'a Value,
    field: &str,
    found: &mut impl FnMut(&ValuePath<'_>, &'a Value),
) {
    let steps: Vec<String> =
        field.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    descend(document, &ValuePath::DOCUMENT, &steps, found);
}

fn descend<'a>(
    value: &'a Value,
    path: &ValuePath<'_>,
    steps: &[String],
    found: &mut impl FnMut(&ValuePath<'_>, &'a Value),
) {
    let Some((step, rest)) = steps.split_first() else {
        found(path, value);
        return;
    };
    match value {
        Value::Object(map) if step == "*" => {
            for (name, member) in map {
                descend(member, &path.member(name), rest, found);
            }
        }
        Value::Array(items) if step == "*" => {
            for (index, item) in items.iter().enumerate() {
                descend(item, &path.item(index), rest, found);
            }
        }
        Value::Object(map) => {
            if let Some(member) = map.get(step) {
                descend(member, &path.member(step), rest, found);
            }
        }
        Value::Array(items) => {
            let index = step.parse::<usize>().ok();
            if let Some((index, item)) = index.and_then(|at| Some((at, items.get(at)?))) {
                descend(item, &path.item(index), rest, found);
            }
        }
        _ => {}
    }
}
