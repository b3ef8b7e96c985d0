use muster_words::Xid;

use super::{AnswerSubject, Decision, PreparedAction, PreparedRestore};
use crate::{
    changes::{Change, CommandAnswered, Outcome, RecordedAnswerSubject},
    command::{Delete, Target},
    tree::Subject,
};

/// The size of the members in one change, in bytes, so that an entry can hold it
/// (`ENTRY_BYTES_SOFT_MAX`).
const MEMBER_BYTES_MAX: usize = 16 * 1024;

/// The changes that remember a command's answer for repetitions.
pub(super) fn changes(decision: &Decision, action: &PreparedAction) -> Vec<Change> {
    let outcome = decision.outcome.unwrap_or(Outcome::Updated);
    let (subject, shown) = match &decision.shows {
        AnswerSubject::Entity(xid) => (xid.clone(), None),
        AnswerSubject::Nothing if outcome == Outcome::Removed => (subject_of(action), None),
        AnswerSubject::Nothing => (subject_of(action), Some(RecordedAnswerSubject::Nothing)),
        AnswerSubject::Members(_) => (subject_of(action), Some(RecordedAnswerSubject::Members)),
        AnswerSubject::Model => (subject_of(action), Some(RecordedAnswerSubject::Model)),
        AnswerSubject::Capabilities => {
            (subject_of(action), Some(RecordedAnswerSubject::Capabilities))
        }
    };
    let all: &[Xid] = match &decision.shows {
        AnswerSubject::Members(members) => members,
        _ => &[],
    };
    let answer = |members: Vec<Xid>| {
        Change::Answered(CommandAnswered { outcome, subject: subject.clone(), shown, members })
    };
    if all.is_empty() {
        return vec![answer(Vec::new())];
    }
    chunks(all).into_iter().map(answer).collect()
}

fn chunks(all: &[Xid]) -> Vec<Vec<Xid>> {
    let mut chunks: Vec<Vec<Xid>> = Vec::new();
    let mut room = 0;
    for xid in all {
        // The text and its length prefix.
        let size = xid.to_string().len() + 3;
        match chunks.last_mut() {
            Some(piece) if size <= room => {
                piece.push(xid.clone());
                room -= size;
            }
            _ => {
                chunks.push(vec![xid.clone()]);
                room = MEMBER_BYTES_MAX.saturating_sub(size);
            }
        }
    }
    chunks
}

fn subject_of(action: &PreparedAction) -> Xid {
    match action {
        PreparedAction::Write(action) => match &action.tree.subject {
            Subject::Entity(xid) | Subject::VersionOf(xid) => xid.clone(),
            Subject::Members | Subject::Model | Subject::Capabilities | Subject::Plan => {
                Xid::Registry
            }
        },
        PreparedAction::Delete(Delete { target: Target::Entity(xid), .. })
        | PreparedAction::Restore(PreparedRestore { xid, .. }) => xid.clone(),
        PreparedAction::Delete(_)
        | PreparedAction::CreateKey { .. }
        | PreparedAction::RevokeKey { .. }
        | PreparedAction::ForgetKey { .. }
        | PreparedAction::RegisterSchemas(_)
        | PreparedAction::Refused(_) => Xid::Registry,
    }
}
