use std::path::PathBuf;

use clap::Args;
use muster_history::difference;
use muster_model::aspects_in_labels;
use muster_words::json::Value;

use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, Explanation},
    commands::{delete::confirm, put::read_object},
    model::source_of,
    output::{Style, differences::one_line, table::padded},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster model put model.json
  muster model put model.json --yes

";

/// Replace the model; collections that it removes must be empty
#[derive(Debug, Args)]
pub struct ModelPutArguments {
    /// The file with the model, as JSON
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Don't ask for confirmation
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    explanation: Explanation,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl ModelPutArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let model = Value::Object(read_object(&self.file)?);
        let client = self.explanation.of(self.connection.client(context).await?)?;
        let (before, tag) = source_of(&client).await?;
        let fields = difference::fields(&before, &aspects_in_labels(&model));
        let screen = &context.screen;
        if fields.is_empty() {
            return screen.line("the model is already the same as the file");
        }
        if !self.yes && screen.is_table() {
            screen.note(&screen.paint_error(Style::Changed, "~ the model"));
            let width = fields.iter().map(|field| field.path.len()).max().unwrap_or(0) + 2;
            for field in &fields {
                screen.note(&format!(
                    "    {}{}",
                    padded(&field.path, width),
                    one_line(&field.difference)
                ));
            }
        }
        confirm(context, self.yes, "Replace it?")?;
        let answer = client.put_model(&model, tag.as_deref()).await?;
        if screen.is_table() {
            screen.line("the model was replaced")
        } else {
            screen.value(&answer.json()?)
        }
    }
}
