use clap::Args;
use muster_words::json::Value;

use crate::{
    Context, Failure,
    arguments::Reach,
    output::{Table, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys list

";

/// List the keys in force, without what is secret in them
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    reach: Reach,
}

impl List {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.reach.client_or_directory(context).await?;
        let answer = client.keys().await?.json()?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer);
        }
        let mut table = Table::new(["id", "name", "role", "created"]);
        for (id, key) in listed(&answer) {
            let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
            let created =
                if text("createdat").is_empty() { text("created") } else { text("createdat") };
            let created = times::since(screen, created);
            table.row([id, text("name").to_owned(), text("role").to_owned(), created]);
        }
        if table.is_empty() {
            screen.note("no keys: on this computer everybody may do everything");
            return Ok(());
        }
        screen.write(table.render(screen).as_bytes())
    }
}

/// Keys with their ids: a map by id, or a list of which each says its own.
fn listed(answer: &Value) -> Vec<(String, Value)> {
    let keys = answer.get("keys").unwrap_or(answer);
    match keys {
        Value::Object(map) => map.iter().map(|(id, key)| (id.clone(), key.clone())).collect(),
        Value::Array(list) => list
            .iter()
            .map(|key| {
                let id = key.get("id").and_then(Value::as_str).unwrap_or_default();
                (id.to_owned(), key.clone())
            })
            .collect(),
        _ => Vec::new(),
    }
}
