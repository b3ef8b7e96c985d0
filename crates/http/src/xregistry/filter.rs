//! Filters and orders in the parameters of a request, and filters in the parameters of a URL.

use std::fmt;

use muster_catalog::query::{AttributePath, Filter, PathStep, Sort};
use muster_model::{Attributes, Item, Kind};
use muster_wire::{ErrorKind, Problem};

use super::{place::Place, query::Query};

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

/// Parses the parameter `sort` of a collection.
///
/// # Errors
/// `bad_sort`, without a subject.
pub(super) fn read_sort(query: &Query, place: &Place) -> Result<Option<Sort>, Problem> {
    let refused = |error_detail: String| {
        let value = query.value("sort").unwrap_or_default().to_owned();
        Problem::new(ErrorKind::BadSort { value, error_detail })
    };
    let sort = Sort::parse(query.values("sort")).map_err(|error| refused(error.to_string()))?;
    match &sort {
        Some(sort) if !may_be_scalar(place, &sort.path) => {
            Err(refused("it isn't a scalar, so it has no order".to_owned()))
        }
        _ => Ok(sort),
    }
}

/// Whether a member of the collection can have one value at a path that has an order. A path that
/// the model doesn't know has no value, which is lowest.
fn may_be_scalar(place: &Place, path: &AttributePath) -> bool {
    let [PathStep::Key(name), rest @ ..] = path.0.as_slice() else { return false };
    let (found, is_collection) = match place {
        Place::Groups(kind) => (kind.attributes.find(name), kind.resources.contains_key(name)),
        Place::Resources(kind, _) => {
            let own = kind.attributes.get(name);
            let found = own.or_else(|| kind.resource_attributes.find(name));
            (found.or_else(|| kind.attributes.find(name)), name == "versions" || name == "meta")
        }
        Place::Versions(kind, _) => (kind.attributes.find(name), false),
        _ => return true,
    };
    let Some(attribute) = found.filter(|_| !is_collection) else {
        return !(is_collection && rest.is_empty());
    };
    let item = attribute.item.as_deref();
    is_scalar_below((attribute.kind, attribute.attributes.as_ref(), item), rest)
}

fn is_scalar_below(
    (kind, attributes, item): (Kind, Option<&Attributes>, Option<&Item>),
    path: &[PathStep],
) -> bool {
    let [step, rest @ ..] = path else { return kind.is_scalar() || kind == Kind::Any };
    let below = match (kind, step) {
        (Kind::Object, PathStep::Key(name)) => {
            let found = attributes.and_then(|attributes| attributes.find(name));
            found.map(|one| (one.kind, one.attributes.as_ref(), one.item.as_deref()))
        }
        (Kind::Map, PathStep::Key(_)) | (Kind::Array, PathStep::Index(_)) => {
            item.map(|item| (item.kind, item.attributes.as_ref(), item.item.as_deref()))
        }
        // Several values have no order.
        (_, PathStep::AnyKey | PathStep::AnyIndex) => return false,
        _ => None,
    };
    below.is_none_or(|below| is_scalar_below(below, rest))
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
