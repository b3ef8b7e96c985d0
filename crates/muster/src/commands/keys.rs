//! API keys.

pub mod create;
pub mod forget;
pub mod list;
pub mod revoke;

use clap::Subcommand;
use muster_client::ClientError;

use crate::{Context, Failure};

/// Create, list, revoke and forget API keys
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    #[command(before_help = create::EXAMPLES)]
    Create(create::KeyCreateArguments),
    #[command(before_help = list::EXAMPLES)]
    List(list::KeyListArguments),
    #[command(before_help = revoke::EXAMPLES)]
    Revoke(revoke::KeyRevokeArguments),
    #[command(before_help = forget::EXAMPLES)]
    Forget(forget::Forget),
}

impl KeysCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Revoke(revoke) => revoke.run(context).await,
            Self::Forget(forget) => forget.run(context).await,
        }
    }
}

/// Checks a key's id before it becomes part of a path.
fn check_id(id: &str) -> Result<(), Failure> {
    let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_id && !id.is_empty() {
        return Ok(());
    }
    Err(Failure::usage(format!("{id:?} is no key's id")).help("muster keys list shows the ids"))
}

fn explain(error: ClientError, id: &str) -> Failure {
    let is_absent = error.is_absent();
    let failure = Failure::from(error);
    if !is_absent {
        return failure;
    }
    failure.with_message(format!("there is no key {id}")).help("muster keys list shows the ids")
}
