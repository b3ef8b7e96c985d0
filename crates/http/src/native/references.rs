//! `GET /references/<xid>`: what refers to an entity, and to what it refers.

use std::collections::BTreeSet;

use axum::{
    Extension,
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use muster_catalog::View;
use muster_wire::{
    ErrorKind, Problem, headers,
    references::{ReferencesAnswer, ReferredEntity},
};
use muster_words::{Coverage, Xid};

use super::{Native, answer};
use crate::{Caller, IntoProblem};

/// The most names in each list. A popular document may have a referrer for each other one.
const NAMES_MAX: usize = 10_000;

/// `GET /references/<xid>`.
pub(super) async fn references(
    State(native): State<Native>,
    Extension(caller): Extension<Caller>,
    Path(path): Path<String>,
) -> Result<Response, IntoProblem> {
    let xid = entity(&format!("/{}", path.trim_matches('/')))?;
    let view = native.registry.view().seen_within(caller.principal.scope.clone());
    if !view.has(&xid) {
        return Err(Problem::new(ErrorKind::NotFound).subject(&xid).into());
    }
    // An entity may have as many referrers as there are documents.
    let answering = async { Ok(found(&view, &xid)) };
    let found = native.searches.run(answering).await?;
    let mut response = answer::json(StatusCode::OK, &found);
    response.headers_mut().insert(headers::MUSTER_POSITION, view.position().0.into());
    Ok(response)
}

fn found(view: &View, xid: &Xid) -> ReferencesAnswer {
    let mut refers_to = BTreeSet::new();
    if let Some(resource) = view.catalog().resource_at(xid) {
        refers_to.extend(resource.references(xid).iter().cloned());
    } else if let Some(group) = view.catalog().group_at(xid) {
        refers_to.extend(group.own.bindings.targets().cloned());
    }
    let visible = |xid: &&Xid| match view.within() {
        None => true,
        Some(within) => within.coverage(&xid.to_string()) == Coverage::Within,
    };
    let referrers = view.referrers_of(xid);
    let referrers: Vec<&Xid> = referrers.iter().filter(visible).collect();
    let targets: Vec<&Xid> = refers_to.iter().filter(visible).collect();
    let names_left_out = (referrers.len() + targets.len())
        .saturating_sub(referrers.len().min(NAMES_MAX) + targets.len().min(NAMES_MAX));
    let target = |xid: &&Xid| ReferredEntity { xid: xid.to_string(), exists: view.has(xid) };
    ReferencesAnswer {
        xid: xid.to_string(),
        refers_to: targets.iter().take(NAMES_MAX).map(target).collect(),
        referred_by: referrers.iter().take(NAMES_MAX).map(ToString::to_string).collect(),
        left_out: (names_left_out > 0).then_some(names_left_out as u64),
    }
}

/// The xid of a group or of a document.
fn entity(text: &str) -> Result<Xid, Problem> {
    let shown: String = text.chars().take(400).collect();
    match text.parse() {
        Ok(xid @ (Xid::Group { .. } | Xid::Resource { .. })) => Ok(xid),
        Ok(_) => {
            let action = "references".to_owned();
            Err(Problem::new(ErrorKind::ActionNotSupported { action }).subject(&shown))
        }
        Err(error) => {
            let error_detail = error.to_string();
            Err(Problem::new(ErrorKind::MalformedXid { xid: shown, error_detail })
                .subject("/references"))
        }
    }
}
