use std::fmt::Display;

use muster_words::Xid;

use crate::{
    Catalog, Reason, Refusal, View,
    command::{Condition, EntityView, ExpectedTag},
    state::Stamp,
};

/// Checks the conditions on an entity.
pub(super) fn check(catalog: &Catalog, xid: &Xid, conditions: &[Condition]) -> Result<(), Refusal> {
    let view = View::newest(catalog);
    let stamp = |which| match which {
        EntityView::Document => view.document_stamp(xid),
        EntityView::Details => view.details_stamp(xid),
    };
    check_stamps(xid, catalog.has(xid), stamp, conditions)
}

/// Checks the conditions on the source of the model, which always exists.
pub(super) fn check_model(catalog: &Catalog, conditions: &[Condition]) -> Result<(), Refusal> {
    let stamp = |which| (which == EntityView::Details).then_some(catalog.model_stamp);
    check_stamps("/modelsource", true, stamp, conditions)
}

fn check_stamps(
    subject: impl Display,
    exists: bool,
    stamp: impl Fn(EntityView) -> Option<Stamp>,
    conditions: &[Condition],
) -> Result<(), Refusal> {
    let matches = |expected: &ExpectedTag| {
        let named = Stamp { position: expected.position, tag: expected.tag };
        stamp(expected.view) == Some(named)
    };
    for condition in conditions {
        let holds = match condition {
            Condition::Exists => exists,
            Condition::Absent => !exists,
            Condition::Matches(any) => any.iter().any(matches),
            Condition::Differs(any) => !any.iter().any(matches),
        };
        if !holds {
            let header = match condition {
                Condition::Exists | Condition::Matches(_) => "If-Match",
                Condition::Absent | Condition::Differs(_) => "If-None-Match",
            };
            return Err(Refusal::new(subject, Reason::PreconditionFailed { header }));
        }
    }
    Ok(())
}
