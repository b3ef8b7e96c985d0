use std::{num::NonZeroU32, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use muster_journal::{
    Ledger,
    conformance::{self, LedgerFixture},
};
use muster_stores::{SqliteLedger, sqlite::Options};

/// Each ledger in a file of its name.
struct Directory(PathBuf, Options);

#[async_trait]
impl LedgerFixture for Directory {
    async fn open(&self, name: &str) -> Arc<dyn Ledger> {
        let path = self.0.join(format!("{name}.db"));
        Arc::new(SqliteLedger::open(&path, name, self.1).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let directory = tempfile::tempdir().unwrap();
    conformance::run(&Directory(directory.path().to_owned(), Options::default())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_while_its_log_is_copied_and_emptied_all_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        log_bytes_max: 64 * 1024,
        checkpoint_bytes: 1,
        reads_max: NonZeroU32::MIN,
        ..Options::default()
    };
    conformance::run(&Directory(directory.path().to_owned(), options)).await;
}
