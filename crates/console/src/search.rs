use axum::response::Response;
use maud::html;
use muster_http::CONSOLE;

use crate::{
    AddressQuery, Section, Visitor,
    found::Found,
    listing::{Parameters, Shown},
};

/// Documents anywhere, by words and fields.
pub async fn show(
    visitor: Visitor,
    AddressQuery(parameters): AddressQuery<Parameters>,
) -> Response {
    let page = found(&visitor, &parameters).await;
    visitor.answer(Section::Search, page)
}

async fn found(visitor: &Visitor, parameters: &Parameters) -> Shown {
    let found = Found::anywhere(visitor, parameters).await?;
    let body = html! { (found.view(&format!("{CONSOLE}/search"))) };
    Ok(("Search".to_owned(), body))
}
