use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

use muster_http::{RequestLevel, RequestLog};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{MissedTickBehavior, interval},
};
use tracing_subscriber::{
    EnvFilter, filter::LevelFilter, fmt, fmt::writer::BoxMakeWriter, prelude::*,
};

use super::{
    log_file::{LogFile, LogLine},
    notices::Notices,
};
use crate::settings::LogArea;

/// Starts logging, to a file or to standard error: as text on a terminal, as JSON lines elsewhere.
///
/// An invalid level counts as `info`. Only the first call in a process has an effect.
pub(super) fn begin(area: &LogArea, file: Option<&Arc<LogFile>>) {
    let filter = EnvFilter::try_new(&area.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = quieter(filter, &area.level);
    let is_terminal = file.is_none() && io::stderr().is_terminal();
    let is_text = match area.format.as_str() {
        "text" => true,
        "json" => false,
        _ => is_terminal,
    };
    let writer = match file.cloned() {
        Some(file) => BoxMakeWriter::new(move || LogLine(file.clone())),
        None => BoxMakeWriter::new(io::stderr),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let begun = if is_text {
        // Elsewhere the escape sequences of colours would only be in the way.
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let layer = fmt::layer().with_writer(writer).with_target(false);
        registry.with(layer.with_ansi(is_terminal && !is_plain)).try_init()
    } else {
        let layer = fmt::layer().json().flatten_event(true).with_writer(writer);
        registry.with(layer).try_init()
    };
    if begun.is_err() {
        tracing::debug!("logging was already set up");
    }
}

/// Follows SIGHUP for as long as the process lives: the log's file is opened again, and the
/// supervisor is told that files were read again. Says in the log how many lines its disk didn't
/// take, as soon as it takes some again.
pub(super) fn follow(file: Option<Arc<LogFile>>, notices: Notices) -> io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut looks = interval(LOSS_REST);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                told = hang_up.recv() => {
                    if told.is_none() {
                        return;
                    }
                    if let Some(file) = &file {
                        reopen(file);
                    }
                    notices.reloaded();
                }
                _ = looks.tick(), if file.is_some() => {
                    if let Some(lines) = file.as_ref().and_then(|file| file.lost_lately()) {
                        tracing::warn!(lines, "lines of the log were lost: its disk didn't take them");
                    }
                }
            }
        }
    });
    Ok(())
}

/// How often the log looks for lines that it lost.
const LOSS_REST: Duration = Duration::from_secs(1);

fn reopen(file: &LogFile) {
    match file.reopen() {
        Ok(()) => tracing::info!("the log's file was opened again"),
        Err(error) => tracing::warn!(%error, "the log goes on in its old file"),
    }
}

/// Leaves out what the protocol's library of assistants says of each of their connections, unless
/// the level names the library.
fn quieter(filter: EnvFilter, level: &str) -> EnvFilter {
    let is_verbose = filter.max_level_hint() >= Some(LevelFilter::INFO);
    match "rmcp=off".parse() {
        Ok(directive) if is_verbose && !level.contains("rmcp") => filter.add_directive(directive),
        _ => filter,
    }
}

/// How requests are logged.
pub(super) fn request_log(area: &LogArea) -> RequestLog {
    let level = match area.requests.as_str() {
        "info" => RequestLevel::Info,
        "off" => RequestLevel::Off,
        _ => RequestLevel::Debug,
    };
    RequestLog { level, slow: Duration::from_millis(u64::from(area.slow_ms)) }
}
