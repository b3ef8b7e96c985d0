//! `/ledger/proofs`: inclusion and consistency (RFC 6962, 2.1), for programs that don't read tiles.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use muster_registry::Registry;
use muster_wire::{
    ErrorKind, Problem,
    proofs::{ConsistencyReport, InclusionReport},
};
use muster_words::{Digest, Position};

use super::{
    Native, answer,
    ledger::newest_checkpoint,
    query::{Parameters, bad_position},
};
use crate::{IntoProblem, xregistry::problem_of_fetch};

/// `GET /ledger/proofs/inclusion?position=&size=`.
pub(super) async fn inclusion(
    State(native): State<Native>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let subject = "/ledger/proofs/inclusion";
    let parameters = Parameters::parse(query.as_deref(), &["position", "size"], subject)?;
    let registry = &native.registry;
    let position = required(&parameters, "position")?;
    let tree = ProvenSize::of(registry, parameters.position("size")?).await?;
    let size = tree.size;
    if position == Position::ZERO || position.0 > size {
        let why = format!("it isn't among the first {size} entries");
        return Err(bad_position(&position.to_string(), &why).into());
    }
    let reading = async {
        let proven = registry.prove_entry(position, size).await;
        let proven = proven.map_err(|error| problem_of_fetch(error, subject))?;
        proven.ok_or_else(|| beyond(registry, size))
    };
    let proven = native.in_turn(size, reading).await?;
    let report = InclusionReport {
        position: position.0,
        size,
        leaf: proven.entry.leaf().to_string(),
        root: proven.root.to_string(),
        hashes: texts(&proven.hashes),
        entry: STANDARD.encode(&proven.entry.bytes),
        checkpoint: tree.note(&proven.root)?,
    };
    Ok(answer::json(StatusCode::OK, &report))
}

/// `GET /ledger/proofs/consistency?from=&to=`.
pub(super) async fn consistency(
    State(native): State<Native>,
    RawQuery(query): RawQuery,
) -> Result<Response, IntoProblem> {
    let subject = "/ledger/proofs/consistency";
    let parameters = Parameters::parse(query.as_deref(), &["from", "to"], subject)?;
    let registry = &native.registry;
    let from = required(&parameters, "from")?.0;
    let tree = ProvenSize::of(registry, parameters.position("to")?).await?;
    let to = tree.size;
    if from > to {
        return Err(bad_position(&from.to_string(), &format!("it is larger than {to}")).into());
    }
    let reading = async {
        let proven = registry.prove_prefix(from, to).await;
        let proven = proven.map_err(|error| problem_of_fetch(error, subject))?;
        proven.ok_or_else(|| beyond(registry, to))
    };
    let proven = native.in_turn(to, reading).await?;
    let report = ConsistencyReport {
        from,
        to,
        from_root: proven.from_root.to_string(),
        to_root: proven.to_root.to_string(),
        hashes: texts(&proven.hashes),
        checkpoint: tree.note(&proven.to_root)?,
    };
    Ok(answer::json(StatusCode::OK, &report))
}

impl Native {
    /// Makes a proof; in its turn, if many leaf hashes must be read first.
    async fn in_turn<T>(
        &self,
        size: u64,
        reading: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        match self.registry.is_proof_long(size) {
            true => self.proofs.run(reading).await,
            false => reading.await,
        }
    }
}

/// The size of the tree that a proof is about, with the checkpoint of that size.
struct ProvenSize {
    size: u64,
    signed: Option<(Digest, String)>,
}

impl ProvenSize {
    /// The wanted size, or that of the newest checkpoint; without one, all that is visible.
    async fn of(registry: &Registry, wanted: Option<Position>) -> Result<Self, Problem> {
        let head = registry.view().position().0;
        let signed = match newest_checkpoint(registry, "/ledger/checkpoint").await {
            Ok(signed) => Some(signed),
            Err(problem) if problem.code().name() == "not_found" => None,
            Err(problem) => return Err(problem),
        };
        let newest = signed.as_ref().map(|(checkpoint, _)| checkpoint.size);
        let size = wanted.map_or_else(|| newest.unwrap_or(head), |wanted| wanted.0);
        if size > head {
            return Err(beyond(registry, size));
        }
        let signed = signed.filter(|(checkpoint, _)| checkpoint.size == size);
        Ok(Self { size, signed: signed.map(|(checkpoint, note)| (checkpoint.root, note)) })
    }

    /// The checkpoint's note. A root that isn't the signed one proves nothing: the ledger was
    /// damaged after it was signed.
    fn note(self, root: &Digest) -> Result<Option<String>, Problem> {
        match self.signed {
            Some((signed, _)) if signed != *root => {
                Err(ErrorKind::Corrupt { position: Position(self.size) }.into())
            }
            signed => Ok(signed.map(|(_, note)| note)),
        }
    }
}

fn required(parameters: &Parameters<'_>, name: &str) -> Result<Position, Problem> {
    parameters.position(name)?.ok_or_else(|| {
        ErrorKind::BadRequest { error_detail: format!("the parameter {name} is needed") }.into()
    })
}

fn beyond(registry: &Registry, size: u64) -> Problem {
    let head = registry.view().position();
    bad_position(&size.to_string(), &format!("the ledger has {head} entries"))
}

fn texts(hashes: &[Digest]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}
