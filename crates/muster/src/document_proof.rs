//! Proofs about documents: a C2SP tlog-proof whose extra data are the entry and what it names.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use muster_history::{EntryFacts, NamedDigest};
use muster_ledger::{Checkpoint, EntryBytes, TLOG_PROOF_HEADER, TlogProof, Verifier};
use muster_words::{Digest, Moment, Position, Xid};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a document's proof carries beside the path. Nothing proves it: the entry must lead to the
/// root, and everything else must be in the entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ProofExtra {
    /// What the proof is about: a version, or a document of which something changed.
    xid: String,
    /// The entry, in Base64.
    entry: String,
    /// The digests of the contents that the entry names for it, for readers that don't decode
    /// entries.
    #[serde(default)]
    contents: Vec<ProvenContent>,
    /// If proofs of all later entries follow: the size of the ledger up to which they were asked
    /// for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<u64>,
}

/// A content that an entry names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenContent {
    /// `document` or `attributes`.
    pub part: String,
    /// SHA-256, prefixed with `sha256:`.
    pub digest: String,
    /// Its length in bytes.
    pub size: u32,
}

/// What a verified proof says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenChanges {
    /// What it is about.
    pub xid: Xid,
    /// The position of the entry.
    pub position: Position,
    /// When its command was decided.
    pub time: Moment,
    /// What the entry did, one sentence for each change.
    pub what: Vec<String>,
    /// The contents that it names for the xid.
    pub contents: Vec<ProvenContent>,
    /// The digest of the document, if the entry names one.
    pub document: Option<Digest>,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
    /// The size up to which later entries follow.
    pub current: Option<u64>,
}

/// The extra data for a proof of an entry about an entity; none if the entry isn't about it.
pub fn extra(xid: &Xid, entry: &EntryBytes, current: Option<u64>) -> Option<Vec<u8>> {
    let facts = EntryFacts::of(xid, &entry.decode().ok()?)?;
    let (encoded, contents) = (STANDARD.encode(&entry.bytes), contents(&facts));
    let extra = ProofExtra { xid: xid.to_string(), entry: encoded, contents, current };
    serde_json::to_vec(&extra).ok()
}

/// The proofs in a file: one, or several one after another.
///
/// # Errors
/// What is wrong with the file, for people.
pub fn parse_all(text: &str) -> Result<Vec<TlogProof>, String> {
    if !text.starts_with(TLOG_PROOF_HEADER) {
        return Err(format!("it doesn't begin with {TLOG_PROOF_HEADER}"));
    }
    // No other line of a proof can be this one: a checkpoint's text has three lines, the first is
    // a name without a slash at this place, and signatures begin with a dash.
    let separator = format!("\n{TLOG_PROOF_HEADER}\n");
    let mut pieces = text.split(&separator).peekable();
    let mut proofs = Vec::new();
    while let Some(piece) = pieces.next() {
        let head = if proofs.is_empty() { "" } else { TLOG_PROOF_HEADER };
        let end = if pieces.peek().is_some() { "\n" } else { "" };
        let whole = match head {
            "" => format!("{piece}{end}"),
            head => format!("{head}\n{piece}{end}"),
        };
        let number = proofs.len() + 1;
        let proof = TlogProof::parse(&whole).map_err(|error| format!("proof {number}: {error}"))?;
        proofs.push(proof);
    }
    Ok(proofs)
}

/// Verifies a proof offline.
///
/// # Errors
/// Why it proves nothing, for people.
pub fn check(proof: &TlogProof, key: &Verifier) -> Result<ProvenChanges, String> {
    let extra = proof.extra.as_deref().ok_or("it carries no entry in its extra data")?;
    let extra: ProofExtra = serde_json::from_slice(extra)
        .map_err(|error| format!("its extra data aren't those of a document: {error}"))?;
    let xid: Xid = extra.xid.parse().map_err(|error| format!("its xid is malformed: {error}"))?;
    let bytes = STANDARD.decode(&extra.entry).map_err(|_| "its entry isn't Base64".to_owned())?;
    let position = Position(proof.index.saturating_add(1));
    let bytes = EntryBytes { position, bytes: Bytes::from(bytes) };
    let checkpoint = proof.verify(&bytes.leaf(), key).map_err(|error| error.to_string())?;
    let entry = bytes.decode().map_err(|error| format!("its entry can't be read: {error}"))?;
    let facts =
        EntryFacts::of(&xid, &entry).ok_or_else(|| format!("its entry isn't about {xid}"))?;
    let contents = contents(&facts);
    if contents != extra.contents {
        return Err("its digests aren't those in its entry".to_owned());
    }
    let (what, document) = (facts.what, facts.document);
    let (time, current) = (entry.moment, extra.current);
    Ok(ProvenChanges { xid, position, time, what, contents, document, checkpoint, current })
}

impl ProvenChanges {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut value = json!({
            "xid": self.xid.to_string(),
            "position": self.position.0,
            "time": self.time.to_string(),
            "what": self.what,
            "contents": self.contents,
            "checkpoint": {"size": self.checkpoint.size, "origin": self.checkpoint.origin.as_str()},
        });
        if let Xid::Version { version, .. } = &self.xid {
            value["version"] = version.as_str().into();
        }
        if let Some(current) = self.current {
            value["current"] = current.into();
        }
        value
    }
}

fn contents(facts: &EntryFacts) -> Vec<ProvenContent> {
    let proven = |(part, named): &(&'static str, NamedDigest)| ProvenContent {
        part: (*part).to_owned(),
        digest: format!("sha256:{}", named.digest),
        size: named.size,
    };
    facts.contents.iter().map(proven).collect()
}

#[cfg(test)]
mod tests;
