//! The ledger and its verification.

pub mod verify;

use clap::Subcommand;

use crate::{Context, Failure};

/// Verify the ledger
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    #[command(before_help = verify::EXAMPLES)]
    Verify(verify::LedgerVerifyArguments),
}

impl LedgerCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(context).await,
        }
    }
}
