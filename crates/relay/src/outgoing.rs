//! The event that a route sends about a change, if it sends one: the same for what is delivered and
//! for what is read as a stream.

use bytes::Bytes;
use muster_words::Xid;

use crate::{
    changes::{DocumentChange, DocumentChangeKind},
    decision::TryFailure,
    delivery::Depot,
    difference::ChangedPair,
    event::{ChangedDocument, OutgoingEvent, event},
    mapped::{self, Mapped},
    route::{EventForm, Route},
};

/// A change, as a route sees it.
#[derive(Clone, Copy)]
pub(crate) struct RoutedChange<'a> {
    pub depot: &'a Depot,
    pub route: &'a Route,
    pub change: &'a DocumentChange,
}

/// An event that is ready to be sent.
pub(crate) struct MadeEvent {
    pub event: OutgoingEvent,
    /// The document in it, as it was before it was encrypted.
    pub bytes: Option<Bytes>,
    /// What the document breaks of the schema of the route's mapping.
    pub invalid: Option<String>,
    /// The other documents that it shows, because aliases stand for them.
    pub shows: Vec<Xid>,
}

impl RoutedChange<'_> {
    /// The document after the change; none if the route doesn't select it.
    pub async fn read(&self) -> Result<Option<ChangedDocument>, TryFailure> {
        let read = ChangedDocument::read(&self.depot.registry, self.change).await;
        let document = read.map_err(|_| TryFailure::Unread)?;
        if !self.route.selector.must_read() {
            return Ok(Some(document));
        }
        let is_selected = Box::pin(self.is_selected(&document)).await?;
        Ok(is_selected.then_some(document))
    }

    /// The event about a document; none if the route's mapping leaves it out.
    pub async fn event(
        &self,
        document: ChangedDocument,
        send_whole: bool,
    ) -> Result<Option<MadeEvent>, TryFailure> {
        let depot = self.depot;
        let Mapped { document, told: invalid } = self.mapped(document).await?;
        let Some(document) = document else { return Ok(None) };
        let mut shows: Vec<Xid> = document.alias_of.iter().cloned().collect();
        // What could be fetched instead isn't mapped.
        let send_whole = send_whole || self.route.transforms().is_some();
        let (mut event, bytes) = match self.route.form {
            EventForm::Documents => {
                let event = event(&depot.source, self.change, &document, send_whole);
                (event, document.bytes)
            }
            EventForm::Differences => {
                let before = self.before().await?;
                shows.extend(before.alias_of.iter().cloned());
                let (event, bytes) = self.difference(before, document, send_whole).await;
                (event, Some(bytes))
            }
        };
        if self.route.encrypt {
            event = depot.encrypt(event, bytes.as_deref().unwrap_or_default())?;
        }
        Ok(Some(MadeEvent { event, bytes, invalid, shows }))
    }

    /// A document as the route's mapping makes it.
    async fn mapped(
        &self,
        document: ChangedDocument,
    ) -> Result<Mapped<ChangedDocument>, TryFailure> {
        let Some(mapping) = self.route.transforms() else { return Ok(Mapped::of(document)) };
        let mapping = async { mapped::for_event(mapping, &self.change.resource, &document) };
        let mapped = self.depot.registry.long_work().run(mapping).await;
        mapped.map_err(|error| TryFailure::Unmapped(error.to_string()))
    }

    /// The document before the change.
    async fn before(&self) -> Result<ChangedDocument, TryFailure> {
        let read = ChangedDocument::read_before(&self.depot.registry, self.change).await;
        read.map_err(|_| TryFailure::Unread)
    }

    /// The event about how the document became what it is after the change.
    async fn difference(
        &self,
        before: ChangedDocument,
        after: ChangedDocument,
        send_whole: bool,
    ) -> (OutgoingEvent, Bytes) {
        let Self { depot, change, .. } = *self;
        let (registry, view) = (&depot.registry, depot.registry.view());
        let nothing = ChangedDocument { bytes: None, ..before.clone() };
        // What was no data then, or nothing that is mapped, was nothing to the receiver.
        let before = self.mapped(before).await.ok().and_then(|mapped| mapped.document);
        let pair = ChangedPair { before: before.unwrap_or(nothing), after };
        let found = async { pair.difference(change, &view) };
        let found = registry.long_work().run(found).await;
        pair.event(&depot.source, change, found, send_whole)
    }

    /// Whether the route selects the document: by what had to be read.
    async fn is_selected(&self, document: &ChangedDocument) -> Result<bool, TryFailure> {
        let Self { depot, route, change } = *self;
        let (registry, selector) = (&depot.registry, &route.selector);
        let before;
        // What was deleted is selected by what it was, and its group may be deleted with it.
        let (document, position) = match change.kind {
            DocumentChangeKind::Deleted => {
                before = self.before().await?;
                (&before, change.begin)
            }
            _ => (document, change.id.position),
        };
        // An alias is sent only if it and what it stands for are in a selected state.
        let states = [Some(document.state), document.alias_state.map(Some)];
        let mut states = states.into_iter().flatten();
        if !states.all(|state| selector.holds(&document.attributes, state)) {
            return Ok(false);
        }
        let view = registry.view().at_position(position);
        let has_class = selector.has_class(registry, &view, &change.resource).await;
        has_class.map_err(|_| TryFailure::Unread)
    }
}
