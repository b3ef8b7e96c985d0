use axum::{
    Form,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use maud::{Markup, html};
use muster_http::{CONSOLE, Caller, session_cookie, session_id};
use serde::Deserialize;

use crate::{
    AddressQuery, Console, FramedPage, PageFault, Section, Visitor, frame,
    visitor::is_from_elsewhere,
};

/// Where to go on after signing in.
#[derive(Deserialize)]
pub struct SignInQuery {
    #[serde(default)]
    to: String,
}

/// The form of the page.
#[derive(Deserialize)]
pub struct SignInForm {
    key: String,
    #[serde(default)]
    to: String,
}

/// A form that only says that it is one of this session's.
#[derive(Deserialize)]
pub struct TokenForm {
    /// Shows whose form it is.
    pub token: String,
}

/// The form to sign in.
pub async fn show(AddressQuery(destination): AddressQuery<SignInQuery>) -> Response {
    respond(&destination.to, None, StatusCode::OK)
}

/// The answer to a form whose session is over: it says that nothing was changed, and gives back what
/// was typed. `to` is the page to go on with.
pub fn ended(to: &str, typed: &str) -> Response {
    let notice = html! {
        div.notice.bad role="alert" {
            p { strong { "Your session was over when the form was sent, so nothing was changed." } }
            @if typed.is_empty() {
                p { "Sign in, and send it again." }
            } @else {
                p { "What you typed is below. Copy it, sign in, and put it into the form again." }
            }
        }
        @if !typed.is_empty() {
            label for="typed" { "What you typed" }
            // HTML drops the first line break of the element, so that one is the page's own.
            textarea #typed readonly rows="16" wrap="off" { "\n" (typed) }
        }
    };
    respond(to, Some(notice), StatusCode::UNAUTHORIZED)
}

/// Signs in with a key.
pub async fn sign_in(
    State(console): State<Console>,
    axum::Extension(caller): axum::Extension<Caller>,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    // Another site could sign somebody in to an account of its own, and watch what is typed then.
    if is_from_elsewhere(&headers, &caller.base) {
        return PageFault::StaleForm.into_response();
    }
    let id = match console.sessions.begin(&form.key, caller.peer) {
        Ok(id) => id,
        Err(_) => {
            let notice = html! {
                div.notice.bad role="alert" {
                    p { strong { "This registry doesn't know that key, or its time is over." } }
                    p { "Check that the whole key was copied, or ask an admin for a new one." }
                }
            };
            return respond(&form.to, Some(notice), StatusCode::UNAUTHORIZED);
        }
    };
    let mut response = Redirect::to(own_address(&form.to)).into_response();
    set_cookie(&mut response, &caller, &id, "");
    response
}

/// Signs out.
pub async fn sign_out(
    State(console): State<Console>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Response {
    if let Err(fault) = visitor.check_token(&form.token) {
        return fault.into_response();
    }
    if let Some(id) = session_id(&headers, &visitor.caller.base) {
        console.sessions.end(id);
    }
    let mut response = Redirect::to(&format!("{CONSOLE}/sign-in")).into_response();
    set_cookie(&mut response, &visitor.caller, "", "; Max-Age=0");
    response
}

/// Sends the cookie: no script reads it, no other site makes a browser send it, and under TLS it
/// never travels in clear text (RFC 6265bis, 4.1.2).
fn set_cookie(response: &mut Response, caller: &Caller, id: &str, end: &str) {
    let (name, base) = (session_cookie(&caller.base), &caller.base);
    let secure = if base.starts_with("https:") { "; Secure" } else { "" };
    let cookie = format!("{name}={id}; Path=/; HttpOnly; SameSite=Strict{secure}{end}");
    // The id has only letters, digits, - and _.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

/// The page to go on with: one of the console, whatever the address said.
fn own_address(to: &str) -> &str {
    let below = to.strip_prefix(CONSOLE);
    let is_own = below.is_some_and(|below| below.is_empty() || below.starts_with(['/', '?']));
    let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_plain = is_plain && !to.contains("/.") && !to.to_ascii_lowercase().contains("%2e");
    if is_own && is_plain { to } else { CONSOLE }
}

fn respond(to: &str, notice: Option<Markup>, status: StatusCode) -> Response {
    let body = html! {
        @if let Some(notice) = notice { (notice) }
        form.card.narrow method="post" action=(format!("{CONSOLE}/sign-in")) {
            input type="hidden" name="to" value=(own_address(to));
            label for="key" { "API key" }
            input #key type="password" name="key" required autocomplete="current-password" spellcheck="false";
            p.dim { "The key that " code { "muster keys create" } " printed. You see and may do what that key may." }
            button.primary type="submit" { "Sign in" }
        }
    };
    let page = FramedPage { title: "Sign in".to_owned(), section: Section::None, body };
    let mut response = frame::respond(None, page);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_only_with_pages_of_the_console() {
        for (to, expect) in [
            ("/console/browse/providers?sort=name", "/console/browse/providers?sort=name"),
            ("/console", "/console"),
            ("/console?a=b", "/console?a=b"),
            ("", "/console"),
            ("/api", "/console"),
            ("//evil.example", "/console"),
            ("https://evil.example/console", "/console"),
            ("/consoles", "/console"),
            ("/console/\\evil", "/console"),
            ("/console/a b", "/console"),
            ("/console/../api", "/console"),
            ("/console/%2E%2e/api", "/console"),
            ("/console/a\r\nset-cookie:x", "/console"),
        ] {
            assert_eq!(own_address(to), expect, "{to:?}");
        }
    }
}
