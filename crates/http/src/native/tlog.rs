//! `/tlog`: the ledger as C2SP tlog-tiles lays it out, for other people's verifiers and monitors.

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{HeaderValue, header};
use muster_ledger::{Tile, tile::TileKind};
use muster_wire::{ErrorKind, Problem};

use super::{
    Native,
    ledger::{as_text, newest_checkpoint},
};
use crate::{Body, IntoProblem, compression::Compressible, xregistry::problem_of_fetch};

/// A tile never changes, so whoever has one needs no other. A shared cache keeps an answer to a
/// request with a key only if the answer says `public`, which this doesn't.
const FOR_EVER: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");

/// `GET /tlog/checkpoint`: the newest signed checkpoint.
pub(super) async fn checkpoint(State(native): State<Native>) -> Result<Response, IntoProblem> {
    let (_, note) = newest_checkpoint(&native.registry, "/tlog/checkpoint").await?;
    Ok(as_text(note))
}

/// `GET /tlog/tile/<tile>`: a tile of hashes or a bundle of entries, up to the newest checkpoint.
/// What isn't signed yet isn't shown, because nobody could verify it.
pub(super) async fn tile(
    State(native): State<Native>,
    Path(path): Path<String>,
) -> Result<Response, IntoProblem> {
    let subject = format!("/tlog/tile/{path}");
    let missing = || Problem::new(ErrorKind::NotFound).subject(&subject);
    let registry = &native.registry;
    let Some(file) = registry.checkpoint() else {
        let why = "This registry is in memory only and signs no checkpoints.";
        return Err(missing().detail(why).into());
    };
    let signed = file.position().0;
    let Some(tile) = Tile::parse(&path) else {
        let why = "A tile is <level>/<index> or entries/<index>, such as 0/x001/x234/067 or \
                   0/000.p/8.";
        return Err(missing().detail(why).into());
    };
    if !tile.is_in(signed) {
        let why = format!("The newest checkpoint has {signed} entries, which don't fill it.");
        return Err(missing().detail(why).into());
    }
    let reading = async {
        let read = registry.tile(tile).await;
        read.map_err(|error| problem_of_fetch(error, &subject))?.ok_or_else(missing)
    };
    // A bundle may have 16 MiB.
    let bytes = match tile.kind == TileKind::Entries || registry.is_proof_long(signed) {
        true => native.proofs.run(reading).await?,
        false => reading.await?,
    };
    let mut response = http::Response::new(Body::from(bytes));
    if tile.kind == TileKind::Entries {
        // Hashes are random, entries aren't.
        response.extensions_mut().insert(Compressible);
    }
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, FOR_EVER);
    Ok(response.map(Into::into))
}
