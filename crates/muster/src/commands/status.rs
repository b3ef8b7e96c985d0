use clap::Args;
use muster_words::json::Value;

use crate::{
    Context, Failure,
    arguments::Reach,
    output::{harmless, numbers::separated, table::padded},
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
    let number =
        |value: Option<&Value>| separated(value.and_then(Value::as_u64).unwrap_or_default());
    let count = |key: &str| number(status.get(key));
    let text = |key: &str| status.get(key).and_then(Value::as_str).unwrap_or("unknown");
    let writes = status.get("writes");
    let write = |key: &str| number(writes.and_then(|writes| writes.get(key)));
    let checkpoint = match status.get("checkpoint") {
        Some(checkpoint) => format!("last checkpoint at {}", number(Some(checkpoint))),
        None => "nothing is kept on disk".to_owned(),
    };
    let lines = [
        (
            "registry",
            format!(
                "{}, position {}, {} documents in {} groups, {} hidden",
                text("registry"),
                count("position"),
                count("documents"),
                count("groups"),
                count("hidden")
            ),
        ),
        ("ledger", checkpoint),
        (
            "writes",
            format!(
                "{} waiting, {} since the start",
                write("waiting"),
                write("entries_since_start")
            ),
        ),
        ("watchers", count("watchers")),
        ("clock", text("clock").to_owned()),
        ("server", format!("muster {}", text("version"))),
    ];
    lines.map(|(name, told)| format!("{}{}\n", padded(name, 11), harmless(&told))).concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_how_the_registry_is_in_a_few_lines() {
        let status = json!({"registry": "7f3a19c2", "position": 1204, "documents": 31, "groups": 9,
            "hidden": 2, "checkpoint": 1204, "writes": {"waiting": 0, "entries_since_start": 62},
            "watchers": 1, "clock": "in step", "version": "0.1.0", "later": {"more": 1}});
        let expect = "\
registry   7f3a19c2, position 1,204, 31 documents in 9 groups, 2 hidden
ledger     last checkpoint at 1,204
writes     0 waiting, 62 since the start
watchers   1
clock      in step
server     muster 0.1.0
";
        assert_eq!(render(&status), expect);
    }
}
