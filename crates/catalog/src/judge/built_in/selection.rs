//! What a route selects: documents, or live events.

use muster_schema::Violation;
use muster_words::json::Value;

/// The category of live events.
const ERRORS: &str = "errorEvents";

/// The categories of which nothing is known yet.
const UNAVAILABLE: [&str; 3] = ["validationMetrics", "performanceMetrics", "usageAnalytics"];

/// What of a route can't be used because of what it selects.
pub(super) fn faults(route: &Value) -> Vec<Violation> {
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
    if route.get("once") == Some(&Value::Bool(true)) {
        found.push(fault("/once".to_owned(), "live events are sent as they happen"));
    }
    if route.get("mode").and_then(Value::as_str) == Some("bidirectional") {
        found
            .push(fault("/mode".to_owned(), "another registry takes documents and no live events"));
    }
    found
}
