//! What a route selects: documents, or live events.

use muster_schema::Violation;
use muster_words::json::Value;

/// The category of live events.
const ERRORS: &str = "errorEvents";

/// The categories of which nothing is known yet.
const UNAVAILABLE: [&str; 3] = ["validationMetrics", "performanceMetrics", "usageAnalytics"];

/// What of a route can't be used because of what it selects or sends.
pub(super) fn faults(route: &Value) -> Vec<Violation> {
    let mut found = faults_of_selection(route);
    found.extend(faults_of_differences(route));
    found
}

fn sends_differences(route: &Value) -> bool {
    route.get("send").and_then(Value::as_str) == Some("differences")
}

fn is_once(route: &Value) -> bool {
    route.get("once") == Some(&Value::Bool(true))
}

fn is_bidirectional(route: &Value) -> bool {
    route.get("mode").and_then(Value::as_str) == Some("bidirectional")
}

fn faults_of_differences(route: &Value) -> Vec<Violation> {
    let fault = |pointer: &str, message: &str| {
        Violation::keyword(pointer.to_owned(), "send", message.to_owned())
    };
    let once =
        || fault("/once", "what is sent once is what there is now, and differs from nothing");
    let other = || fault("/mode", "another registry takes documents and no differences");
    let (once, other) = (is_once(route).then(once), is_bidirectional(route).then(other));
    once.into_iter().chain(other).filter(|_| sends_differences(route)).collect()
}

fn faults_of_selection(route: &Value) -> Vec<Violation> {
    let Some(select) = route.get("select").and_then(Value::as_object) else { return Vec::new() };
    let none = Vec::new();
    let categories = select.get("categories").and_then(Value::as_array).unwrap_or(&none);
    let named = |name: &str| categories.iter().any(|category| category.as_str() == Some(name));
    let unavailable = categories.iter().enumerate().filter_map(|(index, category)| {
        let name = category.as_str().filter(|name| UNAVAILABLE.contains(name))?;
        let message =
            format!("{name} isn't available in this release: schemaLifecycle and errorEvents are");
        Some(Violation::keyword(format!("/select/categories/{index}"), "categories", message))
    });
    let mut found: Vec<Violation> = unavailable.collect();
    if !select.contains_key("live") && !named(ERRORS) {
        return found;
    }
    let fault =
        |pointer: String, message: &str| Violation::keyword(pointer, "live", message.to_owned());
    if sends_differences(route) {
        found.push(fault("/send".to_owned(), "live events are sent as they are"));
    }
    let others = select.keys().filter(|name| !matches!(name.as_str(), "live" | "categories"));
    let others = others.map(|name| format!("/select/{name}"));
    let schemas = named("schemaLifecycle").then(|| "/select/categories".to_owned());
    found.extend(others.chain(schemas).map(|pointer| {
        fault(
            pointer,
            "a route sends live events or documents: let another route send the documents",
        )
    }));
    if route.get("mapping").is_some() {
        found.push(fault("/mapping".to_owned(), "live events aren't mapped"));
    }
    if is_once(route) {
        found.push(fault("/once".to_owned(), "live events are sent as they happen"));
    }
    if is_bidirectional(route) {
        found
            .push(fault("/mode".to_owned(), "another registry takes documents and no live events"));
    }
    found
}
