use serde_json::{Map, Value};

/// What the versions of a resource have in the attributes in which they must agree (model,
/// `matchversions`), as the first of them that was shown has it.
#[derive(Clone, Debug)]
pub struct Agreement<'a> {
    paths: Vec<Vec<&'a str>>,
    first: Option<Vec<Option<Value>>>,
}

impl<'a> Agreement<'a> {
    /// An agreement in what these paths lead to, of which no version was shown yet.
    #[must_use]
    pub const fn new(paths: Vec<Vec<&'a str>>) -> Self {
        Self { paths, first: None }
    }

    /// Whether versions needn't agree in anything.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Shows it a version; answers the path of the first attribute in which that one differs.
    pub fn broken_by(&mut self, attributes: &Map<String, Value>) -> Option<String> {
        let values: Vec<Option<Value>> =
            self.paths.iter().map(|path| value_at(attributes, path).cloned()).collect();
        let Some(first) = &self.first else {
            self.first = Some(values);
            return None;
        };
        let mut pairs = self.paths.iter().zip(first.iter().zip(&values));
        pairs.find(|(_, (first, value))| first != value).map(|(path, _)| path.join("."))
    }
}

/// The value that a path of names leads to.
fn value_at<'a>(attributes: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(attributes.get(*first)?, |value, name| value.get(*name))
}
