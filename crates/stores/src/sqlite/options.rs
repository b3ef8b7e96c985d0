use std::num::NonZeroU32;

use crate::LastUse;

/// Settings for opening a ledger. They may differ from one opening to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The most bytes of entries and contents in one append; a larger one is `TooLarge`. The
    /// default of 64 MiB is far more than a request can bring, but fits into memory for a commit.
    pub batch_bytes_max: usize,
    /// The number of concurrent reads, each on its own connection and thread. The default is 4: a
    /// start decodes contents in parallel, and more reads would only wait for the disk.
    pub reads_max: NonZeroU32,
    /// The size at which the write-ahead log is restarted between two batches: 256 MiB, so that
    /// this is rare but a crash leaves little to recover.
    pub log_bytes_max: u64,
    /// How many appended bytes trigger a copy of the log back into the file: 16 MiB.
    pub checkpoint_bytes: u64,
    /// The most pages of the file, if it has a limit of its own; beyond it, appends are `Full`.
    pub pages_max: Option<NonZeroU32>,
    /// When the file was last used. The default is that nothing is known of it.
    pub last_use: LastUse,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch_bytes_max: 64 * 1024 * 1024,
            reads_max: NonZeroU32::MIN.saturating_add(3),
            log_bytes_max: 256 * 1024 * 1024,
            checkpoint_bytes: 16 * 1024 * 1024,
            pages_max: None,
            last_use: LastUse::EarlierBoot,
        }
    }
}
