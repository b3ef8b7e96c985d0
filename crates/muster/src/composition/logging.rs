use std::{io::IsTerminal as _, time::Duration};

use muster_http::{RequestLevel, RequestLog};
use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt, prelude::*};

use crate::settings::LogArea;

/// Starts logging to standard error: as text on a terminal, as JSON lines elsewhere.
///
/// An invalid level counts as `info`. Only the first call in a process has an effect.
pub(super) fn begin(area: &LogArea) {
    let filter = EnvFilter::try_new(&area.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = quieter(filter, &area.level);
    let is_text = match area.format.as_str() {
        "text" => true,
        "json" => false,
        _ => std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let begun = if is_text {
        // Elsewhere the escape sequences of colours would only be in the way.
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        let has_colour = std::io::stderr().is_terminal() && !is_plain;
        let layer = fmt::layer().with_writer(std::io::stderr).with_target(false);
        registry.with(layer.with_ansi(has_colour)).try_init()
    } else {
        let layer = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
        registry.with(layer).try_init()
    };
    if begun.is_err() {
        tracing::debug!("logging was already set up");
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
