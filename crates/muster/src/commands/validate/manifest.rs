//! The manifest of a folder: whether it matches its schema, and whether it names the documents that
//! are there.

use std::collections::BTreeSet;

use muster_schema::{NoSources, Schema, Violation};
use muster_words::{
    Notation, Places, Xid,
    json::{self, Value},
};

use crate::{
    folder::{DocumentFile, Folder, MANIFEST_FILE},
    output::{Finding, findings},
};

/// The id of the schema for the manifest: the file `manifest.schema.json` among a folder's schemas.
const SCHEMA: &str = "manifest";

/// What is wrong with a folder's manifest. `file` is how the manifest is shown.
pub(super) fn check<'a>(
    folder: &Folder,
    documents: impl Iterator<Item = (&'a Xid, &'a DocumentFile)> + Clone,
    file: &str,
) -> Vec<Finding> {
    let Some(bytes) = &folder.manifest else { return Vec::new() };
    let places = findings::places(None, bytes);
    let value = match json::parse(bytes) {
        Ok(value) => value,
        Err(error) => {
            let violation = Violation::keyword("", "json", error.to_string());
            return vec![Finding::of_check(&violation, file, &places)];
        }
    };
    let mut found = Vec::new();
    let schema = documents.clone().find(|(xid, _)| is_schema(xid));
    if let Some((xid, document)) = schema {
        let notation = Notation::of(Some(&document.content_type));
        let violations = match Schema::parse_as(xid, notation, &document.bytes, &NoSources) {
            Ok(schema) => schema.validate(&value),
            Err(error) => {
                let what = format!("{xid} can't be used: {error}");
                vec![Violation::keyword("", "schema", what)]
            }
        };
        found.extend(violations.iter().map(|one| Finding::of_check(one, file, &places)));
    }
    found.extend(listed(&value, documents, (file, &places)));
    found
}

fn is_schema(xid: &Xid) -> bool {
    let is_named = xid.id().is_some_and(|id| id.as_str() == SCHEMA);
    is_named && xid.collection().is_some_and(|all| all.groups.as_str() == "schemagroups")
}

/// Names without files, and files without names, for the types that the manifest lists.
fn listed<'a>(
    manifest: &Value,
    documents: impl Iterator<Item = (&'a Xid, &'a DocumentFile)> + Clone,
    (file, places): (&str, &Places),
) -> Vec<Finding> {
    let finding = |pointer: &str, message: String| {
        Finding::of_check(&Violation::keyword(pointer, MANIFEST_FILE, message), file, places)
    };
    let there: BTreeSet<[String; 3]> = documents.clone().map(|(xid, _)| place(xid)).collect();
    let types: BTreeSet<&String> = there.iter().map(|[groups, ..]| groups).collect();
    let mut named = BTreeSet::new();
    let mut found = Vec::new();
    for (groups, listing) in manifest.as_object().into_iter().flatten() {
        for (group, names) in listing.as_object().into_iter().flatten() {
            for (index, name) in names.as_array().into_iter().flatten().enumerate() {
                let Some(name) = name.as_str() else { continue };
                let place = [groups, group, name].map(alike);
                if !there.contains(&place) {
                    let pointer = format!("/{groups}/{group}/{index}");
                    let message = format!("there is no file for {groups}/{group}/{name}");
                    found.push(finding(&pointer, message));
                }
                named.insert(place);
            }
        }
    }
    let lists = |groups: &String| {
        types.contains(groups)
            && manifest
                .as_object()
                .into_iter()
                .flatten()
                .any(|(name, listing)| alike(name) == *groups && listing.is_object())
    };
    for (xid, document) in documents {
        let place = place(xid);
        if lists(&place[0]) && !named.contains(&place) {
            found.push(finding("", format!("it doesn't name {}", document.path)));
        }
    }
    found
}

/// A document's type, group and id, as a manifest names them.
fn place(xid: &Xid) -> [String; 3] {
    let part = |xid: Option<&Xid>| xid.and_then(Xid::id).map(|id| alike(id.as_str()));
    let groups = xid.collection().map(|all| alike(all.groups.as_str()));
    [groups, part(xid.group().as_ref()), part(Some(xid))].map(Option::unwrap_or_default)
}

/// Names that differ only in `-` and `_` are the same name.
fn alike(name: impl AsRef<str>) -> String {
    name.as_ref().replace('-', "_")
}
