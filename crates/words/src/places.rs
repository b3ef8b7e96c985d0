/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextPlace {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1: in bytes where the text is JSON, in characters where it is YAML.
    pub column: usize,
}

/// Where each value of a document begins in its text. The size doesn't depend on the lengths of
/// pointers, which grow with depth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// What is in a value comes before it; the document itself is the last one.
    values: Vec<(TextPlace, InnerPlaces)>,
}

/// The values in a value, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum InnerPlaces {
    #[default]
    None,
    Items(Vec<usize>),
    /// By key.
    Members(Vec<(String, usize)>),
}

impl Places {
    /// The place of a value; none if the document has no such value.
    #[must_use]
    pub fn of(&self, pointer: &str) -> Option<TextPlace> {
        let mut at = self.values.last()?;
        for step in pointer.split('/').skip(1) {
            let inner = match &at.1 {
                InnerPlaces::None => return None,
                InnerPlaces::Items(items) => items.get(step.parse::<usize>().ok()?),
                InnerPlaces::Members(members) => {
                    let key = step.replace("~1", "/").replace("~0", "~");
                    let at = members.binary_search_by(|(own, _)| own.cmp(&key)).ok()?;
                    members.get(at).map(|(_, inner)| inner)
                }
            };
            at = self.values.get(*inner?)?;
        }
        Some(at.0)
    }

    /// Adds a value after those in it; returns its number.
    pub(crate) fn add(&mut self, place: TextPlace, inner: InnerPlaces) -> usize {
        self.values.push((place, inner));
        self.values.len() - 1
    }
}
