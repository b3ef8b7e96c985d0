use clap::Args;
use muster_wire::schemas::{QualityReport, QualityRequest};

use super::source::{Named, SchemaFlags, told};
use crate::{
    Context, Failure, OwnCode,
    output::{Style, sanitized},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema quality order.json
  muster schema quality schemagroups/shop/schemas/order --min-score 80

";

/// Rate a JSON Schema, and say what would raise the score
#[derive(Debug, Args)]
pub struct SchemaQualityArguments {
    /// A file, or the xid of a stored schema
    #[arg(value_name = "SCHEMA")]
    schema: String,
    /// Fail if the score is lower than this
    #[arg(long, value_name = "SCORE")]
    min_score: Option<u8>,
    #[command(flatten)]
    schemas: SchemaFlags,
}

impl SchemaQualityArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let named = Named::parse(&self.schema)?;
        let client = self.schemas.client(context, &[&named]).await?;
        let schema = self.schemas.source(&named)?;
        let request = QualityRequest { schema, ..QualityRequest::default() };
        let report: QualityReport = client
            .rate_schema(&request)
            .await
            .map_err(|error| told(error, &[("schema", named.shown())]))?
            .read()?;
        let screen = &context.screen;
        if screen.is_table() {
            let scores = [
                ("completeness", report.completeness),
                ("consistency", report.consistency),
                ("validity", report.validity),
                ("complexity", report.complexity),
                ("reusability", report.reusability),
            ];
            screen.line(&format!("quality {} of 100", report.quality_score))?;
            for (name, score) in scores {
                screen.line(&format!("  {name:<13} {score:>3}"))?;
            }
            for issue in &report.issues {
                let style = match issue.severity.as_str() {
                    "error" => Style::Removed,
                    "warning" => Style::Changed,
                    _ => Style::Dim,
                };
                let path = if issue.path.is_empty() { "the schema" } else { &issue.path };
                let line = sanitized(&format!("{path}  {}", issue.message));
                screen.line(&format!("{} {line}", screen.paint(style, &issue.severity)))?;
            }
        } else {
            screen.value(&serde_json::to_value(&report).unwrap_or_default())?;
        }
        match self.min_score {
            Some(min) if report.quality_score < min => {
                let what = format!("the score {} is lower than {min}", report.quality_score);
                Err(Failure::new(OwnCode::LowQuality, what)
                    .help("mend the errors and warnings first; they count most"))
            }
            _ => Ok(()),
        }
    }
}
