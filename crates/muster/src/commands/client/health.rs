use clap::Args;
use muster_client::site::SourceCondition;

use super::SiteArguments;
use crate::{Context, Exit, Failure, output::numbers::separated};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster client health --url https://cdn.example --key site.pub

";

/// Say whether a site can be read and is to be believed
#[derive(Debug, Args)]
pub struct ClientHealthArguments {
    #[command(flatten)]
    site: SiteArguments,
}

impl ClientHealthArguments {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let reader = self.site.reader(context)?;
        // What it answers doesn't matter here; why is in the report.
        let _ = reader.get_manifest().await;
        let health = reader.get_health_status();
        let screen = &context.screen;
        if screen.is_table() {
            let status = match health.status {
                SourceCondition::Healthy => "healthy",
                SourceCondition::Degraded => "degraded",
                SourceCondition::Unhealthy => "unhealthy",
            };
            let took = health.average_response_time_ms;
            let version = health.manifest_version.map(separated);
            let version = version.map_or(String::new(), |version| format!(", manifest {version}"));
            screen.line(&format!("{status}, {took:.1} ms{version}"))?;
            if let Some(error) = &health.last_error {
                screen.line(error)?;
            }
        } else {
            screen.value(&serde_json::to_value(&health).unwrap_or_default())?;
        }
        match health.status {
            SourceCondition::Healthy => Ok(()),
            _ => Err(Failure::already_reported(Exit::Refused)),
        }
    }
}
