mod walk;

use std::{collections::BTreeSet, sync::Arc};

use muster_words::{Coverage, Xid, XidError, XidPatterns};
pub use walk::{CommandPage, LogQuery, LogRead, LogWalk};

use crate::{CommittedCommand, Edit, EditAction, EditDetail, EditSubject, EditWord};

/// The number of a command's edits that are described in words; the rest are counted.
const WORDS_MAX: usize = 4;

/// The scope of a log: an entity with everything in it, a collection, or everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The path, with a slash before each step; empty for everything.
    pub prefix: String,
    /// The entity, if it is one.
    pub xid: Option<Xid>,
    /// The visible places; none means all.
    pub within: Option<Arc<XidPatterns>>,
}

/// What a command did within a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// In words.
    pub what: String,
    /// For programs.
    pub edits: Vec<Edit>,
    /// The number of further edits.
    pub left_out: usize,
}

impl Scope {
    /// Parses the path of an entity or a collection; an empty path means everything.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(path: &str) -> Result<Self, XidError> {
        let path = path.trim_matches('/');
        if path.is_empty() {
            return Ok(Self { prefix: String::new(), xid: None, within: None });
        }
        let prefix = format!("/{path}");
        // The path of a collection lacks the last step of its members' paths.
        if path.split('/').count() % 2 == 1 && !path.ends_with("/meta") {
            let member = if path.ends_with("/versions") { "1" } else { "x" };
            format!("{prefix}/{member}").parse::<Xid>()?;
            return Ok(Self { prefix, xid: None, within: None });
        }
        let xid = prefix.parse()?;
        Ok(Self { prefix, xid: Some(xid), within: None })
    }

    /// The scope for a caller that may see only these places.
    #[must_use]
    pub fn seen_within(self, within: Option<Arc<XidPatterns>>) -> Self {
        Self { within, ..self }
    }

    /// Whether an edit belongs to the scope: its subject is the entity, something in it, or a
    /// parent that took it along.
    #[must_use]
    pub fn holds(&self, edit: &Edit) -> bool {
        if edit.detail == EditDetail::Members {
            return false;
        }
        if self.prefix.is_empty() && self.within.is_none() {
            return true;
        }
        let subject = edit.subject.xid().to_string();
        let own = match edit.detail {
            EditDetail::Meta { .. } => self.prefix.strip_suffix("/meta").unwrap_or(&self.prefix),
            _ => &self.prefix,
        };
        let takes_along =
            matches!(edit.action, EditAction::Deleted | EditAction::Restored | EditAction::Purged);
        let is_seen = self.within.as_ref().is_none_or(|within| match within.coverage(&subject) {
            Coverage::Within => true,
            Coverage::Above => takes_along,
            Coverage::Outside => false,
        });
        is_seen && (is_below(&subject, own) || takes_along && is_below(own, &subject))
    }

    /// The summary of a command within the scope, with at most so many edits: first those that one of
    /// the words selects.
    #[must_use]
    pub fn summary(
        &self,
        command: &CommittedCommand,
        edits_max: usize,
        first: &[EditWord],
    ) -> Summary {
        let mut edits: Vec<Edit> = command.edits().filter(|edit| self.holds(edit)).collect();
        let what = self.words(&edits);
        if edits.len() > edits_max {
            edits.sort_by_key(|edit| !first.iter().any(|word| word.selects(edit)));
        }
        let left_out = edits.len().saturating_sub(edits_max);
        edits.truncate(edits_max);
        Summary { what, edits, left_out }
    }

    fn words(&self, edits: &[Edit]) -> String {
        let resources: BTreeSet<Xid> = edits
            .iter()
            .filter(|edit| matches!(edit.detail, EditDetail::Version { .. }))
            .filter_map(|edit| edit.subject.xid().resource())
            .collect();
        let mut sentences = edits
            .iter()
            .filter(|edit| match edit.detail {
                // Meta is written whenever versions are added or removed; the versions' edits say
                // more.
                EditDetail::Meta { .. } => !resources.contains(edit.subject.xid()),
                _ => true,
            })
            .filter(|edit| is_told(edit));
        let told = sentences.by_ref().take(WORDS_MAX).filter_map(|edit| self.sentence(edit));
        let mut words = told.collect::<Vec<_>>().join(", ");
        let more = sentences.count();
        if more > 0 {
            words.push_str(&format!(", and {more} more"));
        }
        words
    }

    fn sentence(&self, edit: &Edit) -> Option<String> {
        let (name, words) = words(edit)?;
        let name = name.to_string();
        let own = self.prefix.split("/versions").next().unwrap_or_default();
        let own = own.strip_suffix("/meta").unwrap_or(own);
        Some(match name.trim_start_matches('/') {
            "" => words,
            _ if name == own => words,
            name => format!("{name} {words}"),
        })
    }
}

/// Whether a name equals another or is below it.
fn is_below(name: &str, other: &str) -> bool {
    name.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether an edit has words of its own. A registry is made once, and that is told as its beginning.
fn is_told(edit: &Edit) -> bool {
    let is_opened = matches!(edit.detail, EditDetail::Opened(_) | EditDetail::Moved(_));
    edit.subject != EditSubject::Registry || is_opened || edit.action != EditAction::Created
}

/// The entity that a sentence is about, and the words; none of an edit that has none. Versions are
/// described with their resource.
fn words(edit: &Edit) -> Option<(Xid, String)> {
    let xid = edit.subject.xid();
    let done = match edit.action {
        EditAction::Opened => "begun",
        EditAction::Created => "made",
        EditAction::Updated => "changed",
        EditAction::Deleted => "deleted",
        EditAction::Restored => "restored",
        EditAction::Purged => "erased",
        EditAction::Revoked => "revoked",
        EditAction::Forgotten => "forgotten",
        EditAction::Moved => "restored from a backup",
    };
    let words = match (&edit.subject, &edit.detail) {
        (EditSubject::Registry, EditDetail::Opened(id)) => format!("registry {id} {done}"),
        (EditSubject::Registry, EditDetail::Moved(ledger)) => {
            format!("registry {done}; its ledger is now {ledger}")
        }
        _ if !is_told(edit) => return None,
        (EditSubject::Registry, _) => format!("registry {done}"),
        (EditSubject::Model | EditSubject::ModelSource, _) => format!("model {done}"),
        (EditSubject::Capabilities, _) => format!("capabilities {done}"),
        (EditSubject::Key(id), _) => format!("key {id} {done}"),
        (EditSubject::Entity(_), EditDetail::Meta { default, sticky, .. }) => {
            let sticky = if *sticky { ", pinned" } else { "" };
            format!("default version {default}{sticky}")
        }
        (EditSubject::Entity(Xid::Version { version, .. }), detail) => {
            let done = if edit.action == EditAction::Created { "" } else { done };
            let state = match detail {
                EditDetail::Version { state, .. } if state.as_str() != "stable" => state.as_str(),
                _ => "",
            };
            let comma = if state.is_empty() { "" } else { ", " };
            let space = if done.is_empty() { "" } else { " " };
            return Some((
                xid.resource()?,
                format!("version {version}{space}{done}{comma}{state}"),
            ));
        }
        (EditSubject::Entity(_), _) => done.to_owned(),
    };
    Some((xid.clone(), words))
}

#[cfg(test)]
mod tests {
    use muster_words::Position;

    use super::*;

    #[test]
    fn holds_what_is_in_it_or_took_it_along_and_no_name_that_only_begins_alike() {
        use EditAction::{Deleted, Purged, Restored, Updated};
        for (path, subject, action, expect) in [
            ("", "/providers/cms", Updated, true),
            ("providers", "/providers/cms", Updated, true),
            ("providers", "/providersets/cms", Updated, false),
            ("providers/cms", "/providers/cms", Updated, true),
            ("providers/cms", "/providers/cms/entries/a", Updated, true),
            ("providers/cms", "/providers/cms2", Updated, false),
            ("providers/cms", "/providers/cms2/entries/a", Deleted, false),
            ("providers/cms2", "/providers/cms", Deleted, false),
            ("providers/cms/entries/a", "/providers/cms", Updated, false),
            ("providers/cms/entries/a", "/providers/cms", Deleted, true),
            ("providers/cms/entries/a", "/providers/cms", Restored, true),
            ("providers/cms/entries/a", "/providers/cms", Purged, true),
            ("providers/cms/entries/a", "/providers/cm", Purged, false),
            ("providers/cms/entries/a", "/providers/cms/entries/a/versions/1", Updated, true),
            ("providers/cms/entries/a/versions/1", "/providers/cms/entries/a", Deleted, true),
            ("providers/cms/entries/a/versions/1", "/providers/cms/entries/a", Updated, false),
        ] {
            let scope = Scope::parse(path);
            let edit = subject.parse().map(|xid| Edit {
                position: Position(1),
                subject: EditSubject::of(&xid),
                action,
                detail: EditDetail::None,
            });
            let held = scope.and_then(|scope| edit.map(|edit| scope.holds(&edit)));
            assert_eq!(held, Ok(expect), "{path}: {subject} {action:?}");
        }
    }

    #[test]
    fn reads_entities_and_collections() {
        for (path, expect) in [
            ("", Some((String::new(), false))),
            ("/", Some((String::new(), false))),
            ("providers", Some(("/providers".to_owned(), false))),
            ("providers/cms", Some(("/providers/cms".to_owned(), true))),
            ("providers/cms/entries/", Some(("/providers/cms/entries".to_owned(), false))),
            ("a/b/c/d", Some(("/a/b/c/d".to_owned(), true))),
            ("a/b/c/d/meta", Some(("/a/b/c/d/meta".to_owned(), true))),
            ("a/b/c/d/versions", Some(("/a/b/c/d/versions".to_owned(), false))),
            ("a/b/c/d/versions/1", Some(("/a/b/c/d/versions/1".to_owned(), true))),
            ("a/..", None),
            ("a/b/c/d/e", None),
            ("a/b/c/d/e/f/g/h", None),
        ] {
            let read = Scope::parse(path).ok().map(|scope| (scope.prefix, scope.xid.is_some()));
            assert_eq!(read, expect, "{path}");
        }
    }
}
