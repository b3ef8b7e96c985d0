use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use muster_relay::live::{LivePage, LiveSource};
use muster_wire::live_events::LiveEvent;
use muster_words::Moment;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::watch;

/// How many events are kept: those of some days, or of a bad hour.
pub const EVENTS_KEPT: usize = 10_000;

/// The longest text in an event, in characters. Most come from programs that we didn't write.
const TEXT_LETTERS_MAX: usize = 1_000;

/// The files of the events: the newest, and those before.
const FILE: &str = "events.jsonl";
const OLD_FILE: &str = "events.old.jsonl";

/// The newest events of what runs beside the ledger, with numbers that go on after a restart.
///
/// They aren't the ledger: an event is in the file when it is told, but it isn't waited for that the
/// disk has it, so a crash of the computer may lose the newest ones.
#[derive(Default)]
pub struct LiveEvents {
    kept: Mutex<KeptEvents>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct KeptEvents {
    /// The events with their numbers, which grow, but not always by one: what couldn't be stored is
    /// gone after a restart.
    events: VecDeque<(u64, Arc<LiveEvent>)>,
    last: u64,
    file: Option<EventFile>,
}

struct EventFile {
    folder: PathBuf,
    file: File,
    lines: usize,
    /// Whether the file may end in the middle of a line.
    is_torn: bool,
}

/// The largest number that is believed: those beyond it aren't exact in every program.
const NUMBER_MAX: u64 = 1 << 53;

impl LiveEvents {
    /// The events that a folder has, and a file for the next ones.
    ///
    /// # Errors
    /// The folder or a file can't be made, read or written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // The mode above is cut by the umask, and ignored for a folder that is there.
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let mut events = VecDeque::new();
        read(&folder.join(OLD_FILE), &mut events)?;
        let before = events.len();
        read(&folder.join(FILE), &mut events)?;
        let lines = events.len() - before;
        drop_disordered(&mut events);
        while events.len() > EVENTS_KEPT {
            events.pop_front();
        }
        let last = events.back().map_or(0, |(number, _)| *number);
        let file = opened(&folder.join(FILE))?;
        // A line that a crash cut off must not spoil the next one.
        let is_torn = file.metadata()?.len() > 0;
        let file = Some(EventFile { folder: folder.to_owned(), file, lines, is_torn });
        let kept = KeptEvents { events, last, file };
        Ok(Self { kept: Mutex::new(kept), newest: watch::Sender::new(last) })
    }

    /// Tells an event: its type without `io.muster.`, whom it is about, and more about it. Empty texts
    /// are left out.
    pub fn tell<'a>(
        &self,
        time: Moment,
        (event_type, subject): (&str, &str),
        data: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        let data: Map<String, Value> = data
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| (name.to_owned(), shortened(text).into()))
            .collect();
        let mut kept = self.kept.lock();
        kept.last += 1;
        let event = LiveEvent {
            specversion: "1.0".to_owned(),
            event_type: format!("io.muster.{event_type}"),
            source: String::new(),
            subject: subject.to_owned(),
            id: kept.last.to_string(),
            time: time.to_string(),
            data,
        };
        if let Some(file) = &mut kept.file
            && let Err(error) = file.append(&event)
        {
            tracing::warn!(%error, "an event can't be stored; it is told all the same");
        }
        if kept.events.len() == EVENTS_KEPT {
            kept.events.pop_front();
        }
        let number = kept.last;
        kept.events.push_back((number, Arc::new(event)));
        self.newest.send_replace(number);
    }
}

impl LiveSource for LiveEvents {
    fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn after(&self, number: u64, at_most: usize) -> LivePage {
        let kept = self.kept.lock();
        let first = kept.events.partition_point(|(own, _)| *own <= number);
        let Some((begin, _)) = kept.events.get(first) else { return LivePage::default() };
        let missed = begin - number - 1;
        let found = kept.events.iter().skip(first).take(at_most).zip(*begin..);
        let found = found.take_while(|((own, _), expected)| own == expected);
        LivePage { events: found.map(|((_, event), _)| event.clone()).collect(), missed }
    }

    fn before(&self, time: Moment) -> u64 {
        let kept = self.kept.lock();
        // The clock may have been set back, so the newest older event counts.
        let is_older = |event: &LiveEvent| Moment::parse(&event.time).is_ok_and(|own| own < time);
        let mut older = kept.events.iter().rev().filter(|(_, event)| is_older(event));
        match (older.next(), kept.events.front()) {
            (Some((number, _)), _) => *number,
            (None, Some((first, _))) => first - 1,
            (None, None) => kept.last,
        }
    }
}

impl EventFile {
    fn append(&mut self, event: &LiveEvent) -> io::Result<()> {
        if self.lines >= EVENTS_KEPT {
            match fs::rename(self.folder.join(FILE), self.folder.join(OLD_FILE)) {
                // It was moved, and no new one could be made then.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                moved => moved?,
            }
            self.file = opened(&self.folder.join(FILE))?;
            (self.lines, self.is_torn) = (0, false);
        }
        let mut line = serde_json::to_string(event).map_err(io::Error::other)?;
        line.push('\n');
        if self.is_torn {
            line.insert(0, '\n');
        }
        self.is_torn = true;
        self.file.write_all(line.as_bytes())?;
        self.is_torn = false;
        self.lines += 1;
        Ok(())
    }
}

fn opened(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Reads the events of a file, if it is there. Lines that aren't events are passed over.
fn read(path: &Path, events: &mut VecDeque<(u64, Arc<LiveEvent>)>) -> io::Result<()> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    for line in BufReader::new(file).split(b'\n') {
        let Ok(event) = serde_json::from_slice::<LiveEvent>(&line?) else { continue };
        let number = event.id.parse().ok().filter(|number| (1..=NUMBER_MAX).contains(number));
        events.extend(number.map(|number| (number, Arc::new(event))));
    }
    Ok(())
}

/// Drops events whose number isn't below that of the next one: a damaged digit must not hide those
/// that follow.
fn drop_disordered(events: &mut VecDeque<(u64, Arc<LiveEvent>)>) {
    let mut ordered = VecDeque::with_capacity(events.len());
    let mut next = u64::MAX;
    while let Some((number, event)) = events.pop_back() {
        if number < next {
            next = number;
            ordered.push_front((number, event));
        }
    }
    *events = ordered;
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn ids(page: &LivePage) -> Vec<&str> {
        page.events.iter().map(|event| event.id.as_str()).collect()
    }

    fn tell(events: &LiveEvents, detail: &str) {
        let about = ("propagation.link.started", "/targets/a/entries/b");
        events.tell(Moment::EPOCH, about, [("detail", detail), ("route", "")]);
    }

    #[test]
    fn numbers_go_on_after_a_restart_and_a_line_that_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let events = LiveEvents::open(folder.path()).unwrap();
        tell(&events, "one");
        tell(&events, &"x".repeat(2_000));
        drop(events);
        let path = folder.path().join(FILE);
        let mut text = fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"specversion\":\"1.0\",\"id\":\"99\"");
        fs::write(&path, text).unwrap();
        let events = LiveEvents::open(folder.path()).unwrap();
        assert_eq!(*events.newest().borrow(), 2);
        tell(&events, "three");
        drop(events);
        let events = LiveEvents::open(folder.path()).unwrap();
        let page = events.after(0, 10);
        assert_eq!((ids(&page), page.missed), (vec!["1", "2", "3"], 0));
        assert_eq!(page.events[0].data.get("detail").unwrap(), "one");
        assert_eq!(page.events[0].data.len(), 1);
        let long = page.events[1].data.get("detail").and_then(Value::as_str).unwrap();
        assert_eq!(long.chars().count(), TEXT_LETTERS_MAX + 1);
        assert_eq!(ids(&events.after(1, 1)), ["2"]);
        assert_eq!(events.after(3, 10), LivePage::default());
        assert_eq!(events.after(u64::MAX, 10), LivePage::default());
    }

    #[test]
    fn files_and_their_folder_belong_to_their_owner_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("events");
        // Somebody may have made it by hand.
        fs::create_dir(&folder).unwrap();
        tell(&LiveEvents::open(&folder).unwrap(), "one");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
    }

    #[test]
    fn keeps_the_newest_and_says_how_many_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        let events = LiveEvents::open(folder.path()).unwrap();
        for _ in 0..EVENTS_KEPT * 2 + 5 {
            tell(&events, "");
        }
        drop(events);
        let files: usize = [FILE, OLD_FILE]
            .iter()
            .map(|name| fs::read_to_string(folder.path().join(name)).unwrap().lines().count())
            .sum();
        assert!(files <= EVENTS_KEPT * 2 + 10, "{files}");
        let events = LiveEvents::open(folder.path()).unwrap();
        let page = events.after(2, 2);
        assert_eq!((ids(&page), page.missed), (vec!["10006", "10007"], 10_003));
        assert_eq!(events.after(0, usize::MAX).events.len(), EVENTS_KEPT);
    }

    #[test]
    fn damaged_lines_hide_no_others_and_what_is_missing_is_said() {
        let event = |id: &str| {
            format!(
                "{{\"specversion\":\"1.0\",\"type\":\"io.muster.a\",\"source\":\"\",\"subject\":\"s\",\
                 \"id\":\"{id}\",\"time\":\"2026-11-21T10:12:03Z\",\"data\":{{}}}}\n"
            )
        };
        for (ids_in_file, after, expect, missed) in [
            (&["1", "2", "18446744073709551615"][..], 1, &["2"][..], 0),
            (&["1", "2", "656", "4", "5"], 1, &["2"], 0),
            (&["1", "2", "656", "4", "5"], 2, &["4", "5"], 1),
            (&["1", "2", "4", "5"], 0, &["1", "2"], 0),
            (&["3", "0", "x", "4"], 0, &["3", "4"], 2),
            (&["7", "1", "2"], 0, &["1", "2"], 0),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let text: String = ids_in_file.iter().map(|id| event(id)).collect();
            fs::write(folder.path().join(FILE), text).unwrap();
            let events = LiveEvents::open(folder.path()).unwrap();
            let page = events.after(after, 10);
            assert_eq!((ids(&page), page.missed), (expect.to_vec(), missed), "{ids_in_file:?}");
            let last: u64 = *events.newest().borrow();
            tell(&events, "next");
            assert_eq!(ids(&events.after(last, 10)), [(last + 1).to_string()]);
        }
    }

    #[test]
    fn a_line_that_could_not_be_written_whole_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let events = LiveEvents::open(folder.path()).unwrap();
        tell(&events, "one");
        if let Some(file) = &mut events.kept.lock().file {
            // As a full disk leaves it.
            file.file.write_all(b"{\"specversion\":\"1.0\"").unwrap();
            file.is_torn = true;
        }
        tell(&events, "two");
        drop(events);
        let events = LiveEvents::open(folder.path()).unwrap();
        assert_eq!(ids(&events.after(0, 10)), ["1", "2"]);
    }
}
