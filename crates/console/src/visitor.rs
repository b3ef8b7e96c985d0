use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, OriginalUri},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, Method, request::Parts};
use muster_client::{Client, Query};
use muster_http::{AllowedOrigins, CONSOLE, Caller, foreign_origin, native::Session};
use muster_wire::keys::OwnAccess;
use muster_words::Permission;

use crate::{Console, PageFault, form::may, sign_in};

/// Whoever looks at a page, with what that needs.
pub struct Visitor {
    /// Asks the API with this person's permissions.
    pub client: Client,
    /// How the request came.
    pub caller: Caller,
    /// What this person may do; none if the API doesn't say.
    pub access: Option<OwnAccess>,
    /// Whether a page of another site made the request.
    is_from_elsewhere: bool,
}

impl Visitor {
    /// What this person signed in with; none: with nothing.
    pub const fn session(&self) -> Option<&Session> {
        self.caller.session.as_ref()
    }

    /// The name of this person's role.
    pub fn role(&self) -> &str {
        self.access.as_ref().map_or("", |access| &access.role)
    }

    /// Whether this person's role shows who did what. The server decides when it is asked.
    pub fn may_read_log(&self) -> bool {
        may(self, Permission::ReadLog)
    }

    /// The token that each form carries, so that a foreign page can't send it. Without a session
    /// there is none: then the server has no keys, and its front refuses foreign pages.
    pub fn token(&self) -> &str {
        self.session().map_or("", |session| &session.token)
    }

    /// Whether a page of another site made the request.
    pub const fn comes_from_elsewhere(&self) -> bool {
        self.is_from_elsewhere
    }

    /// Refuses a form that wasn't made by a page of this session. Browsers that were given the key
    /// as a password send it with forms of other sites too, so these are refused in any case.
    ///
    /// # Errors
    /// The token is another one, or the form comes from elsewhere.
    pub fn check_token(&self, sent: &str) -> Result<(), PageFault> {
        match self.session() {
            _ if self.is_from_elsewhere => Err(PageFault::StaleForm),
            Some(session) if !session.has_token(sent.as_bytes()) => Err(PageFault::StaleForm),
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Response> {
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        let address = uri.path_and_query().map_or(CONSOLE, |address| address.as_str()).to_owned();
        // The front admits requests before they get here.
        let Some(caller) = parts.extensions.get::<Caller>().cloned() else {
            return Err(PageFault::NotAdmitted.into_response());
        };
        if caller.principal.sees_nothing() {
            if parts.method != Method::GET && parts.method != Method::HEAD {
                return Err(sign_in::ended(&address, ""));
            }
            let to = Query::new().with("to", &address);
            return Err(Redirect::to(&format!("{CONSOLE}/sign-in{to}")).into_response());
        }
        let client = (console.clients)(&caller);
        let access = match client.own_access().await {
            Ok(answer) => answer.read().ok(),
            Err(_) => None,
        };
        let is_from_elsewhere = is_from_elsewhere(&parts.headers, &caller.base);
        Ok(Self { client, caller, access, is_from_elsewhere })
    }
}

/// Whether a browser says that a request was made by a page of another site (Fetch Metadata Request
/// Headers, 2.3; older browsers name the origin of a form).
pub fn is_from_elsewhere(headers: &HeaderMap, base: &str) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site != "same-origin" && site != "none",
        None => foreign_origin(headers, base, &AllowedOrigins::default()).is_some(),
    }
}

/// Whoever may look at a page, also if it is nobody: then there is only the address.
pub struct Guest(pub Option<Visitor>);

impl FromRequestParts<Console> for Guest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Infallible> {
        Ok(Self(Visitor::from_request_parts(parts, console).await.ok()))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn believes_what_browsers_say_of_who_sent_a_form() {
        let base = "https://registry.example/muster";
        for (site, origin, expect) in [
            (Some("same-origin"), None, false),
            (Some("none"), None, false),
            (Some("cross-site"), None, true),
            (Some("same-site"), Some("https://registry.example"), true),
            // Older browsers.
            (None, Some("https://registry.example"), false),
            (None, Some("https://evil.example"), true),
            (None, Some("null"), true),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            assert_eq!(is_from_elsewhere(&headers, base), expect, "{site:?} {origin:?}");
        }
    }
}
