use muster_words::{Id, Position};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{LinkKey, RelayStore, StoreError, texts};

/// The table came after the others. A release that doesn't know it leaves it as it is.
pub(super) const PEERS: &str = "
CREATE TABLE IF NOT EXISTS peers (
    route TEXT NOT NULL, target TEXT NOT NULL, life TEXT NOT NULL,
    peer TEXT NOT NULL, mark INTEGER,
    PRIMARY KEY (route, target)
) STRICT, WITHOUT ROWID;
";

/// This column came later.
pub(super) fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT count(*) FROM pragma_table_info('peers') WHERE name = 'restored'";
    let has_it: bool = connection.query_row(sql, [], |row| row.get(0))?;
    match has_it {
        true => Ok(()),
        false => connection.execute_batch("ALTER TABLE peers ADD COLUMN restored TEXT"),
    }
}

/// What is stored of the other registry of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRecord {
    /// Which life of the route and the target it belongs to.
    pub life: String,
    /// The id of the other registry.
    pub peer: Id,
    /// The position there up to which everything was fetched; none: nothing was asked yet.
    pub mark: Option<Position>,
    /// What the other registry was called in vectors after it was last restored from a backup.
    pub restored: Option<Id>,
}

impl RelayStore {
    /// The other registry of a link, if it is known.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn peer(&self, key: &LinkKey) -> Result<Option<PeerRecord>, StoreError> {
        let known = self.peers.lock().get(key).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let (route, target) = texts(key);
        let read = self.run(move |connection| {
            let sql =
                "SELECT life, peer, mark, restored FROM peers WHERE route = ?1 AND target = ?2";
            let row = connection.query_row(sql, [&route, &target], |row| {
                let (mark, restored): (Option<i64>, Option<String>) = (row.get(2)?, row.get(3)?);
                Ok((row.get(0)?, row.get::<_, String>(1)?, mark, restored))
            });
            Ok(row.optional()?)
        });
        let Some((life, peer, mark, restored)) = read.await? else { return Ok(None) };
        let peer = peer.parse().map_err(|_| StoreError::Damaged)?;
        let mark = mark.map(|mark| Position(mark.cast_unsigned()));
        let restored = restored.map(|life| life.parse()).transpose();
        let restored = restored.map_err(|_| StoreError::Damaged)?;
        let record = PeerRecord { life, peer, mark, restored };
        self.peers.lock().insert(key.clone(), record.clone());
        Ok(Some(record))
    }

    /// Stores what is known of the other registry of a link. A mark that is there stays if the new
    /// record has none.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn save_peer(&self, key: &LinkKey, record: PeerRecord) -> Result<(), StoreError> {
        let (route, target) = texts(key);
        let PeerRecord { life, peer, mark, .. } = record.clone();
        self.run(move |connection| {
            let mark = mark.map(|mark| mark.0.cast_signed());
            connection.execute(
                "INSERT INTO peers (route, target, life, peer, mark) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT DO UPDATE SET \
                 restored = CASE WHEN life = excluded.life THEN restored END, mark = CASE WHEN life = excluded.life THEN coalesce(excluded.mark, mark) \
                 ELSE excluded.mark END, life = excluded.life, peer = excluded.peer",
                params![route, target, life, peer.as_str(), mark],
            )?;
            Ok(())
        })
        .await?;
        // It is read again: the way there and the way back may both have stored something.
        self.peers.lock().remove(key);
        Ok(())
    }

    /// Stores what the other registry of a link is called since it was restored from a backup.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn note_restored(&self, key: &LinkKey, life: Option<Id>) -> Result<(), StoreError> {
        let (route, target) = texts(key);
        self.run(move |connection| {
            let life = life.as_ref().map(Id::as_str);
            let sql = "UPDATE peers SET restored = ?3 WHERE route = ?1 AND target = ?2";
            connection.execute(sql, params![route, target, life])?;
            Ok(())
        })
        .await?;
        self.peers.lock().remove(key);
        Ok(())
    }
}
