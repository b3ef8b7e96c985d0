//! The console: pages for people. They show what the registry holds, who changed what, what depends
//! on what, and let people change it. Every page is rendered here, works without a script, and has
//! an address that can be sent to somebody.
//!
//! It is no door of its own: each page asks the public API, with the permissions of whoever looks at
//! it, and knows nothing that the API doesn't tell. It holds no rule of the registry, stores
//! nothing, and loads nothing from elsewhere.

// rustdoc checks every public type for auto traits. The server's nested chains and maps need more
// than the compiler's default of 128 steps.
#![recursion_limit = "256"]

mod accepted;
mod address_query;
mod api_reference;
mod assets;
mod bars;
mod board;
mod changes;
mod compare;
mod comparison;
mod create;
mod deleted;
mod deletion;
mod difference;
mod document;
mod document_form;
mod drawing;
mod edit;
mod fault;
mod form;
mod found;
mod frame;
mod graph;
mod history;
mod judgement;
mod keys;
mod ledger;
mod listing;
mod live_providers;
mod metrics;
mod overview;
mod place;
mod plain_text;
mod playground;
mod propagation;
mod protection;
mod publications;
mod roll_back;
mod schema_comparison;
mod schema_pages;
mod search;
mod sign_in;
mod skeleton;
mod state;
mod times;
mod visitor;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use muster_client::Client;
use muster_http::{CONSOLE, Caller, native::Sessions};

pub(crate) use self::{
    address_query::AddressQuery,
    fault::PageFault,
    frame::{FramedPage, Section},
    visitor::Visitor,
};

/// Makes a client whose requests have a caller's permissions and stay in this process.
pub type ClientOf = Arc<dyn Fn(&Caller) -> Client + Send + Sync>;

/// What the pages need.
#[derive(Clone)]
pub struct Console {
    /// Asks the API as somebody.
    pub clients: ClientOf,
    /// Who has signed in.
    pub sessions: Arc<Sessions>,
}

/// The pages, all below [`CONSOLE`].
pub fn router(console: Console) -> Router {
    let pages = Router::new()
        .route("/", get(overview::show))
        .route("/browse", get(listing::show_all))
        .route("/browse/{*place}", get(listing::show))
        .route("/search", get(search::show))
        .route("/history/{*place}", get(history::show))
        .route("/compare", get(compare::show_all))
        .route("/compare/{*place}", get(compare::show))
        .merge(changing())
        .merge(about_schemas())
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/{mark}/{name}", get(assets::show))
        .merge(board::routes())
        .fallback(fault::no_such_page)
        .with_state(console);
    Router::new().nest(CONSOLE, pages)
}

/// The pages that change something.
fn changing() -> Router<Console> {
    Router::new()
        .route("/edit/{*place}", get(edit::show).post(edit::send))
        .route("/check/{*place}", post(edit::check))
        .route("/new/{*place}", get(create::show).post(create::send))
        .route("/delete/{*place}", get(deletion::show).post(deletion::delete))
        .route("/deleted", get(deleted::show))
        .route("/restore/{*place}", get(deleted::back_to_list).post(deleted::restore))
        .route("/roll-back", get(roll_back::show).post(roll_back::roll_back))
        .route("/roll-back/{*place}", get(roll_back::show).post(roll_back::roll_back))
        .route("/state/{*place}", get(state::back_to_version).post(state::change))
        .layer(DefaultBodyLimit::max(form::FORM_BYTES_MAX))
}

/// The pages about schemas.
fn about_schemas() -> Router<Console> {
    Router::new()
        .route("/schemas", get(schema_pages::show))
        .route("/schemas/compare/{*place}", get(schema_comparison::show))
        .route("/schemas/try/{*place}", get(playground::show).post(playground::check))
        .layer(DefaultBodyLimit::max(form::FORM_BYTES_MAX))
}
