use muster_words::Xid;

use crate::{
    Catalog, Reason, Refusal, View,
    command::{Condition, EntityView, ExpectedTag},
    state::Stamp,
};

/// Checks the conditions on the target.
pub(super) fn check(catalog: &Catalog, xid: &Xid, conditions: &[Condition]) -> Result<(), Refusal> {
    let view = View::newest(catalog);
    let matches = |expected: &ExpectedTag| {
        let stamp = match expected.view {
            EntityView::Document => view.document_stamp(xid),
            EntityView::Details => view.details_stamp(xid),
        };
        stamp == Some(Stamp { position: expected.position, tag: expected.tag })
    };
    for condition in conditions {
        let holds = match condition {
            Condition::Exists => catalog.has(xid),
            Condition::Absent => !catalog.has(xid),
            Condition::Matches(any) => any.iter().any(matches),
            Condition::Differs(any) => !any.iter().any(matches),
        };
        if !holds {
            let header = match condition {
                Condition::Exists | Condition::Matches(_) => "If-Match",
                Condition::Absent | Condition::Differs(_) => "If-None-Match",
            };
            return Err(Refusal::new(xid, Reason::PreconditionFailed { header }));
        }
    }
    Ok(())
}
