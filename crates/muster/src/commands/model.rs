//! The model: which collections there are and what their members have.

pub mod get;
pub mod put;

use clap::Subcommand;

use crate::{Context, Failure};

/// Read or replace the model: which collections there are
#[derive(Debug, Subcommand)]
pub enum Model {
    #[command(before_help = get::EXAMPLES)]
    Get(get::Get),
    #[command(before_help = put::EXAMPLES)]
    Put(put::Put),
}

impl Model {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Get(get) => get.run(context).await,
            Self::Put(put) => put.run(context).await,
        }
    }
}
