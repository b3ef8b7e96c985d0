//! The event that a route sends about a change, if it sends one: the same for what is delivered and
//! for what is read as a stream.

use bytes::Bytes;

use crate::{
    changes::{DocumentChange, DocumentChangeKind},
    decision::TryFailure,
    delivery::Depot,
    event::{ChangedDocument, OutgoingEvent, event},
    mapped::{self, Mapped},
    route::Route,
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
        mut document: ChangedDocument,
        mut send_whole: bool,
    ) -> Result<Option<MadeEvent>, TryFailure> {
        let depot = self.depot;
        let mut invalid = None;
        if let Some(mapping) = self.route.transforms() {
            let mapping = async { mapped::for_event(mapping, &self.change.resource, &document) };
            let mapped = depot.registry.long_work().run(mapping).await;
            let Mapped { document: found, told } =
                mapped.map_err(|error| TryFailure::Unmapped(error.to_string()))?;
            let Some(found) = found else { return Ok(None) };
            (document, invalid) = (found, told);
            // What could be fetched instead isn't mapped.
            send_whole = true;
        }
        let mut event = event(&depot.source, self.change, &document, send_whole);
        if self.route.encrypt {
            event = depot.encrypt(event, document.bytes.as_deref().unwrap_or_default())?;
        }
        Ok(Some(MadeEvent { event, bytes: document.bytes, invalid }))
    }

    /// Whether the route selects the document: by what had to be read.
    async fn is_selected(&self, document: &ChangedDocument) -> Result<bool, TryFailure> {
        let Self { depot, route, change } = *self;
        let (registry, selector) = (&depot.registry, &route.selector);
        let before;
        // What was deleted is selected by what it was, and its group may be deleted with it.
        let (document, position) = match change.kind {
            DocumentChangeKind::Deleted => {
                let read = ChangedDocument::read_before(registry, change).await;
                before = read.map_err(|_| TryFailure::Unread)?;
                (&before, change.begin)
            }
            _ => (document, change.id.position),
        };
        if !selector.holds(&document.attributes, document.state) {
            return Ok(false);
        }
        let view = registry.view().at_position(position);
        let has_class = selector.has_class(registry, &view, &change.resource).await;
        has_class.map_err(|_| TryFailure::Unread)
    }
}
