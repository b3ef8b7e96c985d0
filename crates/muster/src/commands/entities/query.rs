use std::num::NonZeroUsize;

use clap::Args;
use muster_catalog::classes::ClassQuery;
use muster_client::{Client, Query};

use super::{EntityClass, near};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, quoted},
    commands::{past::PastArguments, search},
    model,
    output::{Style, sanitized},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster entities query --classification services
  muster entities query --classification AppService payments
  muster entities query --classification 'AI systems' --label team=web
  muster entities query --classification services --all --output yaml > services.yaml

";

/// About one screen.
const FIFTY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(49);

/// Find entities by class or family, and by their words
#[derive(Debug, Args)]
pub struct EntitiesQueryArguments {
    /// Words that the documents have; quotes make a phrase, a - before a word excludes it
    #[arg(value_name = "TEXT")]
    words: Vec<String>,
    /// The class, or a family with all its classes; muster entities classes lists them
    #[arg(long, short, value_name = "CLASS")]
    classification: Option<String>,
    /// Only with this label, key=value or key; several must all be there
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// Only in this lifecycle state
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// At most this many
    #[arg(long, value_name = "COUNT", default_value_t = FIFTY, allow_negative_numbers = true)]
    limit: NonZeroUsize,
    /// All of them, however many there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    #[command(flatten)]
    past: PastArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl EntitiesQueryArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let model = model::to_show(&client).await?;
        let words = self.words.join(" ");
        let mut query = self
            .past
            .add_to(Query::new(), context)?
            .with("type", "entities")
            .with_some("classification", self.classification.as_deref())
            .with_some("q", Some(words.as_str()).filter(|words| !words.is_empty()))
            .with_some("state", self.state.as_deref());
        for label in &self.label {
            query = query.with("label", label);
        }
        let limit = (!self.all).then_some(self.limit);
        let words = search::plain_words(&words);
        let count = search::show(context, &client, &model, query, limit, &words).await?;
        match &self.classification {
            Some(class) if count == 0 && context.screen.is_table() => {
                hint(context, &client, class).await
            }
            _ => Ok(()),
        }
    }
}

/// Says which class was probably meant, if none has this name. What is there already says that none
/// was found, so a hint that can't be given is no failure.
async fn hint(context: &Context, client: &Client, class: &str) -> Result<(), Failure> {
    let query = ClassQuery::new(class);
    let Ok(all) = EntityClass::all(client).await else { return Ok(()) };
    if all.iter().any(|one| one.is_meant(&query)) {
        return Ok(());
    }
    let help = match near(class, &all) {
        Some(near) => format!("did you mean {}?", quoted(near)),
        None => "muster entities classes lists the classes".to_owned(),
    };
    let text = format!("no class or family has the name {class}; {help}");
    // Names of classes are other people's.
    context.screen.note(&context.screen.paint_error(Style::Changed, &sanitized(&text)));
    Ok(())
}
