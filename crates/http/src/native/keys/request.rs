use std::sync::Arc;

use muster_guard::{KeyRecord, Role};
use muster_wire::{ErrorKind, Problem, keys::KeyRequest};
use muster_words::{Moment, XidPattern, XidPatterns, time_span};

use crate::native::body;

/// What errors are about.
const SUBJECT: &str = "/keys";

/// The maximum number of places of a key, because each is compared with every listed name.
const PLACES_MAX: usize = 16;

/// A request for a new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewKeyRequest {
    pub role: Role,
    pub name: Option<String>,
    pub scope: Option<Arc<XidPatterns>>,
    pub expires: Option<Moment>,
}

impl NewKeyRequest {
    /// Parses a body: an object, or nothing.
    ///
    /// # Errors
    /// `parsing_data` or `role_unknown`.
    pub fn read(body: &[u8], now: Moment) -> Result<Self, Problem> {
        let request: KeyRequest = match body.trim_ascii() {
            [] => KeyRequest::default(),
            body => body::read(body, SUBJECT)?,
        };
        let role = request.role.as_deref().map_or(Ok(Role::Admin), str::parse);
        let role = role.map_err(|unknown: muster_guard::UnknownRole| {
            Problem::new(ErrorKind::RoleUnknown { role: unknown.role }).subject(SUBJECT)
        })?;
        if let Some(name) = &request.name {
            KeyRecord::check_name(name).map_err(refused)?;
        }
        Ok(Self {
            role,
            name: request.name,
            scope: request.scope.as_deref().map(scope).transpose()?.map(Arc::new),
            expires: request.expires.as_deref().map(|text| expires(text, now)).transpose()?,
        })
    }
}

fn refused(detail: impl ToString) -> Problem {
    body::refused(detail.to_string(), SUBJECT)
}

fn scope(places: &[String]) -> Result<XidPatterns, Problem> {
    if !(1..=PLACES_MAX).contains(&places.len()) {
        return Err(refused(format!("a scope has 1 to {PLACES_MAX} places")));
    }
    let places: Result<Vec<XidPattern>, _> = places.iter().map(|place| place.parse()).collect();
    places.map(XidPatterns::new).map_err(refused)
}

/// Parses when a key expires: a time from now, or a moment.
fn expires(text: &str, now: Moment) -> Result<Moment, Problem> {
    let wrong = || refused("expires is a time such as 90d, 12h or 30m, or 2027-01-31T12:00:00Z");
    let moment = match time_span(text) {
        Some(time) => i64::try_from(time.as_micros())
            .ok()
            .and_then(|time| now.microseconds().checked_add(time))
            .and_then(|moment| Moment::from_microseconds(moment).ok())
            .ok_or_else(wrong)?,
        None => Moment::parse(text).map_err(|_| wrong())?,
    };
    if moment > now { Ok(moment) } else { Err(refused("expires must lie in the future")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_key_is_asked_to_be() {
        for (body, expect) in [
            ("", Ok("admin")),
            ("{}", Ok("admin")),
            (r#"{"role": "admin"}"#, Ok("admin")),
            (r#"{"role": null, "name": "deploy"}"#, Ok("admin deploy")),
            (r#"{"role": "auditor", "scope": null}"#, Ok("auditor")),
            (r#"{"scope": ["providers/cms", "/stacks/*"]}"#, Ok("admin /providers/cms /stacks/*")),
            (r#"{"role": "reader"}"#, Err("role_unknown")),
            (r#"{"role": 1}"#, Err("parsing_data")),
            (r#"{"name": ""}"#, Err("parsing_data")),
            (r#"{"scope": []}"#, Err("parsing_data")),
            (r#"{"scope": "/providers"}"#, Err("parsing_data")),
            (r#"{"scope": ["/"]}"#, Err("parsing_data")),
            (r#"{"scope": ["/a/b/c/d/versions"]}"#, Err("parsing_data")),
            (r#"{"expires": "soon"}"#, Err("parsing_data")),
            (r#"{"nmae": "x"}"#, Err("parsing_data")),
            (r#"{"name": "a", "name": "b"}"#, Err("parsing_data")),
            ("[]", Err("parsing_data")),
            ("{", Err("parsing_data")),
        ] {
            let read = NewKeyRequest::read(body.as_bytes(), Moment::EPOCH);
            let said = read.as_ref().map(|key| {
                let scope = key.scope.as_ref().map(ToString::to_string);
                let parts = [Some(key.role.to_string()), key.name.clone(), scope];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
            });
            let expect = expect.map(str::to_owned);
            assert_eq!(said.map_err(|problem| problem.code().name()), expect, "{body}");
        }
    }

    #[test]
    fn reads_when_a_key_expires() {
        let seconds = |text: &str| {
            let moment = expires(text, Moment::EPOCH).ok()?;
            Some(moment.microseconds() / 1_000_000)
        };
        for (text, expect) in [
            ("1s", Some(1)),
            ("30m", Some(1_800)),
            ("12h", Some(43_200)),
            ("90d", Some(7_776_000)),
            ("2w", Some(1_209_600)),
            ("1970-01-01T00:00:05Z", Some(5)),
            ("1969-12-31T23:59:59Z", None),
            ("0d", None),
            ("-1d", None),
            ("+1d", None),
            ("d", None),
            ("90", None),
            ("90y", None),
            ("99999999999999999d", None),
            ("é", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expect, "{text}");
        }
    }
}
