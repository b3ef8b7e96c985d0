//! Filters and orders in the parameters of a request, and filters in the parameters of a URL.

use std::fmt;

use muster_catalog::query::{Filter, Sort};
use muster_wire::{ErrorKind, Problem};

use super::query::Query;

/// Parses the parameter `filter`.
///
/// # Errors
/// `bad_filter`, without a subject.
pub(super) fn read_filter(query: &Query) -> Result<Filter, Problem> {
    Filter::parse(query.values("filter")).map_err(|error| {
        Problem::new(ErrorKind::BadFilter {
            value: error.value().to_owned(),
            error_detail: error.to_string(),
        })
    })
}

/// Parses the parameter `sort`.
///
/// # Errors
/// `bad_sort`, without a subject.
pub(super) fn read_sort(query: &Query) -> Result<Option<Sort>, Problem> {
    Sort::parse(query.values("sort")).map_err(|error| {
        let value = query.value("sort").unwrap_or_default();
        Problem::new(ErrorKind::BadSort {
            value: value.to_owned(),
            error_detail: error.to_string(),
        })
    })
}

/// The query for the same entities of a collection; empty if none is needed.
pub(super) fn to_query(filter: &Filter) -> String {
    let texts = filter.texts(|value| UrlText(value).to_string());
    let parameters: Vec<String> = texts.iter().map(|text| format!("filter={text}")).collect();
    if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) }
}

/// A text encoded for a query.
pub(super) struct UrlText<'a>(pub &'a str);

impl fmt::Display for UrlText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            let plain = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'-' | b'.'
                        | b'_'
                        | b'~'
                        | b'*'
                        | b':'
                        | b'@'
                        | b'/'
                        | b'!'
                        | b'$'
                        | b'\''
                        | b'('
                        | b')'
                        | b';'
                        | b'?'
                        | b'='
                );
            if plain {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
