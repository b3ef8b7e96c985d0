//! Growth: what a document costs in memory and on disk, and how long a start by replay takes.

use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use crate::{
    Outcome,
    load::{Load, StopCondition},
    order::Order,
    ratio::{EARLIER, Report},
    servers::muster,
};

/// What a registry of one size costs.
#[derive(Clone, Copy, Debug)]
struct Grown {
    /// Bytes of memory after the documents were put, contents cached.
    written: u64,
    /// Bytes of memory after a start on the same ledger.
    replayed: u64,
    disk: u64,
    start_s: f64,
}

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    measure(order, report, "growth")?;
    if let Some(earlier) = order.earlier() {
        fs::create_dir_all(&earlier.scratch)?;
        measure(&earlier, report, &format!("growth of {EARLIER}"))?;
    }
    Ok(())
}

fn measure(order: &Order, report: &mut Report, name: &str) -> Outcome {
    report.say(&format!("\n{name}: documents of {} bytes", muster::DOCUMENT_BYTES));
    let empty = grow(order, 0)?;
    report.say(&format!("none: {:.1} MB, start {:.3} s", megabytes(empty.replayed), empty.start_s));
    for size in &order.sizes {
        let grown = grow(order, *size)?;
        let each = |now: u64, before: u64| now.saturating_sub(before) / (*size).max(1);
        report.fact(
            &format!("{name}: {size} documents"),
            &format!(
                "{} bytes of memory each after a start, {} after they were written (contents \
                 cached), {} on disk; start by replay {:.3} s",
                each(grown.replayed, empty.replayed),
                each(grown.written, empty.written),
                each(grown.disk, empty.disk),
                grown.start_s
            ),
        );
    }
    Ok(())
}

/// Fills a registry, starts it anew and measures both.
fn grow(order: &Order, size: u64) -> Outcome<Grown> {
    let folder = order.scratch.join(format!("growth-{size}"));
    let server = muster::start(order, &folder, None)?;
    muster::bind(&server)?;
    if size > 0 {
        let load = Load {
            address: server.address,
            clients: order.clients,
            write: Arc::new(|number| muster::put(number, None)),
            next: Arc::new(AtomicU64::new(1)),
        };
        load.run(StopCondition::Count(size))?;
    }
    let written = server.memory()?;
    server.stop()?;
    let disk = bytes_below(&folder)?;
    let server = muster::start(order, &folder, None)?;
    let grown =
        Grown { written, replayed: server.memory()?, disk, start_s: server.took.as_secs_f64() };
    server.stop()?;
    fs::remove_dir_all(&folder)?;
    Ok(grown)
}

fn bytes_below(folder: &Path) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { bytes_below(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    let bytes = bytes as f64;
    bytes / 1e6
}
