//! API keys.

pub mod create;
pub mod forget;
pub mod ledger;
pub mod list;
pub mod revoke;
pub mod show;
pub mod site;

use std::fmt::Write as _;

use clap::Subcommand;
use muster_client::ClientError;
use muster_wire::keys::KeyEntry;

use crate::{Context, Failure};

/// Create, list, show, revoke and forget API keys
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    #[command(before_help = create::EXAMPLES)]
    Create(create::KeyCreateArguments),
    #[command(before_help = list::EXAMPLES)]
    List(list::KeyListArguments),
    #[command(before_help = show::EXAMPLES, visible_alias = "whoami")]
    Show(show::KeyShowArguments),
    #[command(before_help = revoke::EXAMPLES)]
    Revoke(revoke::KeyRevokeArguments),
    #[command(before_help = forget::EXAMPLES)]
    Forget(forget::Forget),
    #[command(before_help = ledger::EXAMPLES)]
    Ledger(ledger::LedgerKeyArguments),
    #[command(before_help = site::EXAMPLES)]
    Site(site::SiteKeyArguments),
}

impl KeysCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Revoke(revoke) => revoke.run(context).await,
            Self::Forget(forget) => forget.run(context).await,
            Self::Ledger(ledger) => ledger.run(context).await,
            Self::Site(site) => site.run(context).await,
        }
    }
}

/// The id of a key, which is given by its id or whole. No message repeats a whole key.
fn id_of(text: &str) -> Result<&str, Failure> {
    let whole = text.strip_prefix("muster_");
    let id = whole.map_or(text, |whole| whole.split('_').next().unwrap_or_default());
    // It becomes part of a path.
    let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_id && !id.is_empty() {
        return Ok(id);
    }
    let shown = if whole.is_some() { "this".to_owned() } else { format!("{text:?}") };
    Err(Failure::usage(format!("{shown} is no key's id")).help("muster keys list shows the ids"))
}

/// What people know a key by.
fn described(key: &KeyEntry) -> String {
    let mut line = format!("key {}", key.id);
    if let Some(name) = &key.name {
        let _ = write!(line, " {name}");
    }
    if let Some(role) = &key.role {
        let _ = write!(line, ", {role}");
    }
    for scope in key.scope.iter().flatten() {
        let _ = write!(line, ", {scope}");
    }
    line
}

fn explain(error: ClientError, id: &str) -> Failure {
    let is_absent = error.is_absent();
    let failure = Failure::from(error);
    if !is_absent {
        return failure;
    }
    failure.with_message(format!("there is no key {id}")).help("muster keys list shows the ids")
}
