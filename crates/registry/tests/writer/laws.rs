//! The laws of the fold: what was folded as it was decided is what is folded again from the ledger.

mod bare;
mod built_in;
mod few;
pub mod likeness;
mod past;
mod rollback;
mod searching;
mod soundness;

use likeness::difference;
use muster_catalog::command::Command;
use muster_journal::MemoryLedger;
use muster_registry::SubmitError;
use proptest::test_runner::Config;

use super::*;
use crate::commands::*;

/// One step of a sequence: what kind of command, and of which names and bodies. Small numbers are
/// the plainer ones, towards which a failing sequence shrinks.
type Step = (u8, u8, u8, u8);

/// How many sequences a law is tried with.
const CASES: u32 = 96;

/// Cases and seed of a law.
fn config(own: u64) -> Config {
    let mut config = Config::with_cases(CASES);
    config.rng_seed = proptest::test_runner::RngSeed::Fixed(seed(own));
    config.failure_persistence = None;
    config
}

/// Does the commands one after another, and folds the ledger again at the end and on the way.
/// Answers how many were done.
fn hold(foundation: Foundation, commands: &[Command]) -> Result<usize, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let ticks = CountingClock::default();
        let registry = Registry::open(
            Box::new(LedgerHandle(ledger.clone())),
            settings(foundation, ticks.clock()),
        )
        .await;
        let registry = registry.map_err(|error| format!("{error:?}"))?;
        let mut done = 0;
        for (index, command) in commands.iter().enumerate() {
            match registry.submit(command.clone(), &by()).await {
                Ok(answer) => {
                    done += 1;
                    if let Some(fault) = soundness::fault(answer.view.catalog()) {
                        return Err(format!("after command {index}, {command:?}: {fault}"));
                    }
                }
                Err(SubmitError::Refused(_)) => {}
                Err(error) => return Err(format!("command {index}: {error:?}: {command:?}")),
            }
            if index % 8 == 7 {
                registry.verify(|_| {}).await.map_err(|error| format!("{index}: {error:?}"))?;
            }
        }
        registry.verify(|_| {}).await.map_err(|error| format!("{error:?}"))?;
        let live = registry.catalog();
        registry.close().await;
        let ledger = Arc::new(few::SmallPagesLedger(ledger));
        let again =
            Registry::open(Box::new(LedgerHandle(ledger)), settings(foundation, ticks.clock()))
                .await;
        let again = again.map_err(|error| format!("{error:?}"))?;
        match difference(&live, &again.catalog()) {
            Some(place) => Err(format!("folded again it differs at {place}")),
            None => Ok(done),
        }
    })
}
