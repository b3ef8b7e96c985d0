use axum::{Form, extract::Path, response::Response};
use maud::{Markup, html};
use muster_client::{Client, encoded_step};
use muster_wire::keys::{KeyEntry, KeyRequest, NewKey};
use muster_words::Permission;
use serde::Deserialize;

use crate::{
    AddressQuery, PageFault, Section, Visitor,
    board::{Board, done},
    form::{explained, may, token, why},
    times::{number, time},
    visitor::Guest,
};

const BOARD: Board = Board { section: Section::Keys, title: "Keys and roles", path: "/keys" };

/// How many keys a page shows.
const KEYS_SHOWN: usize = 100;

/// What each role is for. The whole table is in docs/explanation/keys-and-roles.md.
const ROLES: [(&str, &str); 5] = [
    (
        "admin",
        "may do everything, also create keys, change the model, and send documents elsewhere",
    ),
    (
        "publisher",
        "reads, writes and publishes documents and calls AI providers; deletes and restores what was made under the same key's name",
    ),
    ("reviewer", "reads documents, the log and the status; approves or rejects versions in review"),
    ("consumer", "reads documents and checks others without writing them"),
    (
        "auditor",
        "changes nothing; reads documents, the log, the ledger, the status, the metrics and the list of keys",
    ),
];

/// What the page shows.
#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    /// Whether revoked keys are shown as well.
    #[serde(default)]
    all: String,
    /// How many keys were shown before.
    #[serde(default)]
    skip: usize,
    /// What a form did.
    #[serde(default)]
    done: String,
}

/// A key that somebody wants.
#[derive(Debug, Default, Deserialize)]
pub struct Creation {
    #[serde(default)]
    token: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    expires: String,
    #[serde(default)]
    why: String,
}

/// That a key is to be revoked.
#[derive(Deserialize)]
pub struct Revocation {
    #[serde(default)]
    token: String,
    #[serde(default)]
    why: String,
}

/// The keys, and what roles may do.
pub async fn show(visitor: Visitor, AddressQuery(wanted): AddressQuery<Wanted>) -> Response {
    let body = body(&visitor, &wanted, &Creation::default()).await;
    BOARD.show(visitor, body)
}

/// Creates a key and shows it. The answer isn't a redirect, because the key must not be in any
/// address, and the server doesn't keep it.
pub async fn create(visitor: Visitor, Form(form): Form<Creation>) -> Response {
    if let Err(fault) = visitor.check_token(&form.token) {
        return fault.page(&Guest(Some(visitor)));
    }
    match created(&visitor.client, &form).await {
        Ok(key) => BOARD.show(visitor, Ok(shown_once(&key))),
        Err(fault) => {
            let body = body(&visitor, &Wanted::default(), &form).await;
            let notice = fault.notice();
            BOARD.show(visitor, body.map(|body| html! { (notice) (body) }))
        }
    }
}

/// Asks whether a key is to be revoked.
pub async fn confirm(visitor: Visitor, Path(id): Path<String>) -> Response {
    let body = confirmation(&visitor, &id).await;
    BOARD.show(visitor, body)
}

/// Revokes a key.
pub async fn revoke(
    visitor: Visitor,
    Path(id): Path<String>,
    Form(form): Form<Revocation>,
) -> Response {
    let done = match visitor.check_token(&form.token) {
        Ok(()) => {
            let client = explained(&visitor.client, &form.why);
            client.revoke_key(&encoded_step(&id)).await.map(|_| "revoked").map_err(PageFault::from)
        }
        Err(fault) => Err(fault),
    };
    BOARD.after(visitor, done)
}

async fn created(client: &Client, form: &Creation) -> Result<NewKey, PageFault> {
    let client = explained(client, &form.why);
    Ok(client.create_key(&request(form)).await?.read()?)
}

/// What a form asks for: an empty field asks for nothing.
fn request(form: &Creation) -> KeyRequest {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let places = form.scope.split([' ', ',', '\n', '\r', '\t']).filter(|place| !place.is_empty());
    let places: Vec<String> = places.map(str::to_owned).collect();
    KeyRequest {
        role: given(&form.role),
        name: given(&form.name),
        scope: Some(places).filter(|places| !places.is_empty()),
        expires: given(&form.expires),
    }
}

async fn body(visitor: &Visitor, wanted: &Wanted, form: &Creation) -> Result<Markup, PageFault> {
    let list = visitor.client.keys(!wanted.all.is_empty()).await?.read()?;
    let may_manage = may(visitor, Permission::ManageKeys);
    let next = wanted.skip.saturating_add(KEYS_SHOWN);
    let all = if wanted.all.is_empty() { "" } else { "&all=true" };
    Ok(html! {
        @if wanted.done == "revoked" { (done("The key was revoked. Its open streams end within a second.")) }
        @if list.given { p.notice { "The server was given one more key at its start. It isn't in the ledger, so it isn't listed and can't be revoked here." } }
        h2 { "Keys " span.dim { (number(list.keys.len() as u64)) } }
        @if list.keys.is_empty() {
            p { "There are no keys, so everybody on this computer may do everything, and nobody else anything. The first key must be one of the role admin without a scope; from then on every request needs one." }
        } @else {
            (table(list.keys.iter().skip(wanted.skip).take(KEYS_SHOWN), may_manage))
        }
        p.actions {
            @if next < list.keys.len() { a.button rel="next" href=(format!("?skip={next}{all}")) { "More" } }
            @if wanted.all.is_empty() { a.button href="?all=true" { "Show revoked keys as well" } }
            @else { a.button href="?" { "Leave revoked keys out" } }
        }
        @if may_manage { (creation(visitor, form)) } @else { p.dim { "Your role sees keys, but doesn't create or revoke them." } }
        (roles())
    })
}

fn table<'a>(keys: impl Iterator<Item = &'a KeyEntry>, may_manage: bool) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Keys" {
            table {
                thead { tr {
                    th scope="col" { "Key" } th scope="col" { "Name" } th scope="col" { "Role" } th scope="col" { "Scope" }
                    th scope="col" { "Created" } th scope="col" { "Ends" }
                    @if may_manage { th scope="col" { "Revoke" } }
                } }
                tbody { @for key in keys { (row(key, may_manage)) } }
            }
        }
    }
}

fn row(key: &KeyEntry, may_manage: bool) -> Markup {
    html! {
        tr {
            th scope="row" { code { (key.id) } }
            td { (key.name.as_deref().unwrap_or("–")) }
            td { (key.role.as_deref().unwrap_or("not known")) }
            td { (scope(key)) }
            td { (time(&key.createdat)) }
            td {
                @match (&key.revokedat, &key.expiresat) {
                    (Some(at), _) => { span.tag.bad { "revoked" } " " (time(at)) }
                    (None, Some(at)) => { (time(at)) }
                    (None, None) => { span.dim { "never" } }
                }
            }
            @if may_manage {
                td {
                    @if key.revokedat.is_none() {
                        a.button.danger href=(address_of(&key.id)) { "Revoke…" span.hidden { " " (key.id) } }
                    }
                }
            }
        }
    }
}

fn scope(key: &KeyEntry) -> Markup {
    html! {
        @match &key.scope {
            None => { "everywhere" }
            Some(places) => { @for place in places { code { (place) } " " } }
        }
    }
}

fn address_of(id: &str) -> String {
    BOARD.address(&format!("/{}/revoke", encoded_step(id)))
}

fn creation(visitor: &Visitor, form: &Creation) -> Markup {
    html! {
        h2 { "Create a key" }
        form.card.narrow method="post" action=(BOARD.address("")) {
            (token(visitor))
            div { label for="key-role" { "Role" }
                select #key-role name="role" {
                    @for (role, _) in ROLES { option value=(role) selected[role == form.role] { (role) } }
                }
            }
            div { label for="key-name" { "Name, for people" } input #key-name name="name" value=(form.name) maxlength="100" autocomplete="off"; }
            div {
                label for="key-scope" { "Scope: the places where it may be used; empty for everywhere" }
                input #key-scope name="scope" value=(form.scope) placeholder="/providers/cms, /stacks" autocomplete="off";
            }
            div {
                label for="key-expires" { "Ends after" }
                input #key-expires name="expires" value=(form.expires) placeholder="90d" autocomplete="off";
                p.dim { "Such as 12h, 90d or 2w, or a moment in RFC 3339; empty for never." }
            }
            div { (why(&form.why)) }
            button.primary type="submit" { "Create" }
        }
    }
}

fn roles() -> Markup {
    html! {
        h2 { "What each role may do" }
        dl.fields { @for (role, what) in ROLES { dt { (role) } dd { (what) } } }
        p { "A scope says where a key may be used. What is about the registry as a whole, such as the ledger, keys, metrics and the model's changes, needs a key without one." }
    }
}

/// The one page that shows a key.
fn shown_once(key: &NewKey) -> Markup {
    html! {
        div.notice.good role="status" {
            p { strong { "The key was created. Copy it now: it isn't shown again, and nobody can find it out." } }
            pre tabindex="0" { (key.key) }
        }
        dl.fields {
            dt { "Key" } dd { code { (key.entry.id) } }
            dt { "Name" } dd { (key.entry.name.as_deref().unwrap_or("–")) }
            dt { "Role" } dd { (key.entry.role.as_deref().unwrap_or("–")) }
            dt { "Scope" } dd { (scope(&key.entry)) }
            dt { "Ends" } dd { @match &key.entry.expiresat { Some(at) => { (time(at)) } None => { "never" } } }
        }
        p { "It is sent as " code { "Authorization: Bearer " span.dim { "the key" } } "." }
        p { a href=(BOARD.address("")) { "Back to the keys" } }
    }
}

async fn confirmation(visitor: &Visitor, id: &str) -> Result<Markup, PageFault> {
    let keys = visitor.client.keys(false).await?.read()?.keys;
    let Some(key) = keys.into_iter().find(|key| key.id == id) else {
        return Err(PageFault::Unclear(format!("there is no key {id}, or it was revoked already")));
    };
    let is_own = visitor.access.as_ref().and_then(|own| own.id.as_deref()) == Some(id);
    Ok(html! {
        h2 { "Revoke this key?" }
        @if is_own { p.notice.warn { "This is the key that you use yourself. You will be signed out." } }
        dl.fields {
            dt { "Key" } dd { code { (key.id) } }
            dt { "Name" } dd { (key.name.as_deref().unwrap_or("–")) }
            dt { "Role" } dd { (key.role.as_deref().unwrap_or("–")) }
            dt { "Scope" } dd { (scope(&key)) }
            dt { "Created" } dd { (time(&key.createdat)) }
        }
        p { "Whoever uses it is refused from then on. This can't be undone; a new key of the same name takes over what was made with it." }
        form.card.narrow method="post" action=(address_of(id)) {
            (token(visitor))
            div { (why("")) }
            button.danger type="submit" { "Revoke" }
            " " a href=(BOARD.address("")) { "Keep it" }
        }
    })
}

#[cfg(test)]
mod tests {
    use muster_wire::Sample as _;

    use super::*;

    #[test]
    fn asks_for_what_was_filled_in() {
        let form = Creation {
            role: "publisher".to_owned(),
            scope: "/providers/cms, /stacks\r\n".to_owned(),
            name: "  ".to_owned(),
            ..Creation::default()
        };
        let expect = KeyRequest {
            role: Some("publisher".to_owned()),
            name: None,
            scope: Some(vec!["/providers/cms".to_owned(), "/stacks".to_owned()]),
            expires: None,
        };
        assert_eq!(request(&form), expect);
        assert_eq!(request(&Creation::default()), KeyRequest::default());
    }

    #[test]
    fn shows_a_key_only_where_it_was_created() {
        let key = NewKey::sample();
        assert!(shown_once(&key).into_string().contains(&key.key));
        assert!(!row(&key.entry, true).into_string().contains(&key.key));
    }
}
