use std::collections::BTreeMap;

use muster_model::{GroupType, Model, ResourceType};
use muster_wire::{ErrorKind, Problem};

use super::place::Place;

/// Which nested collections, entities and documents an answer contains (core, "Inline Flag").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inline {
    /// Everything from here on, except the three attributes of the registry that must be named.
    pub all: bool,
    below: BTreeMap<String, Inline>,
}

/// A level of the hierarchy, with the names that can be inlined.
#[derive(Clone, Copy)]
enum Level<'a> {
    Registry(&'a Model),
    Group(&'a GroupType),
    Resource(&'a ResourceType),
    Version(&'a ResourceType),
    /// There is nothing below it.
    Leaf,
}

/// The registry's attributes that `*` doesn't include.
const NAMED_ONLY: [&str; 3] = ["capabilities", "model", "modelsource"];

impl Inline {
    /// Everything.
    pub fn everything() -> Self {
        Self { all: true, below: BTreeMap::new() }
    }

    /// The content of an export: everything, the capabilities and the user's model.
    pub fn export() -> Self {
        let mut inline = Self::everything();
        for name in ["capabilities", "modelsource"] {
            inline.below.insert(name.to_owned(), Self::default());
        }
        inline
    }

    /// Parses the values of the flag for a path.
    ///
    /// # Errors
    /// `inline_noninlineable` for a name that can't be inlined there, `bad_inline` for an invalid
    /// path. The caller sets their subject.
    pub fn parse<'a>(
        values: impl Iterator<Item = &'a str>,
        place: &Place,
        model: &Model,
    ) -> Result<Self, Problem> {
        let mut inline = Self::default();
        for value in values {
            for path in value.split(',').map(str::trim) {
                inline.add(path, Level::of(place, model))?;
            }
        }
        Ok(inline)
    }

    fn add(&mut self, path: &str, level: Level<'_>) -> Result<(), Problem> {
        if path.is_empty() || path == "*" {
            self.all = true;
            return Ok(());
        }
        let bad = |detail: &str| {
            Problem::new(ErrorKind::BadInline {
                value: path.to_owned(),
                error_detail: detail.to_owned(),
            })
        };
        let steps: Vec<&str> = path.split('.').collect();
        let mut at = self;
        let mut level = level;
        for (index, step) in steps.iter().enumerate() {
            match *step {
                "" => return Err(bad("a name is empty")),
                "*" if index + 1 == steps.len() => {
                    at.all = true;
                    return Ok(());
                }
                name if name.contains('*') => {
                    return Err(bad("* must be the last step, and alone"));
                }
                name => {
                    level = level.below(name).ok_or_else(|| {
                        Problem::new(ErrorKind::InlineNoninlineable { name: path.to_owned() })
                    })?;
                    at = at.below.entry(name.to_owned()).or_default();
                }
            }
        }
        Ok(())
    }

    /// What to inline below this name; none if the name itself isn't inlined.
    pub fn get(&self, name: &str) -> Option<Self> {
        let own = self.below.get(name).cloned();
        if !self.all || NAMED_ONLY.contains(&name) {
            return own;
        }
        Some(Self { all: true, ..own.unwrap_or_default() })
    }

    /// Whether this name is inlined.
    pub fn has(&self, name: &str) -> bool {
        (self.all && !NAMED_ONLY.contains(&name)) || self.below.contains_key(name)
    }
}

impl<'a> Level<'a> {
    fn of(place: &'a Place, model: &'a Model) -> Self {
        match place {
            Place::Registry | Place::Export => Self::Registry(model),
            Place::Groups(kind) | Place::Group(kind, _) => Self::Group(kind),
            Place::Resources(kind, _) | Place::Resource(kind, _) => Self::Resource(kind),
            Place::Versions(kind, _) | Place::Version(kind, _) => Self::Version(kind),
            _ => Self::Leaf,
        }
    }

    fn below(self, name: &str) -> Option<Self> {
        match self {
            Self::Registry(_) if NAMED_ONLY.contains(&name) => Some(Self::Leaf),
            Self::Registry(model) => model.group_type(name).map(|kind| Self::Group(kind)),
            Self::Group(kind) => kind.resource_type(name).map(|kind| Self::Resource(kind)),
            Self::Resource(kind) if name == "versions" => Some(Self::Version(kind)),
            Self::Resource(_) if name == "meta" => Some(Self::Leaf),
            Self::Resource(kind) | Self::Version(kind) => {
                (kind.hasdocument && kind.singular == name).then_some(Self::Leaf)
            }
            Self::Leaf => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use serde_json::json;

    use super::*;
    use crate::xregistry::place::Address;

    fn model() -> Model {
        let files = json!({"singular": "file"});
        let facts = json!({"singular": "fact", "hasdocument": false});
        let source = json!({"groups": {
            "dirs": {"singular": "dir", "resources": {"files": files, "facts": facts}},
        }});
        Model::compile(&source, muster_model::Foundation::Bare).unwrap()
    }

    fn parse(path: &str, value: &str) -> Result<Inline, Problem> {
        let model = model();
        let address = Address::parse(path, &model, false).unwrap();
        Inline::parse([value].into_iter(), &address.place, &model)
    }

    #[test]
    fn accepts_what_can_be_inlined_and_names_what_cannot() {
        for (path, value, expect) in [
            ("/", "", None),
            ("/", "*", None),
            ("/", "dirs", None),
            ("/", "dirs.files.versions.file", None),
            ("/", "dirs.files.meta,model", None),
            ("/", "dirs.*", None),
            ("/dirs", "files", None),
            ("/dirs/d1", "files.file", None),
            ("/dirs/d1/files/f1", "versions", None),
            ("/dirs/d1/files/f1/versions", "file", None),
            ("/", "xxx", Some("inline_noninlineable")),
            ("/", "Dirs", Some("inline_noninlineable")),
            ("/", "dirs.xxx", Some("inline_noninlineable")),
            ("/", "dirs,dirs.files.xxx", Some("inline_noninlineable")),
            ("/dirs", "dirs", Some("inline_noninlineable")),
            ("/dirs", "model", Some("inline_noninlineable")),
            ("/", "dirs.facts.fact", Some("inline_noninlineable")),
            ("/", "dirs.files.versions.meta", Some("inline_noninlineable")),
            ("/", "dirs.files.filebase64", Some("inline_noninlineable")),
            ("/dirs/d1/files/f1/meta", "file", Some("inline_noninlineable")),
            ("/", "dirs*", Some("bad_inline")),
            ("/", "*.dirs", Some("bad_inline")),
            ("/", "dirs..files", Some("bad_inline")),
        ] {
            let code = parse(path, value).err().map(|problem| problem.code().name());
            assert_eq!(code, expect, "{path} {value}");
        }
    }

    #[test]
    fn takes_everything_but_what_must_be_named() {
        let inline = parse("/", "*,model").unwrap();
        for (name, expect) in [("dirs", true), ("model", true), ("capabilities", false)] {
            assert_eq!(inline.has(name), expect, "{name}");
        }
        let files = parse("/", "dirs.files").unwrap().get("dirs").unwrap();
        assert!(files.has("files") && !files.has("facts"));
        assert!(!files.get("files").unwrap().has("versions"));
    }
}
