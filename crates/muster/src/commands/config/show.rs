use clap::Args;
use muster_client::without_userinfo;
use muster_words::json::Value;
use serde_json::json;

use crate::{Context, Failure, output::Table};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster config show
  muster config show --all
  muster config show --config /etc/muster.toml --output json

";

/// Show the settings in force and where each comes from; keys are never shown
#[derive(Debug, Args)]
pub struct ConfigShowArguments {
    /// Include the settings that have their default value
    #[arg(long)]
    all: bool,
}

/// Variables that hold a key. Only whether they are set is shown.
const SECRETS: [&str; 2] = ["MUSTER_API_KEY", "MUSTER_ADMIN_KEY"];

impl ConfigShowArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let screen = &context.screen;
        let secrets = SECRETS.into_iter().filter(|name| {
            context.environment.get(*name).is_some_and(|value| !value.trim().is_empty())
        });
        let set = context.settings.effective.iter();
        let set = set.filter(|(_, setting)| self.all || setting.source.is_some());
        if !screen.is_table() {
            let settings: serde_json::Map<String, Value> = set
                .map(|(name, setting)| {
                    let source = setting.source.as_deref().unwrap_or("default");
                    (name.clone(), json!({"value": shown(&setting.value), "source": source}))
                })
                .collect();
            let secrets: Vec<&str> = secrets.collect();
            return screen.value(&json!({"settings": settings, "secrets_set": secrets}));
        }
        let mut table = Table::new(["setting", "value", "from"]);
        for (name, setting) in set {
            let source = setting.source.clone().unwrap_or_else(|| "the default".to_owned());
            table.row([name.clone(), text_of(&shown(&setting.value)), source]);
        }
        for name in secrets {
            table.row([name.to_owned(), "(hidden)".to_owned(), "the environment".to_owned()]);
        }
        if table.is_empty() {
            screen.note("nothing is set; every setting has its default (--all shows them)");
            return Ok(());
        }
        screen.write(table.render(screen).as_bytes())
    }
}

/// A value without what may be a secret in it.
fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_userinfo(text)),
        other => other.clone(),
    }
}

/// A value as people write it.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_secret_of_an_address() {
        for (text, expect) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://me:secret@here:1/below@x", "http://***@here:1/below@x"),
            ("https://key@here", "https://***@here"),
            ("no address: a@b", "no address: a@b"),
        ] {
            assert_eq!(shown(&Value::from(text)), Value::from(expect), "{text}");
        }
    }
}
