//! The ledger: its verification, and proofs that others can check.

mod against;
pub mod check;
pub mod checkpoint;
mod position_log;
pub mod prove;
pub mod verify;

use clap::Subcommand;

use crate::{Context, Failure};

/// Verify the ledger, prove what is in it, and check proofs
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    #[command(before_help = verify::EXAMPLES)]
    Verify(verify::LedgerVerifyArguments),
    #[command(before_help = prove::EXAMPLES)]
    Prove(prove::LedgerProveArguments),
    #[command(before_help = check::EXAMPLES)]
    Check(check::LedgerCheckArguments),
    #[command(before_help = checkpoint::EXAMPLES)]
    Checkpoint(checkpoint::LedgerCheckpointArguments),
}

impl LedgerCommand {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(context).await,
            Self::Prove(prove) => prove.run(context).await,
            Self::Check(check) => check.run(context),
            Self::Checkpoint(checkpoint) => checkpoint.run(context).await,
        }
    }
}
