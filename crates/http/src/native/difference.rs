use muster_history::difference::{Difference, FieldDifference};
use muster_wire::difference::FieldChange;

/// A differing field, for the wire.
pub(super) fn field_change(field: FieldDifference) -> FieldChange {
    let named = FieldChange { field: field.path, ..FieldChange::default() };
    match field.difference {
        Difference::Added(value) => FieldChange { added: Some(value), ..named },
        Difference::Removed(value) => FieldChange { removed: Some(value), ..named },
        Difference::Changed(before, after) => {
            FieldChange { before: Some(before), after: Some(after), ..named }
        }
        Difference::List { removed, added } => {
            FieldChange { lost: Some(removed), gained: Some(added), ..named }
        }
    }
}
