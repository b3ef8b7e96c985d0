use std::borrow::Cow;

use http::Method;
use muster_guard::Principal;
use muster_wire::Problem;
use muster_words::Permission;

use super::place::{Address, Place, percent_decoded};
use crate::submit::check as may;

/// Asks the guard about a request, even if its path names nothing: a caller with a limited scope
/// must not learn which names exist outside it.
///
/// # Errors
/// `role_denied` or `out_of_scope`.
pub(super) fn check(
    principal: &Principal,
    address: Option<&Address>,
    path: &str,
    method: &Method,
) -> Result<(), Problem> {
    let Some(address) = address else {
        if principal.scope.is_none() {
            return Ok(());
        }
        let path = percent_decoded(path).unwrap_or_else(|| path.to_owned());
        return may(principal, Permission::ReadDocuments, &path).map(|_| ());
    };
    let needed = address.place.permission(method);
    let place = address.place.path(address);
    let asked = may(principal, needed, &place);
    if let (Err(_), Permission::WriteDocuments, &Method::PATCH) = (&asked, needed, method) {
        // The request may only approve or reject a version in review; the body shows that later.
        let judges = [Permission::ApproveDocuments, Permission::RejectDocuments];
        if judges.into_iter().any(|judge| may(principal, judge, &place).is_ok()) {
            return Ok(());
        }
    }
    asked.map(|_| ())
}

impl Place {
    /// The least permission for a method, as in the operation's row.
    fn permission(&self, method: &Method) -> Permission {
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        match self {
            Self::Model
            | Self::ModelSource
            | Self::Capabilities
            | Self::CapabilitiesOffered
            | Self::Registries
                if reads =>
            {
                Permission::ReadRegistry
            }
            _ if reads => Permission::ReadDocuments,
            Self::Model | Self::ModelSource => Permission::WriteModel,
            Self::Capabilities | Self::CapabilitiesOffered => Permission::WriteCapabilities,
            Self::Registry if *method == Method::POST => Permission::WriteDocuments,
            Self::Registry | Self::Export | Self::Registries => Permission::WriteRegistry,
            _ if *method == Method::DELETE => Permission::DeleteDocuments,
            _ => Permission::WriteDocuments,
        }
    }

    /// The place of the request.
    fn path<'a>(&self, address: &'a Address) -> Cow<'a, str> {
        match self.entity() {
            Some(xid) => xid.to_string().into(),
            None if self.is_collection() => address.path.as_str().into(),
            None => "/".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

    use muster_model::{Foundation, Model};
    use muster_wire::operations::{Endpoint, OPERATIONS};
    use serde_json::json;

    use super::*;
    use crate::xregistry::PREFIX;

    #[test]
    fn asks_for_what_the_table_of_operations_says() {
        let entries = json!({"singular": "entry"});
        let groups = json!({"singular": "provider", "resources": {"entries": entries}});
        let source = json!({"groups": {"providers": groups}});
        let model = Model::compile(&source, Foundation::Bare).unwrap();
        let mut seen = 0;
        for operation in OPERATIONS.iter().filter(|one| one.endpoint == Endpoint::XRegistry) {
            let path = operation.sample_path();
            let method: Method = operation.verb.name().parse().unwrap();
            let address = Address::parse(path.strip_prefix(PREFIX).unwrap(), &model, true).unwrap();
            let permission = address.place.permission(&method);
            assert_eq!(Some(permission), operation.permission, "{method} {path}");
            seen += 1;
        }
        assert!(seen > 40, "{seen}");
    }
}
