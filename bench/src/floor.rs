//! The floor under every durable write: one thread that appends and calls fdatasync.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
    time::{Duration, Instant},
};

/// Appends 2 KB and calls fdatasync, again and again; gives appends per second.
pub(crate) fn fdatasync(folder: &Path, time: Duration) -> io::Result<f64> {
    let path = folder.join("floor");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let block = [0x5a_u8; 2_048];
    let (started, mut count) = (Instant::now(), 0_u32);
    while started.elapsed() < time {
        file.write_all(&block)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}
