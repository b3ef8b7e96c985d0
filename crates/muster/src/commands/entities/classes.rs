use clap::Args;
use muster_catalog::classes::ClassQuery;
use serde_json::{Value, json};

use super::{EntityClass, near};
use crate::{
    Context, Failure,
    arguments::{ConnectionArguments, quoted},
    output::{
        Style, Table,
        numbers::{counted, separated},
    },
};
use muster_wire::ErrorCode;

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster entities classes
  muster entities classes 'AI systems'
  muster entities classes --used --output json

";

/// List the classes of entities with their families, known ones and your own
#[derive(Debug, Args)]
pub struct EntitiesClassesArguments {
    /// Only this class, or the classes of this family
    #[arg(value_name = "CLASS")]
    class: Option<String>,
    /// Only classes with documents
    #[arg(long)]
    used: bool,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl EntitiesClassesArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let mut all = EntityClass::all(&client).await?;
        if let Some(name) = &self.class {
            let query = ClassQuery::new(name);
            if !all.iter().any(|one| one.is_meant(&query)) {
                let what = format!("no class or family has the name {name}");
                let help = match near(name, &all) {
                    Some(near) => format!("did you mean {}?", quoted(near)),
                    None => "muster entities classes lists them".to_owned(),
                };
                return Err(Failure::new(ErrorCode::NotFound, what).help(help));
            }
            all.retain(|one| one.is_meant(&query));
        }
        if self.used {
            all.retain(|one| one.documents > 0);
        }
        let screen = &context.screen;
        if !screen.is_table() {
            let all: Vec<Value> = all.iter().map(EntityClass::json).collect();
            return screen.value(&json!({"classes": all}));
        }
        let mut table = Table::new(["class", "family", "documents"]).numbers(2);
        for one in &all {
            let family = one.family.clone().unwrap_or_default();
            table.row([one.name.clone(), family, separated(one.documents)]);
        }
        if !table.is_empty() {
            screen.write(table.render(screen).as_bytes())?;
        }
        let note = counted(all.len(), "class", "classes");
        screen.note(&screen.paint_error(Style::Dim, &note));
        Ok(())
    }
}

impl EntityClass {
    fn json(&self) -> Value {
        json!({
            "class": self.name,
            "family": self.family,
            "known": self.is_known,
            "documents": self.documents,
        })
    }
}
