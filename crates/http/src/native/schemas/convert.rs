use muster_schema::{Broken, Certainty, Direction, SchemaChange};
use muster_wire::schemas::{
    CompatibilityFinding, FindingCertainty, FindingDirection, SchemaDiffChange,
};

/// A finding of a comparison as it is written.
pub(super) fn finding(broken: Broken) -> CompatibilityFinding {
    let direction = match broken.direction {
        Direction::Backward => FindingDirection::Backward,
        Direction::Forward => FindingDirection::Forward,
    };
    let certainty = match broken.certainty {
        Certainty::Broken => FindingCertainty::Broken,
        Certainty::Undecided => FindingCertainty::Undecided,
    };
    CompatibilityFinding {
        rule: broken.rule,
        path: broken.path,
        direction: direction.into(),
        certainty: certainty.into(),
        was: broken.was,
        is: broken.is,
        message: broken.message,
        suggestion: broken.suggestion,
    }
}

/// A difference as it is written.
pub(super) fn change(change: SchemaChange) -> SchemaDiffChange {
    SchemaDiffChange {
        kind: change.kind.to_string(),
        part: change.part.to_string(),
        path: change.path,
        was: change.was,
        is: change.is,
        class: change.class.to_string(),
    }
}
