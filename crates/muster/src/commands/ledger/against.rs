use std::{fmt, path::Path};

use muster_client::Client;
use muster_ledger::{
    Checkpoint, Verifier,
    tree::{ProofError, verify_consistency},
};
use muster_wire::{ErrorCode, ledger::SoundLedger, proofs::ConsistencyReport};
use muster_words::Digest;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{check::unread, verify::signer};
use crate::{Exit, Failure, OwnCode, bounded_file, output::numbers::separated};

/// The largest file with a checkpoint, in bytes: what a signed note may have.
const CHECKPOINT_BYTES_MAX: u64 = 64 * 1024;

/// An older checkpoint from a file.
pub(super) struct OlderCheckpoint {
    file: String,
    note: String,
    key: Option<Verifier>,
}

/// What an older checkpoint is compared with.
pub(super) enum NewerLedger {
    /// A server, which proves that it continues the checkpoint.
    Server(Client),
    /// The root of as many entries as the checkpoint has, in a ledger that this process reads.
    Directory(oneshot::Receiver<Option<Digest>>),
}

/// A ledger continues an older checkpoint.
pub(super) struct ContinuedCheckpoint {
    file: String,
    older: Checkpoint,
    key: String,
    size: u64,
}

impl OlderCheckpoint {
    /// Reads a checkpoint. Its signature is checked later, if the key isn't given.
    pub(super) fn read(file: &Path, key: Option<Verifier>) -> Result<Self, Failure> {
        let note = bounded_file::read_text(file, CHECKPOINT_BYTES_MAX)
            .map_err(|error| unread(file, &error))?;
        let older = Self { file: file.display().to_string(), note, key };
        if let Some(key) = &older.key {
            older.open(key)?;
        }
        Ok(older)
    }

    /// How many entries it says that it has, before its signature is checked.
    pub(super) fn size(&self) -> u64 {
        self.note.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_default()
    }

    fn open(&self, key: &Verifier) -> Result<Checkpoint, Failure> {
        Checkpoint::open(self.note.as_bytes(), key).map_err(|error| {
            let (file, signer) = (&self.file, signer(&key.to_string()));
            let what = format!("{file} isn't a checkpoint that {signer} signed: {error}");
            Failure::new(OwnCode::ProofInvalid, what)
                .exit(Exit::Unverified)
                .help("a checkpoint of another registry, or of another key, can't be compared; --key names its key")
        })
    }

    /// Proves that a verified ledger continues it.
    pub(super) async fn compare(
        self,
        newer: NewerLedger,
        sound: &SoundLedger,
        place: &str,
    ) -> Result<ContinuedCheckpoint, Failure> {
        let said = sound.checkpoint.as_ref().and_then(|signed| signed.verifier.parse().ok());
        let key = self.key.clone().or(said.clone()).ok_or_else(|| {
            Failure::usage(format!("{place} names no key that could have signed {}", self.file))
                .help("name it with --key; muster keys ledger prints it")
        })?;
        let older = self.open(&key)?;
        if older.size > sound.entries {
            return Err(self.tail_missing(&older, sound.entries, place));
        }
        match newer {
            NewerLedger::Directory(root) => {
                let root = root.await.ok().flatten();
                if root != Some(older.root) {
                    return Err(self.forked(&older, place));
                }
            }
            NewerLedger::Server(client) => {
                self.proven_by(&client, &older, (&key, said.as_ref()), place).await?
            }
        }
        let (file, key) = (self.file, signer(&key.to_string()));
        Ok(ContinuedCheckpoint { file, older, key, size: sound.entries })
    }

    /// Lets a server prove it. Nothing is believed that the proof doesn't show.
    async fn proven_by(
        &self,
        client: &Client,
        older: &Checkpoint,
        (key, said): (&Verifier, Option<&Verifier>),
        place: &str,
    ) -> Result<(), Failure> {
        let answer = match client.consistency(older.size).await {
            Ok(answer) => answer.read()?,
            // The newest checkpoint has fewer entries than the older one.
            Err(error) if error.is(ErrorCode::BadPosition.name()) => {
                return Err(self.tail_missing(older, 0, place));
            }
            Err(error) => return Err(error.into()),
        };
        // A ledger that was restored from a backup goes on with another key. The proof holds whoever
        // signed the newer root: only a ledger that begins with the older one has such a proof.
        let keys = [Some(key), said];
        let newer = answer.checkpoint.as_ref().and_then(|note| {
            let mut keys = keys.iter().flatten();
            keys.find_map(|key| Checkpoint::open(note.as_bytes(), key).ok())
        });
        let Some(newer) = newer else {
            let what =
                format!("{place} has no checkpoint that {} signed", signer(&key.to_string()));
            return Err(Failure::new(OwnCode::ProofInvalid, what)
                .exit(Exit::Unverified)
                .help("it is another registry, or its key was replaced; muster keys ledger prints its key"));
        };
        let hashes = hashes(&answer).ok_or_else(|| self.forked(older, place))?;
        verify_consistency(older.size, &older.root, newer.size, &newer.root, &hashes)
            .map_err(|_: ProofError| self.forked(older, place))
    }

    fn forked(&self, older: &Checkpoint, place: &str) -> Failure {
        let (size, file) = (separated(older.size), &self.file);
        Failure::new(
            OwnCode::LedgerForked,
            format!("the ledger of {place} isn't a continuation of {file}"),
        )
        .exit(Exit::Unverified)
        .lines([format!(
            "its first {size} entries aren't those that {} had signed: the history was rewritten",
            older.origin
        )])
        .help("keep both checkpoints, because together they prove it; then follow \"When a ledger doesn't verify\" in Muster's documentation")
    }

    fn tail_missing(&self, older: &Checkpoint, entries: u64, place: &str) -> Failure {
        let (size, file) = (separated(older.size), &self.file);
        let what = match entries {
            0 => format!("the newest checkpoint of {place} ends before {file}"),
            entries => format!(
                "the ledger of {place} ends at position {}, and {file} has {size} entries",
                separated(entries)
            ),
        };
        Failure::new(OwnCode::TailMissing, what)
            .exit(Exit::Unverified)
            .help("entries at its end are lost; follow \"When a ledger doesn't verify\" in Muster's documentation")
    }
}

fn hashes(answer: &ConsistencyReport) -> Option<Vec<Digest>> {
    answer.hashes.iter().map(|hash| hash.parse().ok()).collect()
}

impl ContinuedCheckpoint {
    /// For programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "continues": true, "checkpoint": self.file, "size": self.older.size, "key": self.key,
            "entries": self.size,
        })
    }
}

impl fmt::Display for ContinuedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (older, newer) = (separated(self.older.size), separated(self.size));
        write!(
            f,
            "{}: its {older} entries, signed by {}, are the beginning of these {newer}",
            self.file, self.key
        )
    }
}
