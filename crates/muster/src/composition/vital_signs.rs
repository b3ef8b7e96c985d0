use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use muster_client::{Call, Client, Method, Query};
use muster_relay::engine::EngineCounts;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{assembly::Assembly, log_file::LogFile, notices::Notices, open::in_process};

/// How often the server looks at its own health.
const HEALTH_REST: Duration = Duration::from_secs(60);

/// How often the file of metrics is written.
const FILE_REST: Duration = Duration::from_secs(3);

/// How long an answer of this process itself may take. Health has shorter limits for each part.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// What a running server tells of itself without being asked: its health in the log, the file of
/// metrics, and a sign of life for its supervisor.
pub(super) struct VitalSigns {
    assembly: Arc<Assembly>,
    client: Client,
    /// Whether the ledger's store worked when it was looked at last.
    has_store: AtomicBool,
}

impl VitalSigns {
    /// Begins to tell. It ends with the runtime: nothing that it does needs an end.
    pub fn begin(
        assembly: &Arc<Assembly>,
        (log, file): (Option<&Arc<LogFile>>, Option<PathBuf>),
        notices: &Notices,
    ) {
        if let Some(log) = log {
            log.measure(assembly.front.metrics());
        }
        let client = Client::new(Arc::new(in_process(assembly, "the registry".to_owned())), None);
        let has_store = AtomicBool::new(true);
        let signs = Arc::new(Self { assembly: assembly.clone(), client, has_store });
        tokio::spawn(signs.clone().watch_health());
        if let Some(file) = file {
            tokio::spawn(signs.clone().write_file(file));
        }
        if let Some(rest) = notices.watchdog() {
            tokio::spawn(signs.give_signs_of_life(notices.clone(), rest));
        }
    }

    /// One line of the log about the health, again and again; not at the start, which has a line of
    /// its own.
    async fn watch_health(self: Arc<Self>) {
        let mut looks = interval(HEALTH_REST);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_first = true;
        loop {
            looks.tick().await;
            let has_store = self.answers("/health/db").await;
            self.has_store.store(has_store, Ordering::Relaxed);
            if !std::mem::replace(&mut is_first, false) {
                self.log_health(has_store).await;
            }
        }
    }

    async fn log_health(&self, db: bool) {
        let status = self.status().await;
        let (counts, watchers) = (self.counts(), self.assembly.watchers());
        let (queue_depth, webhooks_pending) = (counts.unfinished, counts.webhooks.unfinished);
        if status == "healthy" {
            tracing::info!(status, db, queue_depth, webhooks_pending, watchers, "health");
        } else {
            tracing::warn!(status, db, queue_depth, webhooks_pending, watchers, "health");
        }
    }

    /// The status that `/health/ready` answers.
    async fn status(&self) -> String {
        let asked = self.client.call(Call::new(Method::GET, "/health/ready", &Query::new()));
        let answered = timeout(ANSWER_TIME, asked).await.ok().and_then(Result::ok);
        let report = answered.and_then(|answer| answer.json().ok());
        let status = report.as_ref().and_then(|report| report.get("status")?.as_str());
        status.unwrap_or("unhealthy").to_owned()
    }

    /// Whether a request without a body is answered as it should be.
    async fn answers(&self, path: &str) -> bool {
        let asked = self.client.call(Call::new(Method::GET, path, &Query::new()));
        timeout(ANSWER_TIME, asked).await.is_ok_and(|answer| answer.is_ok())
    }

    fn counts(&self) -> EngineCounts {
        self.assembly.engine.as_ref().map(|engine| engine.counts()).unwrap_or_default()
    }

    /// The numbers that `/metrics` has under other names.
    fn lines(&self) -> String {
        let counts = self.counts();
        let has_store = u64::from(self.has_store.load(Ordering::Relaxed));
        let mut text = String::new();
        for (name, value) in [
            ("health.db", has_store),
            ("health.queue_depth", counts.unfinished),
            ("health.webhooks_pending", counts.webhooks.unfinished),
            ("propagation.executed", counts.delivered),
            ("webhook.delivered", counts.webhooks.delivered),
            ("webhook.retry", counts.webhooks.retried),
            ("webhook.failed", counts.webhooks.died),
            ("stream.messages", self.assembly.streamed()),
        ] {
            let _ = writeln!(text, "{name}={value}");
        }
        text
    }

    async fn write_file(self: Arc<Self>, file: PathBuf) {
        let mut rests = interval(FILE_REST);
        rests.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            rests.tick().await;
            let (lines, path) = (self.lines(), file.clone());
            let written = tokio::task::spawn_blocking(move || replace(&path, &lines)).await;
            let written = written.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
            let was_failing = std::mem::replace(&mut is_failing, written.is_err());
            let file = file.display();
            match written {
                Err(error) if !was_failing => {
                    tracing::warn!(%error, %file, "the file of metrics can't be written");
                }
                Ok(()) if was_failing => {
                    tracing::info!(%file, "the file of metrics is written again")
                }
                _ => {}
            }
        }
    }

    /// Tells the supervisor that the server works as long as it answers its own question: a process
    /// that only exists isn't enough.
    async fn give_signs_of_life(self: Arc<Self>, notices: Notices, rest: Duration) {
        let mut rests = interval(rest);
        rests.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rests.tick().await;
            if self.answers("/health/live").await {
                notices.alive();
            }
        }
    }
}

/// Replaces a file as a whole: who reads it never sees a part of it. It isn't synced, because the
/// next one comes soon.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = file.with_file_name(name);
    let mut open = OpenOptions::new();
    let mut new = open.write(true).create(true).truncate(true).mode(0o640).open(&beside)?;
    new.write_all(text.as_bytes())?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("metrics/registry.metrics");
        for text in ["health.db=1\nstream.messages=12345\n", "health.db=0\n"] {
            replace(&file, text).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }
}
