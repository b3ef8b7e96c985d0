use axum::{
    extract::{FromRequestParts, Query},
    response::Response,
};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{Console, PageFault, visitor::Guest};

/// What the part of an address behind its question mark asks of a page. If it can't be read, the
/// answer is a page that says why.
pub struct AddressQuery<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Console> for AddressQuery<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let asked = Query::try_from_uri(&parts.uri).map_err(|rejection| {
            // Its own words say only that something can't be read; what, is in its cause.
            let why = std::error::Error::source(&rejection)
                .map_or_else(|| rejection.body_text(), ToString::to_string);
            PageFault::Unclear(format!("this address asks for what can't be: {why}"))
        });
        match asked {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(fault) => {
                let Ok(guest) = Guest::from_request_parts(parts, console).await;
                Err(fault.page(&guest))
            }
        }
    }
}
