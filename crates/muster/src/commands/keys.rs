//! API keys: who may talk to the registry.

pub mod create;
pub mod list;
pub mod revoke;

use clap::Subcommand;

use crate::{Context, Failure};

/// Create, list and revoke API keys
#[derive(Debug, Subcommand)]
pub enum Keys {
    #[command(before_help = create::EXAMPLES)]
    Create(create::Create),
    #[command(before_help = list::EXAMPLES)]
    List(list::List),
    #[command(before_help = revoke::EXAMPLES)]
    Revoke(revoke::Revoke),
}

impl Keys {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Revoke(revoke) => revoke.run(context).await,
        }
    }
}
