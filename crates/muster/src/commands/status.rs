use clap::Args;
use muster_words::json::Value;

use crate::{
    Context, Failure,
    arguments::Reach,
    output::{numbers::separated, table::padded},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster status
  muster status --server http://registry.example:8080
  muster status --output json | jq .position

";

/// Show how the registry is: what it holds, how fast it writes, what is odd
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    reach: Reach,
}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.reach.client(context).await?;
        let status = client.status().await?.json()?;
        if !context.screen.is_table() {
            return context.screen.value(&status);
        }
        context.screen.write(render(&status).as_bytes())
    }
}

/// One line for each part of what the server says of itself.
fn render(status: &Value) -> String {
    let members = status.as_object().into_iter().flatten();
    let lines = members.map(|(name, value)| format!("{}{}\n", padded(name, 11), told(value)));
    lines.collect()
}

fn told(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.as_u64().map_or(number.to_string(), separated),
        Value::Object(map) => {
            let members = map
                .iter()
                .map(|(name, value)| format!("{} {}", name.replace('_', " "), told(value)));
            members.collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => items.iter().map(told).collect::<Vec<_>>().join(", "),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => "unknown".to_owned(),
    }
}
