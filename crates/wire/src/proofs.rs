//! `/ledger/proofs`: that an entry is in the ledger, and that an older ledger is its beginning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Sample;

/// A proof that an entry is in the ledger (RFC 6962, 2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InclusionReport {
    /// The position of the entry. Its leaf in the tree has the index `position` − 1.
    pub position: u64,
    /// How many entries of the ledger the tree has.
    pub size: u64,
    /// The hash of the entry as a leaf: SHA-256 of a zero byte and the entry.
    pub leaf: String,
    /// The root hash of the tree.
    pub root: String,
    /// The path from the leaf to the root.
    pub hashes: Vec<String>,
    /// The entry, in Base64.
    pub entry: String,
    /// The signed checkpoint with this root. Absent if the newest checkpoint has another size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// A proof that a ledger begins with an older one (RFC 6962, 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsistencyReport {
    /// How many entries the older ledger has.
    pub from: u64,
    /// How many entries the newer ledger has.
    pub to: u64,
    /// The root hash of the older tree.
    pub from_root: String,
    /// The root hash of the newer tree.
    pub to_root: String,
    /// The proof.
    pub hashes: Vec<String>,
    /// The signed checkpoint with the newer root. Absent if the newest checkpoint has another size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// The checkpoint of the examples.
const CHECKPOINT: &str = "7f3a19c2/changes\n2\n+sVCA8xpbPDfy0LJKh2dutcK2eYh9L2NlmYvAOPBJQ=\n\n\u{2014} 7f3a19c2/changes jywR0K…\n";

impl Sample for InclusionReport {
    fn sample() -> Self {
        Self {
            position: 1,
            size: 2,
            leaf: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d".to_owned(),
            root: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125".to_owned(),
            hashes: vec![
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7".to_owned(),
            ],
            entry: "qAEBAhsABkPAxVMoAA==".to_owned(),
            checkpoint: Some(CHECKPOINT.to_owned()),
        }
    }
}

impl Sample for ConsistencyReport {
    fn sample() -> Self {
        Self {
            from: 1,
            to: 2,
            from_root: InclusionReport::sample().leaf,
            to_root: InclusionReport::sample().root,
            hashes: InclusionReport::sample().hashes,
            checkpoint: Some(CHECKPOINT.to_owned()),
        }
    }
}
