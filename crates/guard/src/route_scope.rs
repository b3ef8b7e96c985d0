use muster_catalog::alias::ALIASES;
use muster_words::{Coverage, Permission, Xid, XidPattern, XidPatterns, yaml};
use serde_json::Value;

use crate::{Extent, Forbidden, Principal};

/// Whether a document is a route in both directions.
fn is_in_both_directions(resource: &Xid, document: &[u8]) -> bool {
    let is_route = resource.group_ids().is_some_and(|(groups, _)| groups.as_str() == "routes");
    is_route
        && yaml::parse(document)
            .is_ok_and(|value| value.get("mode").and_then(Value::as_str) == Some("bidirectional"))
}

/// Checks whether somebody may put a route or a target. A route sends what it selects to others, so
/// who may read only some places may select only those, and no aliases, which may stand for documents
/// elsewhere. A target also gets what the broadcasts of
/// others send, a publication makes documents public, and a live provider is called with the
/// server's credentials, so nobody with a scope may put one of these. A route in both directions also
/// brings in what another registry says, deletions of others' documents too, so whoever puts it must
/// be able to do that.
///
/// # Errors
/// The route selects something outside of its author's scope, or everything; or it is a target, a
/// publication or a live provider, and its author has a scope.
pub fn check_route(
    principal: &Principal,
    resource: &Xid,
    document: &[u8],
) -> Result<(), Forbidden> {
    if is_in_both_directions(resource, document)
        && principal.role.extent(Permission::DeleteDocuments) != Some(Extent::All)
    {
        let (role, permission) = (principal.role, Permission::DeleteDocuments);
        return Err(Forbidden::Role { role, permission });
    }
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
        scope.coverage(place) == Coverage::Within && !may_hold_aliases(place)
    };
    match selected {
        Some(patterns) if !patterns.is_empty() && patterns.iter().all(is_within) => Ok(()),
        _ => Err(Forbidden::Scope),
    }
}

/// Whether a pattern of places takes in aliases. What they stand for may be anywhere.
fn may_hold_aliases(place: &str) -> bool {
    let all = format!("/{ALIASES}");
    let reaches = |pattern| XidPatterns::new(vec![pattern]).coverage(&all) != Coverage::Outside;
    place.parse::<XidPattern>().is_ok_and(reaches)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;
    use crate::Role;

    #[test]
    fn only_who_may_delete_everything_puts_a_route_in_both_directions() {
        let route: Xid = "/routes/a/entries/b".parse().unwrap();
        let other: Xid = "/configs/a/entries/b".parse().unwrap();
        let both = br#"{"mode": "bidirectional", "targets": ["/targets/a/entries/b"]}"#;
        let one = br#"{"mode": "unidirectional", "targets": ["/targets/a/entries/b"]}"#;
        for (role, place, document, is_allowed) in [
            (Role::Admin, &route, &both[..], true),
            (Role::Publisher, &route, &both[..], false),
            (Role::Publisher, &route, &one[..], true),
            (Role::Publisher, &route, b"mode: bidirectional", false),
            (Role::Publisher, &other, &both[..], true),
        ] {
            let principal = Principal::new("somebody", role);
            let found = check_route(&principal, place, document);
            assert_eq!(found.is_ok(), is_allowed, "{role:?} {place}");
        }
    }
}
