use std::path::{Path, PathBuf};

use clap::Args;
use muster_ledger::Verifier;
use muster_words::{Digest, Xid, limits::DOCUMENT_BYTES_MAX};

use super::verify::signer;
use crate::{
    Context, Exit, Failure, OwnCode, bounded_file,
    document_proof::{self, ProvenChanges},
    output::numbers::{counted, separated},
};

/// Examples of the command.
pub const EXAMPLES: &str = "\
Examples:
  muster ledger check sanity.tlog-proof --key ledger.key
  muster ledger check sanity.tlog-proof --key \"$(muster keys ledger)\"
  muster ledger check sanity.tlog-proof --key ledger.key --document sanity.json

";

/// The largest file of proofs, in bytes: ten thousand documents with some later entries each.
const PROOFS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The largest file with a key, in bytes; a key has fewer than 300.
const KEY_BYTES_MAX: u64 = 4 * 1024;

/// Check proofs of documents offline, without a registry
#[derive(Debug, Args)]
pub struct LedgerCheckArguments {
    /// A file that muster ledger prove wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The public key of the ledger as muster keys ledger prints it, or a file that holds it
    #[arg(long, value_name = "VERIFIER")]
    key: String,
    /// A file that must hold a proven document, byte for byte
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
}

impl LedgerCheckArguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let key = verifier(&self.key)?;
        let shown = self.file.display();
        let text = bounded_file::read_text(&self.file, PROOFS_BYTES_MAX)
            .map_err(|error| unread(&self.file, &error))?;
        let invalid = |why: String| {
            Failure::new(OwnCode::ProofInvalid, format!("{shown} proves nothing: {why}"))
                .exit(Exit::Unverified)
                .help("ask for the proof again, and compare the key with the one that muster keys ledger prints")
        };
        let proofs = document_proof::parse_all(&text).map_err(invalid)?;
        let mut proven = Vec::new();
        for (number, proof) in (1..).zip(&proofs) {
            let checked = document_proof::check(proof, &key);
            let checked = checked.map_err(|why| match proofs.len() {
                1 => invalid(why),
                _ => invalid(format!("proof {number}: {why}")),
            })?;
            proven.push(checked);
        }
        let document = self.document.as_ref().map(|file| compared(file, &proven)).transpose()?;
        if !context.screen.is_table() {
            let proofs: Vec<_> = proven.iter().map(ProvenChanges::json).collect();
            let mut value = serde_json::json!({
                "verified": true, "key": key.to_string(), "proofs": proofs,
            });
            if let Some(xid) = document {
                value["document"] = xid.to_string().into();
            }
            return context.screen.value(&value);
        }
        let file = self.document.as_deref().zip(document);
        context.screen.write(told(&proven, &key, file).as_bytes())
    }
}

/// The key: as text, or in a file.
pub(super) fn verifier(text: &str) -> Result<Verifier, Failure> {
    if let Ok(key) = text.trim().parse() {
        return Ok(key);
    }
    let file = Path::new(text);
    let help = "muster keys ledger prints it: <name>+<id>+<key>, in quotes because of its signs";
    let read = bounded_file::read_text(file, KEY_BYTES_MAX).map_err(|_| {
        Failure::usage(format!("--key {text:?} is neither a key nor a file with one")).help(help)
    })?;
    read.trim()
        .parse()
        .map_err(|error| Failure::usage(format!("{text} holds no key: {error}")).help(help))
}

/// The failure for a file that can't be read.
pub(super) fn unread(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(OwnCode::NoFile, format!("{} can't be read: {error}", file.display()))
        .help("check its name and its permissions")
}

/// The version whose document a file holds.
fn compared<'a>(file: &Path, proven: &'a [ProvenChanges]) -> Result<&'a Xid, Failure> {
    let bytes = bounded_file::read(file, DOCUMENT_BYTES_MAX as u64)
        .map_err(|error| unread(file, &error))?;
    let digest = Digest::of(&bytes);
    let same = proven.iter().find(|one| one.document == Some(digest));
    same.map(|one| &one.xid).ok_or_else(|| {
        let shown = file.display();
        let documents = proven.iter().filter_map(|one| Some((&one.xid, one.document?)));
        let lines = documents.take(10).map(|(xid, digest)| format!("{xid}: sha256:{digest}"));
        Failure::new(
            OwnCode::DocumentDiffers,
            format!("{shown} isn't a proven document: its digest is sha256:{digest}"),
        )
        .exit(Exit::Unverified)
        .lines(lines)
        .help("the proof is about the document byte for byte; muster get prints it so")
    })
}

/// What the proofs say, for people.
fn told(proven: &[ProvenChanges], key: &Verifier, document: Option<(&Path, &Xid)>) -> String {
    let mut text = String::new();
    let mut line = |said: &str| {
        text.push_str(&crate::output::sanitized(said));
        text.push('\n');
    };
    for one in proven {
        let at = format!("recorded at position {}, {}", separated(one.position.0), one.time);
        match &one.xid {
            Xid::Version { version, .. } => {
                let document = one.xid.resource().unwrap_or_else(|| one.xid.clone());
                line(&format!("{document}, version {version}"));
                line(&format!("  {at}"));
                for content in &one.contents {
                    let size = counted(content.size as usize, "byte", "bytes");
                    line(&format!("  {} {}, {size}", content.part, content.digest));
                }
            }
            _ => {
                line(&format!("  later: {at}"));
                one.what.iter().for_each(|what| line(&format!("    {what}")));
            }
        }
        if let Some(file) = document.filter(|(_, xid)| **xid == one.xid).map(|(file, _)| file) {
            line(&format!("  {} is this document", file.display()));
        }
        if let Some(size) = one.current {
            let size = separated(size);
            line(&format!(
                "  later entries up to position {size}, as the registry gave them; that there are no others can't be proven"
            ));
        }
    }
    let sizes = proven.iter().map(|one| one.checkpoint.size);
    let size = sizes.max().map(separated).unwrap_or_default();
    let (count, key) = (counted(proven.len(), "proof", "proofs"), signer(&key.to_string()));
    line(&format!("{count} verified; checkpoint of {size} signed by {key}"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_none_says_where_to_get_one() {
        for text in ["", "nothing", "a+b+c"] {
            let failure = verifier(text).err();
            assert_eq!(failure.as_ref().map(Failure::exit_code), Some(Exit::Usage), "{text}");
            let help = failure.as_ref().and_then(Failure::help_text).unwrap_or_default();
            assert!(help.contains("muster keys ledger"), "{help}");
        }
    }
}
