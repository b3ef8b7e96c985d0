use std::sync::Arc;

use muster_words::Id;

use super::{CaseFoldedId, Lineage, Version};

/// The maximum number of versions in a slice. Nearly every resource has fewer, and even the
/// smallest node of a tree costs more than all of them.
const SLICE_MAX: usize = 16;

/// A resource's versions by id, ordered without regard to case.
#[derive(Clone, Debug)]
pub enum Versions {
    /// Up to 16.
    Few(Arc<[Arc<Version>]>),
    /// More.
    Many(Box<Lineage>),
}

impl Default for Versions {
    fn default() -> Self {
        Self::Few(Arc::new([]))
    }
}

impl Versions {
    /// The number of versions.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.by_id().len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version with exactly this id.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&Arc<Version>> {
        match self {
            Self::Few(few) => few.iter().find(|version| version.id == *id),
            Self::Many(many) => many.get(id),
        }
    }

    /// The existing version id that differs from this one at most in case.
    #[must_use]
    pub fn taken(&self, id: &Id) -> Option<&Id> {
        match self {
            Self::Few(few) => few
                .iter()
                .map(|version| &version.id)
                .find(|other| other.as_str().eq_ignore_ascii_case(id.as_str())),
            Self::Many(many) => super::taken(many.by_id(), id),
        }
    }

    /// All versions, sorted by id.
    pub fn iter(&self) -> Box<dyn Iterator<Item = &Arc<Version>> + '_> {
        match self {
            Self::Few(few) => Box::new(few.iter()),
            Self::Many(many) => Box::new(many.by_id().values()),
        }
    }

    /// The answers to the questions of lineage: stored for many versions, computed for few.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        match self {
            Self::Few(few) => few.iter().cloned().collect(),
            Self::Many(many) => (**many).clone(),
        }
    }

    /// Adds a version, or replaces the one with its id.
    pub fn insert(&mut self, version: Arc<Version>) {
        match self {
            Self::Many(many) => many.insert(version),
            Self::Few(few) => {
                let key = CaseFoldedId(version.id.clone());
                let mut list = few.to_vec();
                match list.binary_search_by(|other| CaseFoldedId(other.id.clone()).cmp(&key)) {
                    Ok(index) => list[index] = version,
                    Err(index) => list.insert(index, version),
                }
                *self = if list.len() <= SLICE_MAX {
                    Self::Few(list.into())
                } else {
                    Self::Many(Box::new(list.into_iter().collect()))
                };
            }
        }
    }

    /// Removes a version.
    pub fn remove(&mut self, id: &Id) -> Option<Arc<Version>> {
        match self {
            Self::Many(many) => many.remove(id),
            Self::Few(few) => {
                let removed = few.iter().find(|version| version.id == *id).cloned()?;
                *self = Self::Few(few.iter().filter(|v| v.id != *id).cloned().collect());
                Some(removed)
            }
        }
    }
}
