use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::{SiteArguments, get::failure};
use crate::{
    Context, Failure,
    output::numbers::{counted, size},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster client stats --url https://cdn.example

";

/// Read all providers twice, and show what is in memory and how fast it was
#[derive(Debug, Args)]
pub struct ClientStatsArguments {
    #[command(flatten)]
    site: SiteArguments,
}

impl ClientStatsArguments {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let reader = self.site.reader(context)?;
        let mut times = [0.0; 2];
        for time in &mut times {
            let began = Instant::now();
            reader.get_all_providers(None).await.map_err(|error| failure(&error))?;
            *time = began.elapsed().as_secs_f64() * 1_000.0;
        }
        let [cold_ms, warm_ms] = times;
        let speedup = if warm_ms > 0.0 { cold_ms / warm_ms } else { 0.0 };
        let stats = reader.get_cache_stats();
        let screen = &context.screen;
        if !screen.is_table() {
            let mut value = serde_json::to_value(&stats).unwrap_or_default();
            value["cold_ms"] = json!(cold_ms);
            value["warm_ms"] = json!(warm_ms);
            value["speedup"] = json!(speedup);
            return screen.value(&value);
        }
        let entries = counted(stats.cache_entries, "document", "documents");
        let bytes = size(stats.cache_size_bytes as u64);
        screen.line(&format!("{entries} in memory, {bytes}"))?;
        screen
            .line(&format!("cold {cold_ms:.1} ms, warm {warm_ms:.3} ms, {speedup:.0} times faster"))
    }
}
