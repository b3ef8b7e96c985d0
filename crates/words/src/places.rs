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
        self.at(pointer).map(PlacedValue::place)
    }

    /// A value, from which those in it are found; none if the document has no such value.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<PlacedValue<'_>> {
        let root = PlacedValue { places: self, number: self.values.len().checked_sub(1)? };
        pointer.split('/').skip(1).try_fold(root, |at, step| match at.inner() {
            InnerPlaces::None => None,
            InnerPlaces::Items(_) => at.item(step.parse().ok()?),
            InnerPlaces::Members(_) => at.member(&step.replace("~1", "/").replace("~0", "~")),
        })
    }

    /// Adds a value after those in it; returns its number.
    pub(crate) fn add(&mut self, place: TextPlace, inner: InnerPlaces) -> usize {
        self.values.push((place, inner));
        self.values.len() - 1
    }
}

/// A value of a document with its place. Whoever walks through a document goes from one to those in
/// it: a pointer for each would cost the length of all keys around it every time.
#[derive(Clone, Copy, Debug)]
pub struct PlacedValue<'a> {
    places: &'a Places,
    number: usize,
}

impl<'a> PlacedValue<'a> {
    /// Where it begins.
    #[must_use]
    pub fn place(self) -> TextPlace {
        self.places.values[self.number].0
    }

    /// An item, if it is a list and has that.
    #[must_use]
    pub fn item(self, index: usize) -> Option<Self> {
        let InnerPlaces::Items(items) = self.inner() else { return None };
        items.get(index).map(|number| self.to(*number))
    }

    /// A member, if it is an object and has that.
    #[must_use]
    pub fn member(self, key: &str) -> Option<Self> {
        let InnerPlaces::Members(members) = self.inner() else { return None };
        let at = members.binary_search_by(|(own, _)| own.as_str().cmp(key)).ok()?;
        members.get(at).map(|(_, number)| self.to(*number))
    }

    fn inner(self) -> &'a InnerPlaces {
        &self.places.values[self.number].1
    }

    fn to(self, number: usize) -> Self {
        Self { number, ..self }
    }
}
