//! The event about how a document changed, for routes that send differences instead of documents.

use bytes::Bytes;
use muster_catalog::View;
use muster_history::difference::{self, Difference, FieldDifference};
use muster_wire::difference::{DocumentDifference, FieldChange};
use muster_words::{
    Xid,
    json::{Map, Value},
};

use crate::{
    changes::DocumentChange,
    event::{ChangedDocument, EventData, EventSource, INLINE_BYTES_MAX, OutgoingEvent, event},
};

/// The resource type that every collection of entities has, whose name says nothing.
const ENTRY: &str = "entry";

/// A differing field, for the wire.
#[must_use]
pub fn field_change(field: FieldDifference) -> FieldChange {
    let named = FieldChange { field: field.path, ..FieldChange::default() };
    match field.difference {
        Difference::Added(value) => FieldChange { added: Some(value), ..named },
        Difference::Removed(value) => FieldChange { removed: Some(value), ..named },
        Difference::Changed(before, after) => {
            FieldChange { before: Some(before), after: Some(after), ..named }
        }
        Difference::List { removed, added } => {
            FieldChange { lost: Some(removed), gained: Some(added), ..named }
        }
    }
}

/// The document before and after a change.
pub(crate) struct ChangedPair {
    pub before: ChangedDocument,
    pub after: ChangedDocument,
}

impl ChangedPair {
    /// What differs between the two.
    pub fn difference(&self, change: &DocumentChange, view: &View) -> DocumentDifference {
        let purged = self.before.erased || self.after.erased;
        let fields = if purged { Vec::new() } else { self.fields() };
        let [before, after] = [&self.before, &self.after].map(attributes);
        DocumentDifference {
            event: format!("{}_{}", singular(&change.resource, view), change.kind.name()),
            path: change.resource.to_string(),
            changes: fields.into_iter().map(field_change).collect(),
            attributes: difference::fields(&before, &after).into_iter().map(field_change).collect(),
            timestamp: change.moment.to_string(),
            purged,
            truncated: false,
        }
    }

    fn fields(&self) -> Vec<FieldDifference> {
        let [before, after] = [&self.before, &self.after];
        match (&before.bytes, &after.bytes) {
            (Some(old), Some(new)) => {
                difference::documents((before.notation(), old), (after.notation(), new))
            }
            (None, Some(new)) => vec![whole(after, new, Difference::Added)],
            (Some(old), None) => vec![whole(before, old, Difference::Removed)],
            (None, None) => Vec::new(),
        }
    }

    /// The event about the difference, and the bytes of its data. It has everything but the document
    /// that the event about the document has.
    pub fn event(
        &self,
        source: &EventSource,
        change: &DocumentChange,
        mut difference: DocumentDifference,
        send_whole: bool,
    ) -> (OutgoingEvent, Bytes) {
        let mut event = event(source, change, &self.after, send_whole);
        let kind = format!("io.muster.{}", difference.event);
        let mut bytes = serde_json::to_vec(&difference).unwrap_or_default();
        if bytes.len() > INLINE_BYTES_MAX && !send_whole {
            difference.truncated = true;
            difference.changes.clear();
            difference.attributes.clear();
            bytes = serde_json::to_vec(&difference).unwrap_or_default();
        }
        let attributes = &mut event.attributes;
        attributes.insert("type".to_owned(), kind.into());
        attributes.insert("datacontenttype".to_owned(), "application/json".into());
        // It is the address of the document, which isn't what the event has.
        attributes.remove("dataref");
        let bytes = Bytes::from(bytes);
        event.data = Some(EventData::Json(bytes.clone()));
        (event, bytes)
    }
}

/// A document that was added or removed.
fn whole(
    document: &ChangedDocument,
    bytes: &Bytes,
    difference: fn(Value) -> Difference,
) -> FieldDifference {
    let (path, value) = match document.notation().parse(bytes) {
        Ok(value) => ("", value),
        Err(_) => ("document", format!("{} bytes", bytes.len()).into()),
    };
    FieldDifference { path: path.to_owned(), difference: difference(value) }
}

/// The attributes that are compared.
fn attributes(document: &ChangedDocument) -> Value {
    let mut found: Map<String, Value> = document.attributes.clone();
    if let Some(state) = document.state {
        found.insert("state".to_owned(), state.into());
    }
    found.into()
}

/// What one document of a place is called: `provider` in `/providers/cms/entries/sanity`, `schema` in
/// `/schemagroups/own/schemas/order`.
fn singular(resource: &Xid, view: &View) -> String {
    let (groups, resources) = (resource.group_ids(), resource.resource_ids());
    let named = || {
        let group = view.model().group_type(groups?.0.as_str())?;
        let kind = group.resource_type(resources?.0.as_str())?;
        Some(if kind.singular == ENTRY { &group.singular } else { &kind.singular }.clone())
    };
    // The type isn't in the model any more.
    named().unwrap_or_else(|| "resource".to_owned())
}
