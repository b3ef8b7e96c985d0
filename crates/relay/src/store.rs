//! What must survive a restart: marks, tries, dead letters, and what operators paused. One SQLite
//! file holds all of it, so that a dead letter and the mark that passes it are one transaction.

mod peers;

use std::{
    collections::{BTreeSet, HashMap},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

use muster_words::{Id, Moment, Position, Xid};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use thiserror::Error;

use crate::changes::{ChangeId, DocumentChangeKind};

pub use peers::PeerRecord;

/// The layout of the file (`PRAGMA user_version`).
const LAYOUT: i32 = 1;

const SCHEMA: &str = "
CREATE TABLE about (registry TEXT NOT NULL) STRICT;
CREATE TABLE links (
    route TEXT NOT NULL, target TEXT NOT NULL, life TEXT NOT NULL,
    mark INTEGER NOT NULL, finished INTEGER NOT NULL,
    PRIMARY KEY (route, target)
) STRICT, WITHOUT ROWID;
CREATE TABLE ahead (
    route TEXT NOT NULL, target TEXT NOT NULL, position INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (route, target, position, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE tries (
    route TEXT NOT NULL, target TEXT NOT NULL, position INTEGER NOT NULL, number INTEGER NOT NULL,
    failed INTEGER NOT NULL, first INTEGER NOT NULL, due INTEGER NOT NULL,
    PRIMARY KEY (route, target, position, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE dead (
    id INTEGER PRIMARY KEY, route TEXT NOT NULL, target TEXT NOT NULL,
    position INTEGER NOT NULL, number INTEGER NOT NULL, resource TEXT NOT NULL,
    kind TEXT NOT NULL, moment INTEGER NOT NULL, reason TEXT NOT NULL, failed INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL,
    UNIQUE (route, target, position, number)
) STRICT;
CREATE TABLE held (name TEXT PRIMARY KEY, reason TEXT NOT NULL, version TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
";

/// A route and one of its targets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkKey {
    /// The route.
    pub route: Xid,
    /// The target.
    pub target: Xid,
}

/// What is stored of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkRecord {
    /// Which life of its route and target it belongs to: a route that was deleted and put again
    /// begins anew.
    pub life: String,
    /// Everything at or before this position is finished.
    pub mark: Position,
    /// What is finished after it.
    pub ahead: BTreeSet<ChangeId>,
    /// Deliveries that failed so far.
    pub tries: HashMap<ChangeId, Tries>,
    /// Whether a link that runs once is finished.
    pub is_finished: bool,
}

/// A link that is stored, without what is finished after its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLink {
    /// The route and the target.
    pub key: LinkKey,
    /// Which life of them it belongs to.
    pub life: String,
    /// Everything at or before this position is finished.
    pub mark: Position,
    /// Whether a link that runs once is finished.
    pub is_finished: bool,
}

/// How often a delivery failed, and when it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// The number of failures.
    pub failed: u32,
    /// The first one.
    pub first: Moment,
    /// When it is tried again.
    pub due: Moment,
}

/// A delivery that couldn't be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number; 0 before it is stored.
    pub id: i64,
    /// The link.
    pub key: LinkKey,
    /// The change.
    pub change: ChangeId,
    /// The document.
    pub resource: Xid,
    /// What happened to it.
    pub kind: DocumentChangeKind,
    /// When that happened.
    pub moment: Moment,
    /// The outcome of the last try.
    pub reason: String,
    /// The number of tries.
    pub failed: u32,
    /// The time of the first try.
    pub first: Moment,
    /// The time of the last try.
    pub last: Moment,
}

/// A route or a target that is held: paused by an operator, or disabled because of its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Why.
    pub reason: String,
    /// The version of the document for which it holds; empty: for every one.
    pub version: String,
}

/// Why the file can't be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file can't be made.
    #[error("the file of propagation can't be made")]
    File(#[from] std::io::Error),
    /// The engine failed.
    #[error("the file of propagation can't be read or written")]
    Engine(#[from] rusqlite::Error),
    /// A newer release wrote it.
    #[error("the file of propagation has layout {0}, which needs a later release")]
    Newer(i32),
    /// It belongs to another registry.
    #[error("the file of propagation belongs to the registry {0}")]
    Foreign(String),
    /// What is stored isn't what was written.
    #[error("the file of propagation is damaged")]
    Damaged,
}

/// The file.
pub struct RelayStore {
    connection: Arc<Mutex<Connection>>,
    /// The other registries of links, as they are stored.
    peers: Mutex<HashMap<LinkKey, PeerRecord>>,
}

impl RelayStore {
    /// Opens the file of a registry, or makes an empty one; without a path, in memory.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(path: Option<&Path>, registry: &Id) -> Result<Self, StoreError> {
        let connection = match path {
            None => Connection::open_in_memory()?,
            Some(path) => {
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create(true).truncate(false).mode(0o600).open(path)?;
                Connection::open(path)?
            }
        };
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        // A crash of the computer may take the last marks along, together with the dead letters that
        // they pass: then these deliveries are made again.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let layout: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match layout {
            0 => {
                connection.execute_batch("BEGIN")?;
                connection.execute_batch(SCHEMA)?;
                connection.execute("INSERT INTO about VALUES (?1)", [registry.as_str()])?;
                connection.pragma_update(None, "user_version", LAYOUT)?;
                connection.execute_batch("COMMIT")?;
            }
            LAYOUT => {}
            newer => return Err(StoreError::Newer(newer)),
        }
        connection.execute_batch(peers::PEERS)?;
        peers::upgrade(&connection)?;
        let owner: String =
            connection.query_row("SELECT registry FROM about", [], |row| row.get(0))?;
        if owner != registry.as_str() {
            return Err(StoreError::Foreign(owner));
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), peers: Mutex::default() })
    }

    /// Runs a function with the connection, on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = self.connection.clone();
        let done = tokio::task::spawn_blocking(move || work(&mut connection.lock())).await;
        done.unwrap_or(Err(StoreError::Damaged))
    }

    /// What is stored of a link.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn load(&self, key: &LinkKey) -> Result<Option<LinkRecord>, StoreError> {
        let key = key.clone();
        self.run(move |connection| load(connection, &key)).await
    }

    /// Stores a link as it is, with the deliveries that died since the last time. Tries of
    /// finished deliveries are forgotten.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing was changed.
    pub async fn save(
        &self,
        key: &LinkKey,
        record: LinkRecord,
        dead: Vec<DeadLetter>,
    ) -> Result<(), StoreError> {
        let key = key.clone();
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            save(&transaction, &key, &record, &dead)?;
            Ok(transaction.commit()?)
        })
        .await
    }

    /// Stores that a delivery failed again.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note(
        &self,
        key: &LinkKey,
        change: ChangeId,
        tries: Tries,
    ) -> Result<(), StoreError> {
        let (route, target) = texts(key);
        self.run(move |connection| {
            connection.execute(
                "INSERT OR REPLACE INTO tries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    route,
                    target,
                    change.position.0.cast_signed(),
                    change.index,
                    tries.failed,
                    tries.first.microseconds(),
                    tries.due.microseconds()
                ],
            )?;
            Ok(())
        })
        .await
    }

    /// All links that are stored.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn links(&self) -> Result<Vec<StoredLink>, StoreError> {
        self.run(|connection| {
            let mut select = connection
                .prepare_cached("SELECT route, target, life, mark, finished FROM links")?;
            let rows = select.query_map([], |row| {
                Ok(StoredLink {
                    key: key_of(row, 0)?,
                    life: row.get(2)?,
                    mark: Position(row.get::<_, i64>(3)?.cast_unsigned()),
                    is_finished: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Forgets a link with its mark and its dead letters.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn forget(&self, key: &LinkKey) -> Result<(), StoreError> {
        self.peers.lock().remove(key);
        let (route, target) = texts(key);
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            for table in ["links", "ahead", "tries", "dead", "peers"] {
                let sql = format!("DELETE FROM {table} WHERE route = ?1 AND target = ?2");
                transaction.execute(&sql, [&route, &target])?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    /// Dead letters in the order of their numbers: at most `limit` after a number, of a route, of a
    /// target, or of all.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn dead_letters(
        &self,
        after: i64,
        limit: usize,
        route: Option<String>,
        target: Option<String>,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.run(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT route, target, id, position, number, resource, kind, moment, reason, failed, \
                 first, last FROM dead WHERE id > ?1 AND (?2 IS NULL OR route = ?2) \
                 AND (?3 IS NULL OR target = ?3) ORDER BY id LIMIT ?4",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = select.query_map(params![after, route, target, limit], dead_letter)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// One dead letter.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, StoreError> {
        let found = self.dead_letters(id.saturating_sub(1), 1, None, None).await?;
        Ok(found.into_iter().find(|letter| letter.id == id))
    }

    /// The number of dead letters of each link that has some.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn dead_counts(&self) -> Result<HashMap<LinkKey, u64>, StoreError> {
        self.run(|connection| {
            let mut select = connection
                .prepare_cached("SELECT route, target, count(*) FROM dead GROUP BY 1, 2")?;
            let rows = select.query_map([], |row| {
                Ok((key_of(row, 0)?, row.get::<_, i64>(2)?.cast_unsigned()))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Removes dead letters. Returns how many there were.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn bury(&self, ids: Vec<i64>) -> Result<usize, StoreError> {
        self.run(move |connection| {
            let transaction = connection.transaction()?;
            let mut count = 0;
            for id in ids {
                count += transaction.execute("DELETE FROM dead WHERE id = ?1", [id])?;
            }
            transaction.commit()?;
            Ok(count)
        })
        .await
    }

    /// What is held, by name.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn held(&self) -> Result<HashMap<String, Held>, StoreError> {
        self.run(|connection| {
            let mut select = connection.prepare_cached("SELECT name, reason, version FROM held")?;
            let rows = select.query_map([], |row| {
                Ok((row.get(0)?, Held { reason: row.get(1)?, version: row.get(2)? }))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Holds a route or a target, or lets it go. What holds for one version only never takes the place
    /// of what somebody asked for.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn hold(&self, name: String, held: Option<Held>) -> Result<(), StoreError> {
        self.run(move |connection| {
            match held {
                Some(held) => connection.execute(
                    "INSERT INTO held VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE
                     SET reason = excluded.reason, version = excluded.version
                     WHERE excluded.version = '' OR held.version <> ''",
                    params![name, held.reason, held.version],
                )?,
                None => connection.execute("DELETE FROM held WHERE name = ?1", [name])?,
            };
            Ok(())
        })
        .await
    }
}

fn texts(key: &LinkKey) -> (String, String) {
    (key.route.to_string(), key.target.to_string())
}

fn load(connection: &mut Connection, key: &LinkKey) -> Result<Option<LinkRecord>, StoreError> {
    let (route, target) = texts(key);
    let names = [&route, &target];
    let sql = "SELECT life, mark, finished FROM links WHERE route = ?1 AND target = ?2";
    let row = connection.query_row(sql, names, |row| {
        Ok(LinkRecord {
            life: row.get(0)?,
            mark: Position(row.get::<_, i64>(1)?.cast_unsigned()),
            is_finished: row.get(2)?,
            ..LinkRecord::default()
        })
    });
    let Some(mut record) = row.optional()? else { return Ok(None) };
    let mut ahead = connection
        .prepare_cached("SELECT position, number FROM ahead WHERE route = ?1 AND target = ?2")?;
    record.ahead = ahead.query_map(names, |row| change_of(row, 0))?.collect::<Result<_, _>>()?;
    let mut tries = connection.prepare_cached(
        "SELECT position, number, failed, first, due FROM tries WHERE route = ?1 AND target = ?2",
    )?;
    let tries = tries.query_map(names, |row| {
        let tries =
            Tries { failed: row.get(2)?, first: moment_of(row, 3)?, due: moment_of(row, 4)? };
        Ok((change_of(row, 0)?, tries))
    })?;
    record.tries = tries.collect::<Result<_, _>>()?;
    Ok(Some(record))
}

fn save(
    transaction: &Transaction<'_>,
    key: &LinkKey,
    record: &LinkRecord,
    dead: &[DeadLetter],
) -> Result<(), StoreError> {
    let (route, target) = texts(key);
    let mark = record.mark.0.cast_signed();
    transaction.execute(
        "INSERT OR REPLACE INTO links VALUES (?1, ?2, ?3, ?4, ?5)",
        params![route, target, record.life, mark, record.is_finished],
    )?;
    transaction.execute("DELETE FROM ahead WHERE route = ?1 AND target = ?2", [&route, &target])?;
    let passed = "DELETE FROM tries WHERE route = ?1 AND target = ?2 AND position <= ?3";
    transaction.execute(passed, params![route, target, mark])?;
    let mut insert = transaction.prepare_cached("INSERT INTO ahead VALUES (?1, ?2, ?3, ?4)")?;
    let mut forget = transaction.prepare_cached(
        "DELETE FROM tries WHERE route = ?1 AND target = ?2 AND position = ?3 AND number = ?4",
    )?;
    for change in &record.ahead {
        let row = params![route, target, change.position.0.cast_signed(), change.index];
        insert.execute(row)?;
        forget.execute(row)?;
    }
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO dead (route, target, position, number, resource, kind, moment, reason, \
         failed, first, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for letter in dead {
        insert.execute(params![
            route,
            target,
            letter.change.position.0.cast_signed(),
            letter.change.index,
            letter.resource.to_string(),
            letter.kind.name(),
            letter.moment.microseconds(),
            letter.reason,
            letter.failed,
            letter.first.microseconds(),
            letter.last.microseconds()
        ])?;
    }
    Ok(())
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let kind = match row.get::<_, String>(6)?.as_str() {
        "created" => DocumentChangeKind::Created,
        "deleted" => DocumentChangeKind::Deleted,
        _ => DocumentChangeKind::Updated,
    };
    Ok(DeadLetter {
        key: key_of(row, 0)?,
        id: row.get(2)?,
        change: change_of(row, 3)?,
        resource: xid_of(row, 5)?,
        kind,
        moment: moment_of(row, 7)?,
        reason: row.get(8)?,
        failed: row.get(9)?,
        first: moment_of(row, 10)?,
        last: moment_of(row, 11)?,
    })
}

fn key_of(row: &Row<'_>, at: usize) -> rusqlite::Result<LinkKey> {
    Ok(LinkKey { route: xid_of(row, at)?, target: xid_of(row, at + 1)? })
}

fn xid_of(row: &Row<'_>, at: usize) -> rusqlite::Result<Xid> {
    let text: String = row.get(at)?;
    text.parse().map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(at, kind, Box::new(error))
    })
}

fn change_of(row: &Row<'_>, at: usize) -> rusqlite::Result<ChangeId> {
    let position = Position(row.get::<_, i64>(at)?.cast_unsigned());
    Ok(ChangeId { position, index: row.get(at + 1)? })
}

fn moment_of(row: &Row<'_>, at: usize) -> rusqlite::Result<Moment> {
    Ok(Moment::from_microseconds(row.get(at)?).unwrap_or(Moment::EPOCH))
}

#[cfg(test)]
mod tests;
