use clap::Args;
use muster_wire::schemas::{SchemaDiffChange, SchemaDiffReport, SchemaDiffRequest};

use super::source::{Named, SchemaFlags, told};
use crate::{
    Context, Failure,
    output::{Screen, Style, numbers::counted, sanitized},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema diff order-1.avsc order-2.avsc
  muster schema diff schemagroups/shop/schemas/order order.json
  muster schema diff old.proto new.proto --output json

";

/// Show what differs between two versions of a schema
#[derive(Debug, Args)]
pub struct SchemaDiffArguments {
    /// The old version: a file, or the xid of a stored schema
    #[arg(value_name = "OLD")]
    old: String,
    /// The new version
    #[arg(value_name = "NEW")]
    new: String,
    #[command(flatten)]
    schemas: SchemaFlags,
}

impl SchemaDiffArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let (old, new) = (Named::parse(&self.old)?, Named::parse(&self.new)?);
        let client = self.schemas.client(context, &[&old, &new]).await?;
        let names = [("old", old.shown()), ("new", new.shown())];
        let (old, new) = (self.schemas.source(&old)?, self.schemas.source(&new)?);
        let request = SchemaDiffRequest { old, new };
        let answer = client.diff_schemas(&request).await.map_err(|error| told(error, &names))?;
        let report: SchemaDiffReport = answer.read()?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&serde_json::to_value(&report).unwrap_or_default());
        }
        let Some(class) = &report.class else { return screen.line("no difference") };
        report.changes.iter().try_for_each(|change| {
            screen.line(&format!("{} {}", sign(screen, change), sanitized(&line(change))))
        })?;
        let count = counted(report.changes.len(), "change", "changes");
        screen.line(&format!("\n{count}, {}", shown_class(screen, class)))
    }
}

fn sign(screen: &Screen, change: &SchemaDiffChange) -> String {
    match change.kind.as_str() {
        "added" => screen.paint(Style::Added, "+"),
        "removed" => screen.paint(Style::Removed, "-"),
        _ => screen.paint(Style::Changed, "~"),
    }
}

fn shown_class(screen: &Screen, class: &str) -> String {
    match class {
        "breaking" => screen.paint(Style::Removed, class),
        _ => screen.paint(Style::Added, class),
    }
}

fn line(change: &SchemaDiffChange) -> String {
    let path = if change.path.is_empty() { "the schema as a whole" } else { &change.path };
    let values = match (&change.was, &change.is) {
        (Some(was), Some(is)) => format!(": {was} → {is}"),
        (Some(one), None) | (None, Some(one)) => format!(": {one}"),
        (None, None) => String::new(),
    };
    format!("{path}  {} ({}){values}", change.part, change.class)
}
