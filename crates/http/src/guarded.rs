//! Routes that ask the guard first, according to the table of operations.

use axum::{
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use muster_wire::{
    ErrorKind, Problem,
    operations::{Endpoint, NativeEndpoint, Operation},
};

use crate::{
    Caller, IntoProblem, known_query::check_query, native, submit::check,
    xregistry::percent_decoded,
};

/// A route that asks the guard before it runs, and refuses query parameters that the operation
/// doesn't have. The permission comes from the operation's row, so no
/// row can be left out.
pub(crate) fn guarded<S>(operation: &'static Operation, route: MethodRouter<S>) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    route.route_layer(from_fn(move |request: Request, next: Next| async move {
        let uri = request.uri();
        let allowed =
            may(operation, &request).and_then(|()| check_query(operation, uri.path(), uri.query()));
        match allowed {
            Ok(()) => next.run(request).await,
            Err(problem) => refused(operation, problem, &request),
        }
    }))
}

fn may(operation: &Operation, request: &Request) -> Result<(), Problem> {
    let Some(permission) = operation.permission else { return Ok(()) };
    // The front admits requests before they get here.
    let caller = request.extensions().get::<Caller>().ok_or(ErrorKind::ServerError)?;
    let path = request.uri().path();
    let place = match operation.endpoint {
        Endpoint::Native(
            NativeEndpoint::Log
            | NativeEndpoint::Restore
            | NativeEndpoint::Validate
            | NativeEndpoint::Export
            | NativeEndpoint::Diff
            | NativeEndpoint::Deleted
            | NativeEndpoint::RunPublication
            | NativeEndpoint::ShowPublished
            | NativeEndpoint::References,
        ) => below_first_step(path),
        _ => "/",
    };
    // A place that can't be decoded is in no scope.
    let place = percent_decoded(place).unwrap_or_else(|| place.to_owned());
    check(&caller.principal, permission, &place).map(|_| ())
}

/// `/log/providers/cms` is about `/providers/cms`.
fn below_first_step(path: &str) -> &str {
    let below = path[1.min(path.len())..].find('/');
    below.map_or("/", |at| &path[at + 1..])
}

fn refused(operation: &Operation, problem: Problem, request: &Request) -> Response {
    let caller = request.extensions().get::<Caller>();
    let problem = match caller {
        Some(caller) => problem.instance(&*caller.request_id),
        None => problem,
    };
    match operation.endpoint {
        Endpoint::Native(NativeEndpoint::Confluent) => {
            native::refused_by_schema_api(&problem).map(Into::into)
        }
        _ => IntoProblem(problem).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_place_in_a_path() {
        for (path, expect) in [
            ("/log", "/"),
            ("/log/", "/"),
            ("/log/providers", "/providers"),
            ("/restore/a/b/c/d", "/a/b/c/d"),
            ("/", "/"),
            ("", "/"),
        ] {
            assert_eq!(below_first_step(path), expect, "{path}");
        }
    }
}
