use clap::{Args, ValueEnum};
use muster_wire::providers::{SelectionPreference, SelectionRequest};

use crate::{Context, Failure, arguments::ConnectionArguments, output::Table};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster providers select --model tiny
  muster providers select --capability tools --max-input-cost 3 --prefer cost

";

/// Say which live AI provider fits a need best, and why
#[derive(Debug, Args)]
pub struct ProviderSelectArguments {
    /// The model, or provider/model
    #[arg(long, value_name = "ID")]
    model: Option<String>,
    /// Only this provider; may be repeated
    #[arg(long, value_name = "NAME")]
    provider: Vec<String>,
    /// What the model must be able to do, such as tools or vision; may be repeated
    #[arg(long, value_name = "WORD")]
    capability: Vec<String>,
    /// What the model must read, such as image; may be repeated
    #[arg(long, value_name = "KIND")]
    input: Vec<String>,
    /// What the model must write; may be repeated
    #[arg(long = "writes", value_name = "KIND")]
    writes: Vec<String>,
    /// The tokens that a request may have, at least
    #[arg(long, value_name = "TOKENS")]
    context_tokens: Option<u64>,
    /// The most dollars for a million tokens of requests
    #[arg(long, value_name = "DOLLARS")]
    max_input_cost: Option<f64>,
    /// The most dollars for a million tokens of answers
    #[arg(long, value_name = "DOLLARS")]
    max_output_cost: Option<f64>,
    /// The most milliseconds until an answer usually begins
    #[arg(long, value_name = "MS")]
    max_latency_ms: Option<u64>,
    /// The region of the provider
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// What decides among those that fit: priority, cost or latency
    #[arg(long, value_name = "WHAT", value_enum, default_value_t, hide_possible_values = true)]
    prefer: Prefer,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// What decides among those that fit.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Prefer {
    /// The priority, then cost
    #[default]
    Priority,
    /// The cost, then priority
    Cost,
    /// The latency, then priority
    Latency,
}

impl ProviderSelectArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let wanted = SelectionRequest {
            model: self.model,
            providers: self.provider,
            capabilities: self.capability,
            context_tokens: self.context_tokens,
            max_input_cost: self.max_input_cost,
            max_output_cost: self.max_output_cost,
            max_latency_ms: self.max_latency_ms,
            region: self.region,
            input: self.input,
            output: self.writes,
            prefer: Some(match self.prefer {
                Prefer::Priority => SelectionPreference::Priority,
                Prefer::Cost => SelectionPreference::Cost,
                Prefer::Latency => SelectionPreference::Latency,
            }),
        };
        let answer = client.select_provider(&wanted).await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        let report = answer.read()?;
        let mut table = Table::new(["", "provider", "model", "why"]);
        let all = std::iter::once(report.chosen).chain(report.runners_up);
        for (index, candidate) in all.enumerate() {
            let sign = if index == 0 { "*" } else { "" };
            let why = match candidate.last_resort {
                true => format!("last resort: it is cut off, as all others; {}", candidate.why),
                false => candidate.why,
            };
            table.row([sign.to_owned(), candidate.provider, candidate.model, why]);
        }
        screen.write(table.render(screen).as_bytes())?;
        for refused in report.refused {
            screen.note(&format!("not {}: {}", refused.provider, refused.why));
        }
        Ok(())
    }
}
