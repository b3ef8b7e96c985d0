use std::fmt::Write as _;

use serde_json::Value;

use super::{TOOLS, ToolRow};
use crate::{prompts, refusal::OWN_REASONS};

/// The reference page of the assistant's door, from its tables.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(BEGIN);
    for row in TOOLS.iter() {
        // Writing into a text can't fail.
        let _ = section(&mut page, row);
    }
    page.push_str(RESOURCES);
    for prompt in prompts::all() {
        let description = prompt.description.as_deref().unwrap_or_default();
        let _ = write!(page, "\n- `{}`: {description}", prompt.name);
        for argument in prompt.arguments.iter().flatten() {
            let text = argument.description.as_deref().unwrap_or_default();
            let _ = write!(page, " `{}`: {text}", argument.name);
        }
    }
    page.push_str(REFUSALS);
    for own in OWN_REASONS {
        let _ = writeln!(page, "| `{}` | {} | {} |", own.name, own.meaning, own.help);
    }
    page
}

const BEGIN: &str = "# The assistant's tools

What [an assistant](../how-to/connect-an-assistant.md) can ask for and do over the Model Context Protocol, at `/mcp` and with `muster mcp`. Generated from the program by `MUSTER_BLESS=1 cargo test -p muster-mcp`; change it there.

An answer has at most 64 KiB of JSON. What doesn't fit is left out and counted in `left_out`, or comes with a `cursor` for the next page.
";

const RESOURCES: &str = "
## Resources

Documents are resources too: `muster://registry/api` with the xid behind, such as `muster://registry/api/providers/cms/entries/sanity`. A version, a group or a collection can be read in the same way. The list of resources has the types of groups that there are. A client that subscribes to a resource is told when it, or anything in it, changes. A resource has at most 256 KiB; the tool `get` shows longer documents in parts.

## Prompts
";

const REFUSALS: &str = "

## Refusals

A refused call has `isError` and says `reason`, `message` and `advice`, and where they are known `violations`. The reasons are [those of the API](errors.md), with advice for what these tools can do, and these:

| reason | what it means | what to do |
|---|---|---|
";

fn section(page: &mut String, row: &ToolRow) -> std::fmt::Result {
    let tool = &row.tool;
    let title = tool.title.as_deref().unwrap_or_default();
    let description = tool.description.as_deref().unwrap_or_default();
    write!(page, "\n## `{}`\n\n{title}. {description}\n", tool.name)?;
    let hints = tool.annotations.as_ref();
    let changes = hints.is_some_and(|hints| hints.read_only_hint != Some(true));
    let effect = if changes { "It makes changes." } else { "It changes nothing." };
    writeln!(page, "\n{effect}\n\n| argument | type | what it is |\n|---|---|---|")?;
    let required: Vec<&str> = tool
        .input_schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = tool.input_schema.get("properties").and_then(Value::as_object);
    for (name, schema) in properties.into_iter().flatten() {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = text.replace('\n', " ").replace('|', "\\|");
        let needed = if required.contains(&name.as_str()) { " (required)" } else { "" };
        writeln!(page, "| `{name}`{needed} | {} | {text} |", type_of(schema))?;
    }
    Ok(())
}

/// The types that a schema names, for people.
fn type_of(schema: &Value) -> String {
    let mut named = Vec::new();
    collect_types(schema, &mut named);
    named.retain(|name| *name != "null");
    named.dedup();
    if named.is_empty() { "any".to_owned() } else { named.join(" or ") }
}

fn collect_types<'a>(schema: &'a Value, named: &mut Vec<&'a str>) {
    match schema.get("type") {
        Some(Value::String(one)) => named.push(one),
        Some(Value::Array(all)) => named.extend(all.iter().filter_map(Value::as_str)),
        _ => {
            let choices = schema.get("anyOf").and_then(Value::as_array);
            choices.into_iter().flatten().for_each(|choice| collect_types(choice, named));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    #[test]
    fn is_the_page_in_the_folder_of_pages() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/assistant.md");
        let page = super::reference();
        if std::env::var_os("MUSTER_BLESS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(there == page, "renew it: MUSTER_BLESS=1 cargo test -p muster-mcp");
    }
}
