use std::{fmt, str::FromStr};

/// The lifecycle state of a version.
///
/// ```text
/// draft → review → stable → deprecated → retired        any → retired
///   ↑______|          ↑__________|
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lifecycle {
    /// Being written.
    Draft,
    /// Waiting for reviewers.
    Review,
    /// In use; the default for new versions.
    #[default]
    Stable,
    /// Still served, but better replaced.
    Deprecated,
    /// Final: readable, but never the default unless nothing else is left or somebody pins it.
    Retired,
}

/// The text isn't a lifecycle state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a state must be draft, review, stable, deprecated or retired")]
pub struct LifecycleError;

impl Lifecycle {
    /// All states in their order.
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Review, Self::Stable, Self::Deprecated, Self::Retired];

    /// The state's frozen number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Draft => 1,
            Self::Review => 2,
            Self::Stable => 3,
            Self::Deprecated => 4,
            Self::Retired => 5,
        }
    }

    /// Finds a state by its frozen number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Draft,
            2 => Self::Review,
            3 => Self::Stable,
            4 => Self::Deprecated,
            5 => Self::Retired,
            _ => return None,
        })
    }

    /// Whether readers may use a version in this state: it is neither a draft nor in review.
    #[must_use]
    pub const fn is_published(self) -> bool {
        !matches!(self, Self::Draft | Self::Review)
    }

    /// The state's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Review => "review",
            Self::Stable => "stable",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
        }
    }

    /// Whether a version may change from this state to that one; staying is always allowed.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Draft, Self::Draft | Self::Review | Self::Retired)
                | (Self::Review, Self::Review | Self::Draft | Self::Stable | Self::Retired)
                | (Self::Stable, Self::Stable | Self::Deprecated | Self::Retired)
                | (Self::Deprecated, Self::Deprecated | Self::Stable | Self::Retired)
                | (Self::Retired, Self::Retired)
        )
    }

    /// Whether a version in this state can become the default without being pinned.
    #[must_use]
    pub const fn is_offered(self) -> bool {
        matches!(self, Self::Stable | Self::Deprecated)
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Lifecycle {
    type Err = LifecycleError;

    fn from_str(text: &str) -> Result<Self, LifecycleError> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(LifecycleError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_only_the_drawn_ways() {
        let ways: Vec<String> = Lifecycle::ALL
            .into_iter()
            .flat_map(|from| Lifecycle::ALL.map(|to| (from, to)))
            .filter(|(from, to)| from != to && from.may_become(*to))
            .map(|(from, to)| format!("{from}→{to}"))
            .collect();
        assert_eq!(
            ways,
            [
                "draft→review",
                "draft→retired",
                "review→draft",
                "review→stable",
                "review→retired",
                "stable→deprecated",
                "stable→retired",
                "deprecated→stable",
                "deprecated→retired",
            ]
        );
    }

    #[test]
    fn numbers_and_names_come_back() {
        for state in Lifecycle::ALL {
            assert_eq!(Lifecycle::from_number(state.number()), Some(state));
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }
}
