use std::{
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use muster_catalog::index::SearchCondition;
use muster_words::{Id, Position};
use parking_lot::Mutex;
use rusqlite::{Connection, params};
use thiserror::Error;

use crate::{DocumentText, TextCandidates, TextHits, TextQuery, find::TextSearch, place::terms_of};

/// Connections for searches that are kept open; a search beyond them opens its own.
const IDLE_MAX: usize = 4;

/// The layout of the file (`PRAGMA user_version`). A file of another layout is built anew.
const LAYOUT: i32 = 2;

const SCHEMA: &str = "
CREATE TABLE about (registry TEXT NOT NULL) STRICT;
CREATE TABLE documents (id INTEGER PRIMARY KEY, xid TEXT NOT NULL UNIQUE) STRICT;
CREATE VIRTUAL TABLE texts USING fts5(
    names, words, places, content = '', contentless_delete = 1,
    tokenize = 'porter unicode61 remove_diacritics 2'
);
";

/// The index of words.
pub struct TextIndex {
    /// The file; none in memory.
    path: Option<PathBuf>,
    writer: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    is_new: bool,
    /// The position of the oldest command whose documents wait to be indexed; 0 if none waits.
    waiting: AtomicU64,
}

/// Why the index can't be used.
#[derive(Debug, Error)]
pub enum TextIndexError {
    /// The file can't be made.
    #[error("the full text index {} can't be made", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error.
        source: std::io::Error,
    },
    /// A search took too long.
    #[error("the search took too long")]
    TooSlow,
    /// Words can't be erased while a search reads them.
    #[error("a search reads words that must be erased; it is tried again")]
    Read,
    /// The engine failed.
    #[error("the full text index can't be read or written")]
    Engine(#[from] rusqlite::Error),
}

impl TextIndex {
    /// Opens the index of a registry in a file, or makes an empty one. A file that can't be read, or
    /// that belongs to another registry or release, is replaced.
    ///
    /// # Errors
    /// The file can't be made.
    pub fn open(path: &Path, registry: &Id) -> Result<Self, TextIndexError> {
        let there = path.exists();
        if there {
            match connected(path).and_then(|writer| Ok((is_own(&writer, registry)?, writer))) {
                Ok((true, writer)) => return Ok(Self::of(Some(path), writer, false)),
                Ok((false, _)) => tracing::info!("the full text index is built anew"),
                Err(error) => {
                    tracing::warn!(%error, "the full text index can't be read; it is built anew");
                }
            }
            remove(path)?;
        }
        // Created for its owner alone; SQLite's files beside it get the same mode.
        let failed = |source| TextIndexError::File { path: path.to_owned(), source };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
        let writer = connected(path)?;
        create(&writer, registry)?;
        Ok(Self::of(Some(path), writer, true))
    }

    /// An empty index in memory.
    ///
    /// # Errors
    /// The engine failed.
    pub fn in_memory(registry: &Id) -> Result<Self, TextIndexError> {
        let writer = Connection::open_in_memory()?;
        create(&writer, registry)?;
        Ok(Self::of(None, writer, true))
    }

    fn of(path: Option<&Path>, writer: Connection, is_new: bool) -> Self {
        let path = path.map(Path::to_owned);
        let (writer, idle) = (Mutex::new(writer), Mutex::default());
        Self { path, writer, idle, is_new, waiting: AtomicU64::new(0) }
    }

    /// Whether it was empty when it was opened, so that its follower must begin anew.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// The position of the oldest command that was read but whose documents aren't found yet.
    #[must_use]
    pub fn waiting(&self) -> Option<Position> {
        match self.waiting.load(Ordering::Relaxed) {
            0 => None,
            position => Some(Position(position)),
        }
    }

    pub(crate) fn set_waiting(&self, position: Position) {
        self.waiting.store(position.0, Ordering::Relaxed);
    }

    /// Replaces the words of documents and removes others, all together. Names that end in `/` stand
    /// for everything below them.
    ///
    /// # Errors
    /// The engine failed; nothing was changed.
    pub fn write(&self, removed: &[String], texts: &[DocumentText]) -> Result<(), TextIndexError> {
        let mut writer = self.writer.lock();
        let transaction = writer.transaction()?;
        {
            let mut find = transaction.prepare_cached("SELECT id FROM documents WHERE xid = ?1")?;
            let mut below = transaction
                .prepare_cached("SELECT id FROM documents WHERE xid >= ?1 AND xid < ?2")?;
            let mut drop_text = transaction.prepare_cached("DELETE FROM texts WHERE rowid = ?1")?;
            let mut drop_name =
                transaction.prepare_cached("DELETE FROM documents WHERE id = ?1")?;
            let mut name = transaction.prepare_cached("INSERT INTO documents (xid) VALUES (?1)")?;
            let mut add = transaction.prepare_cached(
                "INSERT INTO texts (rowid, names, words, places) VALUES (?1, ?2, ?3, ?4)",
            )?;
            let replaced = texts.iter().map(|text| text.xid.as_str());
            for xid in removed.iter().map(String::as_str).chain(replaced) {
                let ids: Vec<i64> = match xid.strip_suffix('/') {
                    // The character after the slash.
                    Some(stem) => below
                        .query_map(params![xid, format!("{stem}0")], |row| row.get(0))?
                        .collect::<Result<_, _>>()?,
                    None => find.query_map([xid], |row| row.get(0))?.collect::<Result<_, _>>()?,
                };
                for id in ids {
                    drop_text.execute([id])?;
                    drop_name.execute([id])?;
                }
            }
            for text in texts {
                name.execute([&text.xid])?;
                let id = transaction.last_insert_rowid();
                add.execute(params![id, text.names, text.words, terms_of(&text.xid)])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Erases the words of removed documents from the file. Until then they are in parts of it that
    /// no search reads. It rewrites the whole index, so it is only done for what was purged.
    ///
    /// # Errors
    /// The engine failed, or a search reads what must be erased.
    pub fn erase_removed(&self) -> Result<(), TextIndexError> {
        let writer = self.writer.lock();
        writer.execute("INSERT INTO texts (texts) VALUES ('optimize')", [])?;
        if self.path.is_some() {
            checkpointed(&writer)?;
        }
        Ok(())
    }

    /// Finds documents with words among those for which a condition holds. It blocks the thread.
    ///
    /// # Errors
    /// The search took too long, or the engine failed.
    pub fn find(
        &self,
        query: &TextQuery,
        condition: &SearchCondition,
        candidates: &dyn TextCandidates,
    ) -> Result<TextHits, TextIndexError> {
        self.run(&TextSearch::new(query, condition, candidates))
    }

    pub(crate) fn run(&self, search: &TextSearch<'_>) -> Result<TextHits, TextIndexError> {
        let Some(path) = &self.path else {
            return search.run(&mut self.writer.lock());
        };
        let idle = self.idle.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => connected(path)?,
        };
        let found = search.run(&mut connection);
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        found
    }
}

fn connected(path: &Path) -> Result<Connection, TextIndexError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // Pages that are freed are overwritten, because they may hold words that were purged.
    connection.pragma_update(None, "secure_delete", true)?;
    // The follower's mark is saved after its results and must never be ahead of them.
    connection.pragma_update(None, "synchronous", "full")?;
    Ok(connection)
}

/// Writes what is in the log of writes into the file, and empties the log.
fn checkpointed(connection: &Connection) -> Result<(), TextIndexError> {
    let busy = "PRAGMA wal_checkpoint(TRUNCATE)";
    match connection.query_row(busy, [], |row| row.get::<_, bool>(0))? {
        true => Err(TextIndexError::Read),
        false => Ok(()),
    }
}

fn create(connection: &Connection, registry: &Id) -> Result<(), rusqlite::Error> {
    connection.execute_batch(SCHEMA)?;
    connection.execute("INSERT INTO about (registry) VALUES (?1)", [registry.as_str()])?;
    connection.pragma_update(None, "user_version", LAYOUT)
}

fn is_own(connection: &Connection, registry: &Id) -> Result<bool, TextIndexError> {
    let layout: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if layout != LAYOUT {
        return Ok(false);
    }
    let owner: String = connection.query_row("SELECT registry FROM about", [], |row| row.get(0))?;
    Ok(owner == registry.as_str())
}

fn remove(path: &Path) -> Result<(), TextIndexError> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(TextIndexError::File { path: name.into(), source });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::os::unix::fs::PermissionsExt as _;

    use muster_words::{Xid, XidPatterns};

    use super::*;
    use crate::find::within;

    fn text(name: &str, names: &str, words: &str) -> DocumentText {
        let xid = format!("/providers/{name}");
        DocumentText { xid, names: names.to_owned(), words: words.to_owned() }
    }

    /// Everything that the index knows.
    struct Everything;

    impl TextCandidates for Everything {
        fn has(&self, _: &Xid) -> bool {
            true
        }

        fn count(&self) -> u64 {
            u64::MAX
        }

        fn xids(&self) -> Vec<Xid> {
            Vec::new()
        }

        fn within(&self) -> Option<&XidPatterns> {
            None
        }
    }

    fn found(index: &TextIndex, query: &str) -> Vec<String> {
        let query = TextQuery::parse(query).unwrap();
        let hits = index.find(&query, &SearchCondition::All(Vec::new()), &Everything).unwrap();
        assert!(hits.is_ranked && !hits.is_cut);
        hits.xids.iter().map(|xid| xid.to_string().replace("/providers/", "")).collect()
    }

    fn check(index: &TextIndex) {
        let texts = [
            text("cms/entries/decap", "decap", "Visual editing with Git\nhugo"),
            text("cms/entries/tina", "tina", "Visual editor; edits beside the page"),
            text("ssg/entries/hugo", "Hugo", "A fast generator"),
        ];
        index.write(&[], &texts).unwrap();
        for (query, expect) in [
            ("visual editing", &["cms/entries/decap", "cms/entries/tina"][..]),
            ("\"visual editing\"", &["cms/entries/decap"]),
            ("hugo", &["ssg/entries/hugo", "cms/entries/decap"]),
            ("hugo -visual", &["ssg/entries/hugo"]),
            ("gen*", &["ssg/entries/hugo"]),
            ("\"git hugo\"", &["cms/entries/decap"]),
            ("nothing", &[]),
            ("NOT AND OR ( \" :", &[]),
        ] {
            match TextQuery::parse(query) {
                Ok(_) => assert_eq!(found(index, query), expect, "{query}"),
                Err(_) => assert!(expect.is_empty(), "{query}"),
            }
        }
        index.write(&["/providers/ssg/".to_owned()], &texts[..1]).unwrap();
        assert_eq!(found(index, "hugo"), ["cms/entries/decap"]);
        index.write(&["/providers/cms/entries/decap".to_owned()], &[]).unwrap();
        assert_eq!(found(index, "visual"), ["cms/entries/tina"]);
    }

    #[test]
    fn finds_ranks_and_forgets() {
        check(&TextIndex::in_memory(&"own".parse().unwrap()).unwrap());
    }

    #[test]
    fn is_kept_in_a_file_for_its_owner_and_built_anew_for_another_registry() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("search.db");
        let own: Id = "own".parse().unwrap();
        let index = TextIndex::open(&path, &own).unwrap();
        assert!(index.is_new());
        check(&index);
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
        drop(index);
        let again = TextIndex::open(&path, &own).unwrap();
        assert!(!again.is_new());
        assert_eq!(found(&again, "visual"), ["cms/entries/tina"]);
        drop(again);
        let other = TextIndex::open(&path, &"other".parse().unwrap()).unwrap();
        assert!(other.is_new() && found(&other, "visual").is_empty());
        drop(other);
        std::fs::write(&path, b"no database at all, and long enough to look like one").unwrap();
        assert!(TextIndex::open(&path, &own).unwrap().is_new());
    }

    #[test]
    fn erases_the_words_of_removed_documents_from_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let index = TextIndex::open(&folder.path().join("search.db"), &"own".parse().unwrap());
        let index = index.unwrap();
        let texts: Vec<DocumentText> = (0..300)
            .map(|number| text(&format!("cms/entries/d{number}"), "d", "xylophonesecret and more"))
            .collect();
        index.write(&[], &texts).unwrap();
        let holds = || {
            std::fs::read_dir(folder.path()).unwrap().any(|file| {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                bytes.windows(9).any(|window| window == b"xylophone")
            })
        };
        assert!(holds());
        index.write(&["/providers/cms/".to_owned()], &[]).unwrap();
        // While a search reads it, the words stay, and it is said.
        let reader = connected(index.path.as_ref().unwrap()).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM documents").unwrap();
        index.writer.lock().busy_timeout(Duration::ZERO).unwrap();
        assert!(matches!(index.erase_removed(), Err(TextIndexError::Read)));
        assert!(holds());
        reader.execute_batch("COMMIT").unwrap();
        index.erase_removed().unwrap();
        assert!(!holds());
    }

    #[test]
    fn interrupts_what_takes_too_long() {
        let index = TextIndex::in_memory(&"own".parse().unwrap()).unwrap();
        let slow = "WITH RECURSIVE n(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM n) \
                    SELECT count(*) FROM n";
        let mut writer = index.writer.lock();
        let time = Duration::from_millis(1);
        let count = |own: &Connection| own.query_row(slow, [], |row| row.get::<_, i64>(0));
        let ran = within(&mut writer, time, count);
        assert!(matches!(ran, Err(TextIndexError::TooSlow)));
    }
}
