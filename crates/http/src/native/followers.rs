//! `/followers`: the state of followers, and resuming a stopped one.

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::StatusCode;
use muster_registry::{FollowerState, FollowerStatus, PlaceError, ResumeFrom};
use muster_wire::{
    ErrorKind, Problem,
    followers::{
        FollowerCondition, FollowerReport, ResumePlace, ResumePlaceName, ResumeRequest, Resumption,
    },
};
use muster_words::{Id, Position};

use super::{Native, answer, body, query::bad_position};
use crate::{IntoProblem, read_body, xregistry::problem_of_fetch};

/// The state of a follower, for the wire.
pub(super) fn report(status: &FollowerStatus) -> FollowerReport {
    let state = match status.state {
        FollowerState::Stopped => FollowerCondition::Stopped,
        FollowerState::Running => FollowerCondition::Running,
        FollowerState::Failing => FollowerCondition::Failing,
        FollowerState::MarkForeign => FollowerCondition::MarkForeign,
        FollowerState::Fenced => FollowerCondition::Fenced,
    };
    FollowerReport {
        name: status.name.to_string(),
        state: state.into(),
        position: status.position.0,
        behind: status.lag_entries,
        behind_since: status.lag_since.map(|since| since.to_string()),
        behind_s: status.lag_since.map(|_| status.lag_time.as_secs()),
        failures: status.failures,
    }
}

/// `POST /followers/<name>/resume`: resumes a stopped follower at the given place.
pub(super) async fn resume(
    State(native): State<Native>,
    Path(name): Path<String>,
    body: axum::body::Body,
) -> Result<Response, IntoProblem> {
    let subject: String = format!("/followers/{name}").chars().take(200).collect();
    let from = place(&read_body(body).await?, &subject)?;
    let missing = || Problem::new(ErrorKind::NotFound).subject(&subject);
    let name: Id = name.parse().map_err(|_| missing())?;
    let placed = native.followers.resume(&name, from).await;
    let position = placed.map_err(|error| match error {
        PlaceError::Unknown(_) => missing(),
        PlaceError::Running(_) => Problem::new(ErrorKind::FollowerRunning).subject(&subject),
        PlaceError::NoEnd(position) => {
            bad_position(&position.to_string(), "no command ends at this position")
        }
        PlaceError::Read(error) => problem_of_fetch(error, &subject),
        PlaceError::Marks(error) => {
            tracing::error!(%error, "a follower's mark can't be saved");
            ErrorKind::StoreUnavailable.into()
        }
    })?;
    let resumed = Resumption { name: name.to_string(), position: position.0 };
    Ok(answer::json(StatusCode::OK, &resumed))
}

/// Reads where to go on.
fn place(body: &[u8], subject: &str) -> Result<ResumeFrom, Problem> {
    Ok(match body::read::<ResumeRequest>(body, subject)?.from {
        ResumePlace::Named(ResumePlaceName::Beginning) => ResumeFrom::Beginning,
        ResumePlace::Named(ResumePlaceName::Now) => ResumeFrom::Now,
        ResumePlace::Position(position) => ResumeFrom::Position(Position(position)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_to_go_on() {
        for (body, expect) in [
            (r#"{"from": "beginning"}"#, Ok(ResumeFrom::Beginning)),
            (r#"{"from": "now"}"#, Ok(ResumeFrom::Now)),
            (r#"{"from": 1204}"#, Ok(ResumeFrom::Position(Position(1204)))),
            (r#"{"from": -1}"#, Err("parsing_data")),
            (r#"{"from": "yesterday"}"#, Err("parsing_data")),
            (r#"{"from": "now", "force": true}"#, Err("parsing_data")),
            ("{}", Err("parsing_data")),
            ("", Err("parsing_data")),
        ] {
            let read = place(body.as_bytes(), "/followers/search");
            assert_eq!(read.map_err(|problem| problem.code().name()), expect, "{body}");
        }
    }
}
