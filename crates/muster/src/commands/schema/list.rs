use clap::Args;
use muster_client::{Client, Page, Query};
use muster_schema::SchemaFormat;
use muster_words::json::Value;
use serde_json::json;

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    commands::list,
    model,
    output::{
        Style, Table,
        numbers::{counted, separated},
        times,
    },
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema list
  muster schema list shop
  muster schema list --output json | jq -r '.[].xid'

";

/// List the schemas of a group, or of all groups
#[derive(Debug, Args)]
pub struct SchemaListArguments {
    /// The group, such as shop or schemagroups/shop [default: all groups]
    #[arg(value_name = "GROUP")]
    group: Option<String>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// The collection of the groups that hold schemas.
const GROUPS: &str = "schemagroups";

impl SchemaListArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let collections = match &self.group {
            Some(group) => vec![collection_of(group)?],
            None => all_collections(&client).await?,
        };
        let mut found: Vec<(String, Page)> = Vec::new();
        for collection in collections {
            match client.all(&collection, &Query::new()).await {
                Ok(page) => found.push((collection, page)),
                // A group that is deleted meanwhile has no schemas.
                Err(error) if error.is_absent() && self.group.is_none() => {}
                Err(error) => return Err(list::explain_absent(&client, &collection, error).await),
            }
        }
        let schemas = found.iter().flat_map(|(collection, page)| {
            page.entries.iter().map(move |(id, details)| (format!("{collection}/{id}"), details))
        });
        let screen = &context.screen;
        if !screen.is_table() {
            let all = schemas.map(|(xid, details)| facts(&xid, details)).collect();
            return screen.value(&Value::Array(all));
        }
        let mut table = Table::new(["name", "format", "version", "versions", "changed"]).numbers(3);
        let mut count = 0;
        for (xid, details) in schemas {
            count += 1;
            table.row([
                xid.trim_start_matches('/').to_owned(),
                format_of(details),
                text(details, "versionid").to_owned(),
                separated(details.get("versionscount").and_then(Value::as_u64).unwrap_or(0)),
                times::since(screen, text(details, "modifiedat")),
            ]);
        }
        if !table.is_empty() {
            screen.write(table.render(screen).as_bytes())?;
        }
        let note = counted(count, "schema", "schemas");
        screen.note(&screen.paint_error(Style::Dim, &note));
        Ok(())
    }
}

/// The collection of the schemas of a group, which may be named alone, with its type, or as its
/// collection.
fn collection_of(group: &str) -> Result<String, Failure> {
    let parts: Vec<&str> = group.trim_matches('/').split('/').collect();
    match *parts.as_slice() {
        [group] | [GROUPS, group] | [GROUPS, group, "schemas"] if !group.is_empty() => {
            Ok(format!("/{GROUPS}/{group}/schemas"))
        }
        _ => Err(Failure::usage(format!("{group} isn't a group of schemas"))
            .help("muster schema list schemagroups/shop lists the schemas of a group")),
    }
}

/// The collections of all groups.
pub(super) async fn all_collections(client: &Client) -> Result<Vec<String>, Failure> {
    let groups = match client.all(&format!("/{GROUPS}"), &Query::new()).await {
        Ok(groups) => groups,
        Err(error) if error.is_absent() => {
            let model = model::to_show(client).await?;
            return Err(suggest::unknown_collection(&model, &[GROUPS]));
        }
        Err(error) => return Err(error.into()),
    };
    let ids = groups.entries.into_iter();
    Ok(ids.map(|(id, _)| format!("/{GROUPS}/{id}/schemas")).collect())
}

/// What programs get of a schema.
fn facts(xid: &str, details: &Value) -> Value {
    json!({
        "xid": xid,
        "format": format_of(details),
        "versionid": details.get("versionid"),
        "versionscount": details.get("versionscount"),
        "modifiedat": details.get("modifiedat"),
    })
}

/// The attribute `format`; without it, the format that the registry reads the schema as.
fn format_of(details: &Value) -> String {
    match text(details, "format") {
        "" => SchemaFormat::of_stored(None, Some(text(details, "contenttype")))
            .map_or_else(String::new, |format| format.to_string()),
        named => named.to_owned(),
    }
}

fn text<'a>(details: &'a Value, name: &str) -> &'a str {
    details.get(name).and_then(Value::as_str).unwrap_or_default()
}
