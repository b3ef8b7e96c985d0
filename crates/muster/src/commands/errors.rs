use clap::Args;
use muster_schema::nearest;
use muster_wire::ErrorCode;
use muster_words::json::Value;
use serde_json::json;

use crate::{Context, Failure, output::Table};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster errors
  muster errors invalid_document

";

/// Explain the codes with which a registry refuses
#[derive(Debug, Args)]
pub struct Errors {
    /// One code; all without it
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

impl Errors {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let screen = &context.screen;
        let Some(name) = self.code else {
            if !screen.is_table() {
                return screen.value(&ErrorCode::all().map(described).collect());
            }
            let mut table = Table::new(["code", "status", "meaning"]).numbers(1);
            for code in ErrorCode::all() {
                let facts = code.facts();
                table.row([
                    facts.name.to_owned(),
                    facts.status.to_string(),
                    facts.meaning.to_owned(),
                ]);
            }
            return screen.write(table.render(screen).as_bytes());
        };
        let Some(code) = ErrorCode::find(&name) else {
            let near = nearest(&name, ErrorCode::all().map(ErrorCode::name));
            return Err(Failure::new("not_found", format!("there is no code {name}"))
                .help_some(near.map(|near| format!("did you mean {near}?"))));
        };
        if !screen.is_table() {
            return screen.value(&described(code));
        }
        let facts = code.facts();
        let again = if facts.retryable {
            "the same request may succeed later"
        } else {
            "the same request is refused again"
        };
        let effect =
            if facts.no_side_effects { "nothing was done" } else { "something may have been done" };
        screen.line(&format!(
            "{} ({})\n  {}\n  {}\n  {effect}; {again}\n  {}",
            facts.name,
            facts.status,
            facts.meaning,
            facts.help,
            code.type_uri()
        ))
    }
}

fn described(code: ErrorCode) -> Value {
    let facts = code.facts();
    json!({
        "code": facts.name,
        "type": code.type_uri(),
        "status": facts.status,
        "title": facts.title,
        "meaning": facts.meaning,
        "help": facts.help,
        "retryable": facts.retryable,
        "no_side_effects": facts.no_side_effects,
    })
}
