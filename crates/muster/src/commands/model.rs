//! The model, which defines the collections and their attributes.

pub mod get;
pub mod put;

use clap::Subcommand;

use crate::{Context, Failure};

/// Read or replace the model, which defines the collections
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    #[command(before_help = get::EXAMPLES)]
    Get(get::ModelGetArguments),
    #[command(before_help = put::EXAMPLES)]
    Put(put::ModelPutArguments),
}

impl ModelCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Get(get) => get.run(context).await,
            Self::Put(put) => put.run(context).await,
        }
    }
}
