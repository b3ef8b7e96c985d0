use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use muster_ledger::Head;
use muster_words::Id;

use crate::{Epoch, Marks, MarksError};

/// Marks in memory: the reference for all others.
#[derive(Debug, Default)]
pub struct MemoryMarks {
    kept: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    followers: BTreeMap<Id, (Epoch, Option<Head>)>,
    /// The last epoch of any name, so that a forgotten name never gets an old one again.
    last: Epoch,
}

impl MemoryMarks {
    /// A store without marks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No code panics while it holds the lock.
    fn kept(&self) -> MutexGuard<'_, State> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Marks for MemoryMarks {
    async fn load(&self, name: &Id) -> Result<Option<Head>, MarksError> {
        Ok(self.kept().followers.get(name).and_then(|(_, mark)| *mark))
    }

    async fn claim(&self, name: &Id) -> Result<Epoch, MarksError> {
        let mut kept = self.kept();
        let epoch = Epoch(kept.last.0 + 1);
        kept.last = epoch;
        kept.followers.entry(name.clone()).or_default().0 = epoch;
        Ok(epoch)
    }

    async fn save(&self, name: &Id, epoch: Epoch, mark: Head) -> Result<(), MarksError> {
        match self.kept().followers.get_mut(name) {
            Some((claimed, kept)) if *claimed == epoch => {
                *kept = Some(mark);
                Ok(())
            }
            _ => Err(MarksError::Fenced { name: name.clone() }),
        }
    }

    async fn names(&self) -> Result<Vec<Id>, MarksError> {
        Ok(self.kept().followers.keys().cloned().collect())
    }

    async fn forget(&self, name: &Id) -> Result<(), MarksError> {
        self.kept().followers.remove(name);
        Ok(())
    }
}
