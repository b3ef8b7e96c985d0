use std::{sync::Arc, time::Duration};

use serde_json::Value;
use thiserror::Error;

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Memory, and it is fresh.
    Fresh,
    /// The source, just now.
    Source,
    /// Memory, and it may be old, because the source can't be read.
    Stale,
    /// The folder with what an earlier run read.
    Disk,
    /// The snapshot in the program, or the documents that it brought.
    Embedded,
    /// Nothing is left to answer with.
    Degraded,
}

impl Tier {
    /// The name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Source => "source",
            Self::Stale => "stale",
            Self::Disk => "disk",
            Self::Embedded => "embedded",
            Self::Degraded => "degraded",
        }
    }
}

/// An answer with where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteAnswer {
    /// The document. A degraded answer is an object with `status` and `reason`.
    pub value: Arc<Value>,
    /// Where it comes from.
    pub tier: Tier,
    /// How long ago the source was last asked; none if never in this run.
    pub age: Option<Duration>,
    /// The version of the document; empty where nothing says it.
    pub version: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SiteError {
    /// The site has no such file.
    #[error("the site has no {path}")]
    Absent {
        /// What was asked for.
        path: String,
    },
    /// Nothing is left to answer with, and the reader prefers an error to a degraded answer.
    #[error("{path} can't be answered: {why}")]
    Unreachable {
        /// What was asked for.
        path: String,
        /// Why the source can't be used.
        why: String,
    },
    /// The file isn't JSON.
    #[error("{path} isn't JSON: {why}")]
    Data {
        /// What was asked for.
        path: String,
        /// Why.
        why: String,
    },
}
