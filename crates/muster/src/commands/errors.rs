use clap::Args;
use muster_schema::nearest;
use muster_wire::ErrorCode;
use muster_words::json::Value;
use serde_json::json;

use crate::{Context, Failure, FailureCode, OwnCode, output::Table};

mod page;

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster errors
  muster errors invalid_document

";

/// Explain the error codes of registries and of this program
#[derive(Debug, Args)]
pub struct ErrorsArguments {
    /// Only this code
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// Print the reference page of all codes
    #[arg(long, hide = true)]
    page: bool,
}

impl ErrorsArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let screen = &context.screen;
        if self.page {
            return screen.write(page::page().as_bytes());
        }
        let Some(name) = self.code else {
            if !screen.is_table() {
                return screen.value(&all().map(|code| described(&code)).collect());
            }
            let mut table = Table::new(["code", "status", "meaning"]).numbers(1);
            for code in all() {
                let (status, meaning) = match &code {
                    FailureCode::Registry(code) => {
                        (code.facts().status.to_string(), code.facts().meaning)
                    }
                    FailureCode::Own(code) => (String::new(), code.meaning()),
                    FailureCode::Unlisted(_) => continue,
                };
                table.row([code.name().to_owned(), status, meaning.to_owned()]);
            }
            return screen.write(table.render(screen).as_bytes());
        };
        let code = FailureCode::named(&name);
        if !screen.is_table() && !matches!(code, FailureCode::Unlisted(_)) {
            return screen.value(&described(&code));
        }
        match code {
            FailureCode::Registry(code) => screen.line(&explained(code)),
            FailureCode::Own(code) => {
                screen.line(&format!("{}\n  {}\n  {}", code.name(), code.meaning(), code.help()))
            }
            FailureCode::Unlisted(_) => {
                let all: Vec<_> = all().collect();
                let near = nearest(&name, all.iter().map(FailureCode::name));
                Err(Failure::new(ErrorCode::NotFound, format!("there is no error code {name}"))
                    .help_some(near.map(|near| format!("did you mean {near}?"))))
            }
        }
    }
}

/// Every code: first the registry's, then the program's own.
fn all() -> impl Iterator<Item = FailureCode> {
    let own = OwnCode::ALL.iter().map(|code| FailureCode::Own(*code));
    ErrorCode::all().map(FailureCode::Registry).chain(own)
}

fn explained(code: ErrorCode) -> String {
    let facts = code.facts();
    let again = if facts.retryable {
        "the same request may succeed later"
    } else {
        "the same request will be refused again"
    };
    let effect =
        if facts.no_side_effects { "nothing was done" } else { "something may have been done" };
    format!(
        "{} ({})\n  {}\n  {}\n  {effect}; {again}\n  {}",
        facts.name,
        facts.status,
        facts.meaning,
        facts.help,
        code.type_uri()
    )
}

fn described(code: &FailureCode) -> Value {
    match code {
        FailureCode::Registry(code) => {
            let facts = code.facts();
            json!({
                "reason": facts.name,
                "type": code.type_uri(),
                "code": facts.status,
                "title": facts.title,
                "meaning": facts.meaning,
                "help": facts.help,
                "retryable": facts.retryable,
                "no_side_effects": facts.no_side_effects,
            })
        }
        FailureCode::Own(code) => json!({
            "reason": code.name(),
            "type": format!("urn:muster:error:{}", code.name()),
            "meaning": code.meaning(),
            "help": code.help(),
        }),
        FailureCode::Unlisted(name) => json!({ "reason": name }),
    }
}

#[cfg(test)]
mod tests;
