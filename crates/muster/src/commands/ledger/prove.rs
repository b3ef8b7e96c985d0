use std::{path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::Args;
use muster_client::{Client, Query};
use muster_ledger::{Checkpoint, EntryBytes, TlogProof, Verifier};
use muster_words::{Digest, Id, Position, Xid};

use super::position_log::ChangesOfDocument;
use crate::{
    Context, Failure, OwnCode,
    arguments::ConnectionArguments,
    commands::{get::explain, xid},
    document_proof,
    output::numbers::{counted, separated},
    suggest,
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster ledger prove providers/cms/entries/sanity --out sanity.tlog-proof
  muster ledger prove providers/cms/entries/sanity --version 1 > sanity-1.tlog-proof
  muster ledger prove providers/cms/entries/sanity --current
  muster ledger prove providers/cms --out cms.tlog-proof

";

/// The most documents in one file. Each proof has about two kilobytes, so the file stays below what
/// `check` reads.
const DOCUMENTS_MAX: usize = 10_000;

/// How long to wait for a checkpoint that covers a new entry; one is signed each second.
const SIGNED_TIME: Duration = Duration::from_secs(10);

/// Between two looks at the checkpoint.
const SIGNED_PAUSE: Duration = Duration::from_millis(100);

/// Write a proof that a document is in the ledger, for others to check offline
#[derive(Debug, Args)]
pub struct LedgerProveArguments {
    /// The document, or a group for all documents in it
    #[arg(value_parser = xid, value_name = "XID")]
    xid: Xid,
    /// This version instead of the default version
    #[arg(long, value_name = "ID")]
    version: Option<Id>,
    /// Add all later entries about the document, up to the newest checkpoint
    #[arg(long)]
    current: bool,
    /// Write the proof to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl LedgerProveArguments {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let client = self.connection.client(context).await?;
        let documents = self.documents(&client).await?;
        let mut wanted = Vec::new();
        for document in &documents {
            wanted.push(self.wanted(&client, document).await?);
        }
        let last = wanted.iter().flat_map(WantedProof::positions).max().unwrap_or_default();
        let prover = Prover::new(&client, last).await?;
        let mut text = String::new();
        for wanted in &wanted {
            text.push_str(&prover.prove(wanted).await?);
        }
        self.put_out(context, &text, &prover, wanted.len())
    }

    /// The versions to prove, or the documents whose default version is.
    async fn documents(&self, client: &Client) -> Result<Vec<Xid>, Failure> {
        let shown = suggest::without_slash(&self.xid);
        match (&self.xid, &self.version) {
            (Xid::Group { .. }, None) => documents_in(client, &self.xid).await,
            (Xid::Resource { .. }, None) | (Xid::Version { .. }, None) => {
                Ok(vec![self.xid.clone()])
            }
            (Xid::Resource { .. }, Some(version)) => {
                Ok(self.xid.version(version.clone()).into_iter().collect())
            }
            _ => Err(Failure::usage(format!("{shown} can't be proven like this"))
                .help("name a document or a group; --version needs a document")),
        }
    }

    /// The positions that prove a document.
    async fn wanted(&self, client: &Client, xid: &Xid) -> Result<WantedProof, Failure> {
        let document = xid.resource().unwrap_or_else(|| xid.clone());
        let log = ChangesOfDocument::read(client, &document).await?;
        let version = match xid {
            Xid::Version { version, .. } => Some(version.to_string()),
            _ => match client.details(xid, &Query::new()).await {
                Ok(answer) => {
                    answer.json()?.get("versionid").and_then(|id| id.as_str()).map(str::to_owned)
                }
                Err(error) if error.is_absent() => log.newest_version().map(str::to_owned),
                Err(error) => return Err(explain(client, xid, error).await),
            },
        };
        let found = version.as_ref().and_then(|id| Some((id, log.recorded_at(id)?)));
        let named = found.and_then(|(id, at)| Some((document.version(id.parse().ok()?)?, at)));
        let Some((version, position)) = named else {
            let shown = suggest::without_slash(xid);
            let what = format!("the ledger has no entry about a version of {shown}");
            return Err(Failure::new(muster_wire::ErrorCode::NotFound, what).help(format!(
                "muster log {} shows what it has",
                suggest::without_slash(&document)
            )));
        };
        let later = self.current.then(|| log.after(position));
        Ok(WantedProof { version, document, position, later })
    }

    fn put_out(
        &self,
        context: &Context,
        text: &str,
        prover: &Prover<'_>,
        documents: usize,
    ) -> Result<(), Failure> {
        let Some(file) = &self.out else {
            return match context.screen.is_table() {
                true => context.screen.write(text.as_bytes()),
                false => context.screen.value(&serde_json::json!({"proof": text})),
            };
        };
        std::fs::write(file, text).map_err(|error| {
            let what = format!("{} can't be written: {error}", file.display());
            Failure::new(OwnCode::OutputFailed, what).help("choose another file with --out")
        })?;
        let key = &prover.key;
        if !context.screen.is_table() {
            return context.screen.value(&serde_json::json!({
                "file": file.display().to_string(), "documents": documents,
                "checkpoint": prover.checkpoint.size, "key": key.to_string(),
            }));
        }
        let (size, shown) = (separated(prover.checkpoint.size), file.display());
        let documents = counted(documents, "document", "documents");
        context.screen.line(&format!("{shown}: {documents}, in the checkpoint of {size}"))?;
        context.screen.note(&format!("check it with: muster ledger check {shown} --key '{key}'"));
        Ok(())
    }
}

/// The documents in a group, in the order of their types and names.
async fn documents_in(client: &Client, group: &Xid) -> Result<Vec<Xid>, Failure> {
    let details = match client.details(group, &Query::new()).await {
        Ok(answer) => answer.json()?,
        Err(error) => return Err(explain(client, group, error).await),
    };
    let members = details.as_object().into_iter().flatten();
    let plurals = members.filter_map(|(name, _)| name.strip_suffix("url"));
    let plurals = plurals.filter(|plural| details.get(format!("{plural}count")).is_some());
    let mut documents = Vec::new();
    for plural in plurals {
        let page = client.all(&format!("{group}/{plural}"), &Query::new()).await?;
        let xids =
            page.entries.iter().filter_map(|(_, one)| one.get("xid")?.as_str()?.parse().ok());
        documents.extend(xids);
    }
    let shown = suggest::without_slash(group);
    match documents.len() {
        0 => Err(Failure::new(OwnCode::NoDocuments, format!("{shown} holds no document"))
            .help(format!("muster list {shown} shows what is in it"))),
        1..=DOCUMENTS_MAX => Ok(documents),
        more => Err(Failure::usage(format!(
            "{shown} has {} documents, and a file holds at most {}",
            separated(more as u64),
            separated(DOCUMENTS_MAX as u64)
        ))
        .help("prove them one by one")),
    }
}

/// What is to be proven of a document.
struct WantedProof {
    version: Xid,
    document: Xid,
    /// Where the version's document was recorded.
    position: u64,
    /// The positions of later entries.
    later: Option<Vec<u64>>,
}

impl WantedProof {
    fn positions(&self) -> impl Iterator<Item = u64> {
        self.later.iter().flatten().copied().chain([self.position])
    }
}

/// Makes proofs in the tree of one checkpoint.
struct Prover<'a> {
    client: &'a Client,
    key: Verifier,
    checkpoint: Checkpoint,
    note: String,
}

impl<'a> Prover<'a> {
    /// Waits for a checkpoint that covers a position.
    async fn new(client: &'a Client, position: u64) -> Result<Self, Failure> {
        let unsigned = |what: String| {
            Failure::new(OwnCode::NotSigned, what)
                .help("a registry with a data directory signs checkpoints; try again in a second")
        };
        let place = client.place();
        let key = client.ledger().await?.read()?.key;
        let key = key.ok_or_else(|| unsigned(format!("{place} signs no checkpoints")))?;
        let key: Verifier = key.parse().map_err(|error| broken(client, &format!("{error}")))?;
        let until = tokio::time::Instant::now() + SIGNED_TIME;
        loop {
            let note = client.checkpoint().await?.bytes;
            let checkpoint = Checkpoint::open(&note, &key)
                .map_err(|error| broken(client, &format!("its checkpoint: {error}")))?;
            if checkpoint.size >= position {
                let note = String::from_utf8_lossy(&note).into_owned();
                return Ok(Self { client, key, checkpoint, note });
            }
            if tokio::time::Instant::now() > until {
                let (size, position) = (separated(checkpoint.size), separated(position));
                return Err(unsigned(format!(
                    "the newest checkpoint of {place} has {size} entries, and doesn't cover position {position}"
                )));
            }
            tokio::time::sleep(SIGNED_PAUSE).await;
        }
    }

    /// The proofs of a document, one after another.
    async fn prove(&self, wanted: &WantedProof) -> Result<String, Failure> {
        let current = wanted.later.as_ref().map(|_| self.checkpoint.size);
        let mut text = self.entry(&wanted.version, wanted.position, current).await?;
        for position in wanted.later.iter().flatten() {
            text.push_str(&self.entry(&wanted.document, *position, None).await?);
        }
        Ok(text)
    }

    /// The proof of one entry, verified: a server's fault is noticed here and not at whoever gets
    /// the file.
    async fn entry(
        &self,
        xid: &Xid,
        position: u64,
        current: Option<u64>,
    ) -> Result<String, Failure> {
        let answer = self.client.inclusion(position, self.checkpoint.size).await?.read()?;
        let hashes: Result<Vec<Digest>, _> =
            answer.hashes.iter().map(|hash| hash.parse::<Digest>()).collect();
        let decoded = hashes.ok().zip(STANDARD.decode(&answer.entry).ok());
        let (hashes, bytes) =
            decoded.ok_or_else(|| broken(self.client, "its proof can't be read"))?;
        let entry = EntryBytes { position: Position(position), bytes: Bytes::from(bytes) };
        let extra = document_proof::extra(xid, &entry, current)
            .ok_or_else(|| broken(self.client, &format!("its entry isn't about {xid}")))?;
        let (index, checkpoint) = (position.saturating_sub(1), self.note.clone());
        let proof = TlogProof { extra: Some(extra), index, hashes, checkpoint };
        document_proof::check(&proof, &self.key).map_err(|why| broken(self.client, &why))?;
        Ok(proof.to_string())
    }
}

/// The server's proof proves nothing.
fn broken(client: &Client, why: &str) -> Failure {
    let what = format!("what {} answers proves nothing: {why}", client.place());
    Failure::new(OwnCode::ProofInvalid, what)
        .exit(crate::Exit::Unverified)
        .help("muster ledger verify finds out what is wrong with the ledger")
}
