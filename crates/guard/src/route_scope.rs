use muster_words::{Coverage, Xid, yaml};
use serde_json::Value;

use crate::{Forbidden, Principal};

/// Checks whether somebody may put a route or a target. A route sends what it selects to others, so
/// who may read only some places may select only those. A target also gets what the broadcasts of
/// others send, a publication makes documents public, and a live provider is called with the
/// server's credentials, so nobody with a scope may put one of these.
///
/// # Errors
/// The route selects something outside of its author's scope, or everything; or it is a target, a
/// publication or a live provider, and its author has a scope.
pub fn check_route(
    principal: &Principal,
    resource: &Xid,
    document: &[u8],
) -> Result<(), Forbidden> {
    let Some(scope) = &principal.scope else { return Ok(()) };
    match resource.group_ids().map(|(groups, _)| groups.as_str()) {
        Some("routes") => {}
        Some("targets" | "publications" | "aiproviders") => return Err(Forbidden::Scope),
        _ => return Ok(()),
    }
    // What isn't a route is refused by the schema.
    let Ok(value) = yaml::parse(document) else { return Ok(()) };
    let selected = value.pointer("/select/collections").and_then(Value::as_array);
    let is_within = |pattern: &Value| {
        let place = pattern.as_str().unwrap_or_default();
        scope.coverage(place) == Coverage::Within
    };
    match selected {
        Some(patterns) if !patterns.is_empty() && patterns.iter().all(is_within) => Ok(()),
        _ => Err(Forbidden::Scope),
    }
}
