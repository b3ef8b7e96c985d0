//! What follows if the other registry was restored from a backup.

use muster_wire::sync::SyncRestore;
use muster_words::{Id, Position};

use crate::decision::TryFailure;

/// What a registry is called in vectors now, if it was restored.
pub(super) fn life_of(restores: &[SyncRestore]) -> Result<Option<Id>, TryFailure> {
    let life = restores.last().map(|last| last.writer.parse()).transpose();
    life.map_err(|_| TryFailure::Broken)
}

/// Where a way back goes on that had reached a mark and knew this name of the other registry; none if
/// it wasn't restored since. What was before the first restore that isn't known is the same.
pub(super) fn resumed(
    known: Option<&str>,
    restores: &[SyncRestore],
    mark: Position,
) -> Option<Position> {
    if restores.last().map(|last| last.writer.as_str()) == known {
        return None;
    }
    let unknown = match known {
        None => restores,
        // A backup from before a restore doesn't say where it was.
        Some(known) => match restores.iter().position(|restore| restore.writer == known) {
            None => return Some(Position::ZERO),
            Some(at) => restores.get(at + 1..).unwrap_or_default(),
        },
    };
    unknown.first().map(|restore| mark.min(Position(restore.position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_back_goes_on_after_the_first_restore_that_it_does_not_know() {
        let all = [("a~1", 5), ("a~2", 9), ("a~3", 20)]
            .map(|(writer, position)| SyncRestore { position, writer: writer.to_owned() });
        for (known, restores, mark, expect) in [
            (None, 0, 7, None),
            (Some("a~3"), 3, 30, None),
            (None, 1, 7, Some(5)),
            (None, 1, 4, Some(4)),
            (None, 3, 30, Some(5)),
            (Some("a~1"), 3, 30, Some(9)),
            (Some("a~2"), 3, 30, Some(20)),
            (Some("a~0"), 3, 30, Some(0)),
            (Some("a~1"), 0, 30, Some(0)),
        ] {
            let found = resumed(known, &all[..restores], Position(mark));
            assert_eq!(found, expect.map(Position), "{known:?} {restores} {mark}");
        }
    }
}
