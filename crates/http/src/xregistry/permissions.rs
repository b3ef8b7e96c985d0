use std::borrow::Cow;

use http::Method;
use muster_guard::Principal;
use muster_wire::{
    Problem,
    operations::{OPERATIONS, Operation, Verb},
};
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
        let reviews = [Permission::ApproveDocuments, Permission::RejectDocuments];
        if reviews.into_iter().any(|review| may(principal, review, &place).is_ok()) {
            return Ok(());
        }
    }
    asked.map(|_| ())
}

impl Place {
    /// The permission that the operation needs. A method that the place doesn't support is refused
    /// later, so only callers who may write learn about other methods than GET.
    fn permission(&self, method: &Method) -> Permission {
        let operation = self.operation(method).and_then(|operation| operation.permission);
        operation.unwrap_or(Permission::WriteDocuments)
    }

    /// The operation of a method. HEAD and OPTIONS are as GET.
    fn operation(&self, method: &Method) -> Option<&'static Operation> {
        let reads = matches!(*method, Method::HEAD | Method::OPTIONS);
        let verb = if reads { Verb::Get.name() } else { method.as_str() };
        let template = self.template();
        let is_meant = |one: &&Operation| {
            one.verb.name() == verb && one.path.trim_end_matches("$details") == template
        };
        OPERATIONS.iter().find(is_meant)
    }

    /// The path in the table of operations, without `$details`.
    const fn template(&self) -> &'static str {
        match self {
            Self::Registry => "/api",
            Self::Export => "/api/export",
            Self::Model => "/api/model",
            Self::ModelSource => "/api/modelsource",
            Self::Capabilities => "/api/capabilities",
            Self::CapabilitiesOffered => "/api/capabilitiesoffered",
            Self::Registries => "/api/.xregistry",
            Self::Groups(_) => "/api/{groups}",
            Self::Group(..) => "/api/{groups}/{group}",
            Self::Resources(..) => "/api/{groups}/{group}/{resources}",
            Self::Resource(..) => "/api/{groups}/{group}/{resources}/{resource}",
            Self::Meta(_) => "/api/{groups}/{group}/{resources}/{resource}/meta",
            Self::Versions(..) => "/api/{groups}/{group}/{resources}/{resource}/versions",
            Self::Version(..) => "/api/{groups}/{group}/{resources}/{resource}/versions/{version}",
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
    use muster_wire::operations::Endpoint;
    use serde_json::json;

    use super::*;
    use crate::xregistry::PREFIX;

    #[test]
    fn finds_each_operation_of_the_table() {
        let entries = json!({"singular": "entry"});
        let groups = json!({"singular": "provider", "resources": {"entries": entries}});
        let source = json!({"groups": {"providers": groups}});
        let model = Model::compile(&source, Foundation::Bare).unwrap();
        let mut seen = 0;
        for operation in OPERATIONS.iter().filter(|one| one.endpoint == Endpoint::XRegistry) {
            let path = operation.sample_path();
            let method: Method = operation.verb.name().parse().unwrap();
            let address = Address::parse(path.strip_prefix(PREFIX).unwrap(), &model, true).unwrap();
            let found = address.place.operation(&method).unwrap();
            let meant = operation.path.trim_end_matches("$details");
            assert_eq!(
                (found.path.trim_end_matches("$details"), found.verb),
                (meant, operation.verb)
            );
            // An operation on the details needs what the operation on the document needs.
            assert_eq!(found.permission, operation.permission, "{method} {path}");
            seen += 1;
        }
        assert!(seen > 40, "{seen}");
    }
}
