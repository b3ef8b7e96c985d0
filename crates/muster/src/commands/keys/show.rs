use clap::Args;
use muster_wire::{
    OrOther,
    keys::{AccessReason, OwnAccess},
};

use crate::{
    Context, Failure,
    arguments::ConnectionArguments,
    output::{Screen, sanitized, table::padded, times},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster keys show
  muster keys show --key-file deploy.key
  muster keys show --output json | jq .role

";

/// Show which key this command uses: its role, scope and end
#[derive(Debug, Args)]
pub struct KeyShowArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl KeyShowArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let answer = client.own_access().await?;
        let screen = &context.screen;
        if !screen.is_table() {
            return screen.value(&answer.json()?);
        }
        screen.write(render(screen, &answer.read()?).as_bytes())
    }
}

/// One line for each part.
fn render(screen: &Screen, own: &OwnAccess) -> String {
    let key = match (&own.by, &own.id, &own.name) {
        (_, Some(id), Some(name)) => format!("{id} {name}"),
        (_, Some(id), None) => id.clone(),
        (OrOther::Known(AccessReason::Key), None, _) => {
            "one that the server doesn't name".to_owned()
        }
        (OrOther::Other(other), ..) => other.clone(),
        (OrOther::Known(AccessReason::Anonymous), ..) => {
            "none; callers without a key may do this much".to_owned()
        }
        (OrOther::Known(AccessReason::Open), ..) => {
            "none; the registry has no keys, so everybody on its computer may do everything"
                .to_owned()
        }
        (OrOther::Known(AccessReason::GivenKey), ..) => {
            "the one that the server was started with".to_owned()
        }
    };
    let scope = own.scope.as_ref().map_or_else(|| "everywhere".to_owned(), |all| all.join(" "));
    let mut lines = vec![("key", key), ("role", own.role.clone()), ("scope", scope)];
    if own.id.is_some() {
        let ends = own.expiresat.as_deref().map(|moment| times::at(screen, moment));
        lines.push(("ends", ends.unwrap_or_else(|| "never".to_owned())));
    }
    let line = |(name, said): (&str, String)| format!("{}{}\n", padded(name, 7), sanitized(&said));
    lines.into_iter().map(line).collect()
}
