use clap::Args;
use muster_schema::ModelProvider;
use muster_wire::schemas::{ProfileReport, ProfileRequest, SchemaObstacle};

use super::source::{Named, SchemaFlags, told};
use crate::{
    Context, Failure, OwnCode,
    output::{Screen, Style, sanitized},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster schema profile answer.json
  muster schema profile schemagroups/prompts/schemas/answer --provider openai

";

/// Say whether a JSON Schema can be used with providers of language models
#[derive(Debug, Args)]
pub struct SchemaProfileArguments {
    /// A file, or the xid of a stored schema
    #[arg(value_name = "SCHEMA")]
    schema: String,
    /// openai, anthropic or gemini; may be repeated [default: all]
    #[arg(long = "provider", value_name = "NAME")]
    providers: Vec<ModelProvider>,
    #[command(flatten)]
    schemas: SchemaFlags,
}

impl SchemaProfileArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let named = Named::parse(&self.schema)?;
        let client = self.schemas.client(context, &[&named]).await?;
        let providers = self.providers.iter().map(ToString::to_string).collect();
        let request = ProfileRequest { schema: self.schemas.source(&named)?, providers };
        let report: ProfileReport = client
            .profile_schema(&request)
            .await
            .map_err(|error| told(error, &[("schema", named.shown())]))?
            .read()?;
        let screen = &context.screen;
        if screen.is_table() {
            for profile in &report.profiles {
                let verdict = match (profile.usable, profile.obstacles.is_empty()) {
                    (true, true) => screen.paint(Style::Added, "takes it"),
                    (true, false) => screen.paint(Style::Changed, "takes it, and ignores a part"),
                    (false, _) => screen.paint(Style::Removed, "refuses it"),
                };
                screen.line(&format!("{} {verdict}", profile.provider))?;
                profile.obstacles.iter().try_for_each(|one| show(screen, one))?;
            }
        } else {
            screen.value(&serde_json::to_value(&report).unwrap_or_default())?;
        }
        let refusing: Vec<&str> = report
            .profiles
            .iter()
            .filter(|profile| !profile.usable)
            .map(|profile| profile.provider.as_str())
            .collect();
        if refusing.is_empty() {
            return Ok(());
        }
        let what = format!("{} can't be used with {}", named.shown(), refusing.join(", "));
        Err(Failure::new(OwnCode::ProfileObstacles, what)
            .help("change the schema as the findings say"))
    }
}

fn show(screen: &Screen, one: &SchemaObstacle) -> Result<(), Failure> {
    let path = if one.path.is_empty() { "the schema" } else { &one.path };
    let lines = [
        format!("  {path}  {} ({})", one.message, one.effect),
        format!("    to pass: {}", one.change),
    ];
    lines.iter().try_for_each(|line| screen.line(&sanitized(line)))
}
