use std::collections::{BTreeMap, BTreeSet};

use muster_words::Xid;

use super::limits::{NAME_LENGTH_MAX, TYPE_LENGTH_MAX};

/// The pattern of an attribute's name.
pub(super) const ATTRIBUTE_RULE: &str = "^[a-z_][a-z0-9_]{0,62}$";
/// The pattern of a map's key.
pub(super) const KEY_RULE: &str = "^[a-z0-9][a-z0-9_.:\\-]{0,62}$";
/// The pattern of a type's plural name.
pub(super) const TYPE_RULE: &str = "^[a-z_][a-z0-9_]{0,56}$";

/// Whether the text is a valid attribute name (core, "Attributes").
#[must_use]
pub fn is_attribute_name(text: &str) -> bool {
    is_word(text, NAME_LENGTH_MAX)
}

/// Whether the text is a valid map key (core, "Data Types").
#[must_use]
pub fn is_map_key(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= NAME_LENGTH_MAX
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && bytes.all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b':' | b'-')
        })
}

/// Whether the text is a valid plural name of a type.
pub(super) fn is_type_name(text: &str) -> bool {
    is_word(text, TYPE_LENGTH_MAX)
}

fn is_word(text: &str, length_max: usize) -> bool {
    let mut bytes = text.bytes();
    text.len() <= length_max
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The types of a model by plural name, to check xids against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeNames {
    groups: BTreeMap<String, BTreeSet<String>>,
}

impl TypeNames {
    pub(super) fn new(groups: BTreeMap<String, BTreeSet<String>>) -> Self {
        Self { groups }
    }

    /// Whether the group type exists and, if one is named, the resource type in it.
    #[must_use]
    pub fn has(&self, groups: &str, resources: Option<&str>) -> bool {
        self.groups
            .get(groups)
            .is_some_and(|types| resources.is_none_or(|plural| types.contains(plural)))
    }

    /// Whether the types in an xid exist.
    #[must_use]
    pub fn has_types_of(&self, xid: &Xid) -> bool {
        let resources = xid.resource_ids().map(|(resources, _)| resources.as_str());
        xid.group_ids().is_none_or(|(groups, _)| self.has(groups.as_str(), resources))
    }

    /// Whether the text is an xid type (core, "xidtype"): `/`, `/<GROUPS>`, `/<GROUPS>/<RESOURCES>`
    /// or `/<GROUPS>/<RESOURCES>/versions`, with existing types.
    #[must_use]
    pub fn has_xid_type(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix('/') else { return false };
        match *rest.split('/').take(4).collect::<Vec<_>>().as_slice() {
            [""] => true,
            [groups] => self.has(groups, None),
            [groups, resources] | [groups, resources, "versions"] => {
                self.has(groups, Some(resources))
            }
            _ => false,
        }
    }
}

/// A parsed `target` (model, `attributes.<STRING>.target`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TargetType<'a> {
    groups: &'a str,
    resources: Option<&'a str>,
    /// Whether it accepts resources.
    resource: bool,
    /// Whether it accepts versions.
    version: bool,
}

impl<'a> TargetType<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix('/')?;
        let target = |groups, resources, resource, version| {
            Some(Self { groups, resources, resource, version })
        };
        if let Some((groups, resources)) =
            rest.strip_suffix("[/versions]").and_then(|types| types.split_once('/'))
        {
            return target(groups, Some(resources), true, true);
        }
        match *rest.split('/').take(4).collect::<Vec<_>>().as_slice() {
            [groups] => target(groups, None, false, false),
            [groups, resources] => target(groups, Some(resources), true, false),
            [groups, resources, "versions"] => target(groups, Some(resources), false, true),
            _ => None,
        }
    }

    pub(super) fn is_in(&self, names: &TypeNames) -> bool {
        names.has(self.groups, self.resources)
    }

    pub(super) fn takes(&self, xid: &Xid) -> bool {
        let same = |groups: &str, resources: Option<&str>| {
            (self.groups, self.resources) == (groups, resources)
        };
        match xid {
            Xid::Registry | Xid::Meta { .. } => false,
            Xid::Group { groups, .. } => same(groups.as_str(), None),
            Xid::Resource { groups, resources, .. } => {
                self.resource && same(groups.as_str(), Some(resources.as_str()))
            }
            Xid::Version { groups, resources, .. } => {
                self.version && same(groups.as_str(), Some(resources.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_names_from_other_texts() {
        for (text, attribute, key, kind) in [
            ("a", true, true, true),
            ("_a1", true, false, true),
            ("1a", false, true, false),
            ("a-b", false, true, false),
            ("a.b:c", false, true, false),
            ("A", false, false, false),
            ("", false, false, false),
            ("é", false, false, false),
            (&"x".repeat(57), true, true, true),
            (&"x".repeat(58), true, true, false),
            (&"x".repeat(63), true, true, false),
            (&"x".repeat(64), false, false, false),
        ] {
            let found = (is_attribute_name(text), is_map_key(text), is_type_name(text));
            assert_eq!(found, (attribute, key, kind), "{text:?}");
        }
    }

    #[test]
    fn a_target_takes_what_its_template_says() {
        for (target, group, resource, version) in [
            ("/dirs", true, false, false),
            ("/dirs/files", false, true, false),
            ("/dirs/files[/versions]", false, true, true),
            ("/dirs/files/versions", false, false, true),
            ("/docs", false, false, false),
        ] {
            let found = TargetType::parse(target).map(|target| {
                ["/dirs/d1", "/dirs/d1/files/f1", "/dirs/d1/files/f1/versions/v1"]
                    .map(|xid| xid.parse::<Xid>().is_ok_and(|xid| target.takes(&xid)))
            });
            assert_eq!(found, Some([group, resource, version]), "{target}");
        }
        for target in ["", "dirs", "/a/b/c", "/a/b/versions/d", "[/versions]"] {
            assert_eq!(TargetType::parse(target), None, "{target}");
        }
    }
}
