use muster_words::Xid;

use super::{Decision, RestoreWork, Shows, Work};
use crate::{
    changes::{Answered, Change, Outcome, Shown},
    command::{Delete, Target},
    tree::Subject,
};

/// Bytes of members in one change: an entry must have room for it (`ENTRY_BYTES_SOFT_MAX`).
const MEMBER_BYTES_MAX: usize = 16 * 1024;

/// The changes by which a command's answer is remembered, so that a repeat gets the same answer.
pub(super) fn changes(decision: &Decision, work: &Work) -> Vec<Change> {
    let outcome = decision.outcome.unwrap_or(Outcome::Updated);
    let (subject, shown) = match &decision.shows {
        Shows::Entity(xid) => (xid.clone(), None),
        Shows::Nothing if outcome == Outcome::Removed => (subject_of(work), None),
        Shows::Nothing => (subject_of(work), Some(Shown::Nothing)),
        Shows::Members(_) => (subject_of(work), Some(Shown::Members)),
        Shows::Model => (subject_of(work), Some(Shown::Model)),
        Shows::Capabilities => (subject_of(work), Some(Shown::Capabilities)),
    };
    let all: &[Xid] = match &decision.shows {
        Shows::Members(members) => members,
        _ => &[],
    };
    let answer = |members: Vec<Xid>| {
        Change::Answered(Answered { outcome, subject: subject.clone(), shown, members })
    };
    if all.is_empty() {
        return vec![answer(Vec::new())];
    }
    pieces(all).into_iter().map(answer).collect()
}

fn pieces(all: &[Xid]) -> Vec<Vec<Xid>> {
    let mut pieces: Vec<Vec<Xid>> = Vec::new();
    let mut room = 0;
    for xid in all {
        // The text, with the head of a text before it.
        let size = xid.to_string().len() + 3;
        match pieces.last_mut() {
            Some(piece) if size <= room => {
                piece.push(xid.clone());
                room -= size;
            }
            _ => {
                pieces.push(vec![xid.clone()]);
                room = MEMBER_BYTES_MAX.saturating_sub(size);
            }
        }
    }
    pieces
}

fn subject_of(work: &Work) -> Xid {
    match work {
        Work::Write(work) => match &work.tree.subject {
            Subject::Entity(xid) | Subject::VersionOf(xid) => xid.clone(),
            Subject::Members | Subject::Model | Subject::Capabilities => Xid::Registry,
        },
        Work::Delete(Delete { target: Target::Entity(xid), .. })
        | Work::Restore(RestoreWork { xid, .. }) => xid.clone(),
        Work::Delete(_)
        | Work::CreateKey { .. }
        | Work::RevokeKey { .. }
        | Work::ForgetKey { .. }
        | Work::Refused(_) => Xid::Registry,
    }
}
