use std::num::NonZeroU32;

/// What may differ between one opening of a ledger and the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of entries and contents in one append; more is `TooLarge`. The default, 64 MiB, is
    /// far over what a request can bring, and what a commit can hold in memory.
    pub batch_bytes_max: usize,
    /// How many reads run at once, each on a connection and a thread of its own. The default is 4:
    /// a start decodes contents in parallel; more would wait for the disk.
    pub reads_max: NonZeroU32,
    /// Bytes of the write-ahead log from which it is begun anew between two batches: 256 MiB, so
    /// that it happens seldom and a crash leaves little to recover.
    pub log_bytes_max: u64,
    /// Bytes appended after which the log is copied back into the file, beside the writer: 16 MiB.
    pub checkpoint_bytes: u64,
    /// Pages that the file may grow to, if it is to have a limit of its own: `Full` beyond it.
    pub pages_max: Option<NonZeroU32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            batch_bytes_max: 64 * 1024 * 1024,
            reads_max: NonZeroU32::MIN.saturating_add(3),
            log_bytes_max: 256 * 1024 * 1024,
            checkpoint_bytes: 16 * 1024 * 1024,
            pages_max: None,
        }
    }
}
