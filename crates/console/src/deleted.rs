use axum::{
    Form,
    extract::{Path, rejection::FormRejection},
    response::Response,
};
use maud::{Markup, html};
use muster_client::Query;
use muster_wire::{OrOther, deleted::DeletedName, entities::HiddenKind};
use muster_words::Permission;
use serde::Deserialize;

use crate::{
    AddressQuery, PageFault, Section, Visitor,
    form::{answered, go_to, may, read, token},
    place::{Location, page_of},
    sign_in::TokenForm,
    times::{number, time},
};

/// How many names a page lists.
const NAMES_SHOWN: usize = 100;

/// Where in the list the page begins.
#[derive(Debug, Default, Deserialize)]
pub struct Start {
    after: Option<String>,
}

/// The names that can be restored.
pub async fn show(visitor: Visitor, AddressQuery(start): AddressQuery<Start>) -> Response {
    let page = async {
        let query =
            Query::new().with("limit", NAMES_SHOWN).with_some("after", start.after.as_ref());
        let listed = visitor.client.deleted("", &query).await?.read()?;
        let next = listed.next.as_deref().and_then(after_of);
        let may_restore = may(&visitor, Permission::RestoreDocuments);
        let body = html! {
            @if listed.names.is_empty() { p { "Nothing that was deleted waits to be restored." } } @else {
                p.dim { "A name comes back with everything that was in it, and with its history." }
                (table(&visitor, &listed.names, may_restore))
            }
            @if let Some(next) = next { p { a href=(format!("{}?after={next}", page_of("deleted", ""))) rel="next" { "Next page" } } }
        };
        Ok(visitor.page(Section::None, "Deleted names", body))
    };
    let page = page.await;
    answered(visitor, page)
}

/// The place in the list where the next page begins, as the API's address has it: encoded.
fn after_of(next: &str) -> Option<&str> {
    let (_, query) = next.split_once('?')?;
    query.split('&').find_map(|part| part.strip_prefix("after="))
}

fn table(visitor: &Visitor, names: &[DeletedName], may_restore: bool) -> Markup {
    html! {
        div.scroll role="region" aria-label="Deleted names" tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "What" } th scope="col" { "Deleted" }
                    th scope="col" { "By" } th.number scope="col" { "Position" }
                    @if may_restore { th scope="col" { "" } }
                } }
                tbody {
                    @for name in names {
                        tr {
                            td { code { (name.xid) } }
                            td { (kind(&name.kind)) }
                            td { (time(&name.time)) }
                            td { (name.name.as_deref().or(name.actor.as_deref()).unwrap_or("—")) }
                            td.number { (number(name.position)) }
                            @if may_restore { td { (restore_form(visitor, &name.xid)) } }
                        }
                    }
                }
            }
        }
    }
}

fn kind(kind: &OrOther<HiddenKind>) -> &str {
    match kind {
        OrOther::Known(HiddenKind::Group) => "group",
        OrOther::Known(HiddenKind::Document) => "document",
        OrOther::Known(HiddenKind::Version) => "version",
        OrOther::Other(word) => word,
    }
}

fn restore_form(visitor: &Visitor, xid: &str) -> Markup {
    html! {
        form method="post" action=(page_of("restore", xid)) {
            (token(visitor))
            button type="submit" aria-label=(format!("Restore {xid}")) { "Restore" }
        }
    }
}

/// Restores a name.
pub async fn restore(
    visitor: Visitor,
    Path(path): Path<String>,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Response {
    let page = async {
        visitor.check_token(&read(form)?.token)?;
        let place = Location::read(&path);
        visitor.client.restore(&place.entity()?).await?;
        Ok::<_, PageFault>(go_to(&page_of("browse", &place.path())))
    };
    let page = page.await;
    answered(visitor, page)
}

/// The page to go to for who comes back to the address of a form, such as after signing in.
pub async fn back_to_list() -> Response {
    go_to(&page_of("deleted", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_where_the_next_page_begins() {
        for (next, expect) in [
            ("http://x/deleted?after=/a/b%26c&limit=2", Some("/a/b%26c")),
            ("http://x/deleted?limit=2&after=/a/b", Some("/a/b")),
            ("http://x/deleted?limit=2", None),
            ("http://x/deleted", None),
        ] {
            assert_eq!(after_of(next), expect, "{next}");
        }
    }
}
