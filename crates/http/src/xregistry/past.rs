use muster_catalog::View;
use muster_registry::{Registry, ViewError};
use muster_wire::{ErrorKind, Problem};
use muster_words::{Moment, Position};

use super::{query::Query, refused::problem_of_fetch};

/// The view at the position or the time that a query names with `at`; the newest without it.
///
/// # Errors
/// `bad_position`: it is neither, the ledger hasn't come to it, or it is before the beginning.
pub(crate) async fn requested(
    registry: &Registry,
    query: &str,
    path: &str,
) -> Result<View, Problem> {
    let query = Query::parse(Some(query));
    let Some(text) = query.value("at") else { return Ok(registry.view()) };
    let viewed = match text.parse().map(Position) {
        Ok(position) => registry.view_at(position).await,
        // In a query, an unencoded plus sign is a space.
        Err(_) => match Moment::parse(&text.replace(' ', "+")) {
            Ok(time) => registry.view_at_time(time).await,
            Err(_) => {
                let reason = "it is neither a position, such as 1204, nor a time, such as \
                              2026-11-21T12:00:00Z";
                return Err(refused(text, reason, path));
            }
        },
    };
    viewed.map_err(|error| match error {
        ViewError::Fetch(error) => problem_of_fetch(error, path),
        error => refused(text, &error.to_string(), path),
    })
}

fn refused(text: &str, reason: &str, path: &str) -> Problem {
    let value = text.chars().take(40).collect();
    let kind = ErrorKind::BadPosition { value, error_detail: reason.to_owned() };
    Problem::new(kind).subject(path)
}
