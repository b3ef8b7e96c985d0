//! The specification's attributes of each level, in their order of serialisation.
//! `Slot::Extensions` is the place of a model's own attributes.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{Attribute, AttributeOrigin, Attributes, Item, Kind};

/// The version of the specification that this model follows.
pub const SPECVERSION: &str = "1.0-rc4";

/// Whether a text names the version of the specification that this model follows. Its case and its
/// patch number don't matter (core, "`specversions` Capability").
#[must_use]
pub fn is_specversion(text: &str) -> bool {
    without_patch(text) == without_patch(SPECVERSION)
}

fn without_patch(version: &str) -> (String, String) {
    let version = version.to_ascii_lowercase();
    let (numbers, suffix) = version.split_once('-').unwrap_or((&version, ""));
    let mut parts = numbers.split('.');
    let major_minor = [parts.next().unwrap_or_default(), parts.next().unwrap_or_default()];
    (major_minor.join("."), suffix.to_owned())
}

/// A place in the order of a level.
pub(super) enum Slot {
    One(Box<Attribute>),
    Extensions,
}

const READONLY: u8 = 1;
const IMMUTABLE: u8 = 2;
const REQUIRED: u8 = 4;
/// Attributes that the server computes and never changes: `self`, `xid`, the URLs.
const FIXED: u8 = READONLY | IMMUTABLE | REQUIRED;

fn plain(name: &str, kind: Kind, aspects: u8) -> Attribute {
    Attribute {
        name: name.to_owned(),
        kind,
        target: None,
        charset: None,
        description: None,
        choices: Vec::new(),
        strict: None,
        matchversions: false,
        readonly: aspects & READONLY != 0,
        immutable: aspects & IMMUTABLE != 0,
        required: aspects & REQUIRED != 0,
        default: None,
        attributes: None,
        item: None,
        ifvalues: BTreeMap::new(),
        origin: AttributeOrigin::Specification,
        // The server supplies required attributes that a client doesn't send.
        supplied: aspects & REQUIRED != 0,
    }
}

fn with_default(attribute: Attribute, default: Value) -> Attribute {
    Attribute { default: Some(default), ..attribute }
}

fn of_origin(origin: AttributeOrigin, attribute: Attribute) -> Attribute {
    Attribute { origin, ..attribute }
}

fn object(name: &str, members: Vec<Attribute>) -> Attribute {
    Attribute { attributes: Some(Attributes::new(members)), ..plain(name, Kind::Object, 0) }
}

fn free_object(name: &str, aspects: u8) -> Attribute {
    let members = Attributes::new(vec![plain("*", Kind::Any, 0)]);
    Attribute { attributes: Some(members), ..plain(name, Kind::Object, aspects) }
}

fn map(name: &str, item: Item) -> Attribute {
    Attribute { item: Some(Arc::new(item)), ..plain(name, Kind::Map, 0) }
}

fn item(kind: Kind, members: Option<Vec<Attribute>>) -> Item {
    let attributes = members.map(Attributes::new);
    Item { kind, target: None, charset: None, attributes, item: None }
}

fn labels() -> Attribute {
    map("labels", item(Kind::String, None))
}

fn deprecated() -> Attribute {
    object(
        "deprecated",
        vec![
            plain("alternative", Kind::Url, 0),
            plain("documentation", Kind::Url, 0),
            plain("effective", Kind::Timestamp, 0),
            plain("removal", Kind::Timestamp, 0),
            plain("*", Kind::Any, 0),
        ],
    )
}

fn constraints() -> Attribute {
    let choices =
        Attribute { item: Some(Arc::new(item(Kind::Any, None))), ..plain("enum", Kind::Array, 0) };
    let members = vec![plain("default", Kind::Any, 0), choices, plain("equals", Kind::String, 0)];
    map("constraints", item(Kind::Object, Some(members)))
}

/// `self`, `shortself` and `xid`.
fn addresses() -> [Attribute; 3] {
    [
        plain("self", Kind::Url, FIXED),
        plain("shortself", Kind::Url, READONLY | IMMUTABLE),
        plain("xid", Kind::Xid, FIXED),
    ]
}

fn epoch() -> Attribute {
    plain("epoch", Kind::Uinteger, READONLY | REQUIRED)
}

fn times() -> [Attribute; 2] {
    ["createdat", "modifiedat"].map(|name| plain(name, Kind::Timestamp, REQUIRED))
}

/// `description`, `documentation`, `icon` and `labels`.
fn notes() -> [Attribute; 4] {
    [
        plain("description", Kind::String, 0),
        plain("documentation", Kind::Url, 0),
        plain("icon", Kind::Url, 0),
        labels(),
    ]
}

/// The attributes of a level for one of its collections.
fn collection(plural: &str) -> [Attribute; 3] {
    let members = vec![plain("*", Kind::Any, 0)];
    [
        plain(&format!("{plural}url"), Kind::Url, FIXED),
        plain(&format!("{plural}count"), Kind::Uinteger, READONLY | REQUIRED),
        map(plural, item(Kind::Object, Some(members))),
    ]
    .map(|attribute| of_origin(AttributeOrigin::Nested, attribute))
}

fn id(singular: &str) -> Attribute {
    plain(&format!("{singular}id"), Kind::String, IMMUTABLE | REQUIRED)
}

struct Slots(Vec<Slot>);

impl Slots {
    fn all(mut self, attributes: impl IntoIterator<Item = Attribute>) -> Self {
        self.0.extend(attributes.into_iter().map(|attribute| Slot::One(Box::new(attribute))));
        self
    }

    fn extensions(mut self) -> Self {
        self.0.push(Slot::Extensions);
        self
    }
}

/// The attributes of the registry. `groups` are plural names.
pub(super) fn registry<'a>(groups: impl Iterator<Item = &'a str>) -> Vec<Slot> {
    let version = plain("specversion", Kind::String, READONLY | REQUIRED);
    Slots(Vec::new())
        .all([with_default(version, SPECVERSION.into()), plain("registryid", Kind::String, FIXED)])
        .all(addresses())
        .all([epoch(), plain("name", Kind::String, 0)])
        .all(notes())
        .all(times())
        .extensions()
        .all([
            free_object("capabilities", 0),
            free_object("model", READONLY),
            free_object("modelsource", 0),
        ])
        .all(groups.flat_map(collection))
        .0
}

/// The attributes of a group. `resources` are plural names.
pub(super) fn group<'a>(singular: &str, resources: impl Iterator<Item = &'a str>) -> Vec<Slot> {
    Slots(Vec::new())
        .all([id(singular)])
        .all(addresses())
        .all([epoch(), plain("name", Kind::String, 0)])
        .all(notes())
        .all(times())
        .all([deprecated(), constraints()])
        .extensions()
        .all(resources.flat_map(collection))
        .0
}

/// The attributes of a version.
pub(super) fn version(singular: &str, hasdocument: bool) -> Vec<Slot> {
    let isdefault = plain("isdefault", Kind::Boolean, READONLY | REQUIRED);
    let document = [
        plain(&format!("{singular}url"), Kind::Url, 0),
        plain(&format!("{singular}proxyurl"), Kind::Url, 0),
        plain(singular, Kind::Any, 0),
        plain(&format!("{singular}base64"), Kind::String, 0),
    ];
    let document = document.map(|attribute| of_origin(AttributeOrigin::Document, attribute));
    Slots(Vec::new())
        .all([id(singular), id("version")])
        .all(addresses())
        .all([epoch(), plain("name", Kind::String, 0), with_default(isdefault, json!(false))])
        .all(notes())
        .all(times())
        .all([
            plain("ancestorid", Kind::String, REQUIRED),
            plain("contenttype", Kind::String, 0),
            plain("format", Kind::String, 0),
            plain("formatvalidated", Kind::Boolean, READONLY),
            plain("formatvalidatedreason", Kind::String, READONLY),
            plain("compatibilityvalidated", Kind::Boolean, READONLY),
            plain("compatibilityvalidatedreason", Kind::String, READONLY),
        ])
        .extensions()
        .all(document.into_iter().filter(|_| hasdocument))
        .0
}

/// The attributes of a resource, without those of its default version. A model can't add to them.
pub(super) fn resource(singular: &str) -> Vec<Slot> {
    let meta = free_object("meta", 0);
    Slots(Vec::new())
        .all([id(singular)])
        .all(addresses())
        .all([plain("metaurl", Kind::Url, FIXED), of_origin(AttributeOrigin::Nested, meta)])
        .all(collection("versions"))
        .0
}

/// The attributes of a Meta.
pub(super) fn meta(singular: &str) -> Vec<Slot> {
    let rules = ["backward", "backward_transitive", "forward", "forward_transitive", "full"];
    let compatibility = Attribute {
        choices: rules.into_iter().chain(["full_transitive"]).map(Value::from).collect(),
        ..plain("compatibility", Kind::String, 0)
    };
    let readonly = plain("readonly", Kind::Boolean, READONLY | REQUIRED);
    let sticky = plain("defaultversionsticky", Kind::Boolean, REQUIRED);
    Slots(Vec::new())
        .all([id(singular)])
        .all(addresses())
        .all([plain("xref", Kind::Url, 0), epoch(), labels()])
        .all(times())
        .all([with_default(readonly, json!(false)), compatibility, deprecated()])
        .extensions()
        .all([
            plain("defaultversionid", Kind::String, REQUIRED),
            plain("defaultversionurl", Kind::Url, READONLY | REQUIRED),
            with_default(sticky, json!(false)),
        ])
        .0
}
