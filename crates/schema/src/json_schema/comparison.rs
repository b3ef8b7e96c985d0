//! Compares two JSON Schemas: who can read whose data.

use std::thread;

use crate::{
    Broken, Certainty, Direction, Policy, Schema, limits,
    steps::{self, Exhausted, metered},
};

mod checker;
mod confluent;
mod evaluate;
mod finding;
mod kinds;
mod places;
mod rules;
mod same;
mod sound;
mod writer;

use checker::Checker;
use confluent::Confluent;
use finding::Finding;
use places::{Places, Side};
use writer::Writer;

/// Says why readers of one version of a JSON Schema can't read data of the other; nothing if they
/// can.
///
/// With [`Policy::Sound`], nothing means: every value that is valid for the writer is valid for the
/// reader, as [`Schema::validate`] says. What can't be decided is a finding, too. The two Confluent
/// policies answer what Confluent's registry answers, which is sometimes more and sometimes less.
/// Two schemas may have different drafts.
///
/// ```
/// use muster_schema::{Direction, NoSources, Policy, Schema, compare_json_schemas};
///
/// let old = Schema::parse(br#"{"type": "integer", "minimum": 0}"#, &NoSources)?;
/// let new = Schema::parse(br#"{"type": "integer", "minimum": 5}"#, &NoSources)?;
/// let found = compare_json_schemas(&old, &new, Direction::Backward, Policy::Sound);
/// assert_eq!(found[0].rule, "minimum_increased");
/// assert_eq!(found[0].path, "/minimum");
/// assert!(compare_json_schemas(&old, &new, Direction::Forward, Policy::Sound).is_empty());
/// # Ok::<(), muster_schema::CompileError>(())
/// ```
#[must_use]
pub fn compare_json_schemas(
    old: &Schema,
    new: &Schema,
    direction: Direction,
    policy: Policy,
) -> Vec<Broken> {
    if old.graph().depth.max(new.graph().depth) <= DEPTH_INLINE_MAX {
        return compare(old, new, direction, policy);
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        let sign = steps::sign();
        let work = || steps::under(sign, || compare(old, new, direction, policy));
        let compared = thread.spawn_scoped(scope, work).ok().and_then(|work| work.join().ok());
        match compared {
            Some(Ok(found)) => found,
            Some(Err(stopped)) => steps::stop(stopped),
            None => vec![too_complex(direction)],
        }
    })
}

/// The depth of places that is compared on the caller's stack: a level takes some kilobytes.
const DEPTH_INLINE_MAX: usize = 24;

/// The stack for deeper places: [`limits::COMPARISON_DEPTH_MAX`] levels, each with several frames of
/// the comparison and with values that are nested as deeply.
const STACK_BYTES: usize = 64 * 1024 * 1024;

fn compare(old: &Schema, new: &Schema, direction: Direction, policy: Policy) -> Vec<Broken> {
    let Some(places) = Places::of(old, new) else { return vec![too_complex(direction)] };
    let (writer, reader) = match direction {
        Direction::Backward => (Side::Old, Side::New),
        Direction::Forward => (Side::New, Side::Old),
    };
    let (writer, reader) = (places.root(writer), places.root(reader));
    let found = metered(limits::COMPARISON_STEPS_MAX, || {
        if policy != Policy::Sound {
            let found = Confluent::new(&places, policy).findings(writer, reader);
            return told(&found, &places, direction);
        }
        let mut checker = Checker::new(places);
        let found = checker.contained(&Writer::at(writer), reader);
        told(&found, &checker.places, direction)
    });
    found.unwrap_or_else(|Exhausted| vec![too_complex(direction)])
}

/// Whether a keyword decides which values are valid.
pub(crate) fn is_deciding(keyword: &str) -> bool {
    same::DECIDING.binary_search(&keyword).is_ok()
}

/// The keywords that decide which values are valid.
pub(crate) fn deciding_keywords() -> impl Iterator<Item = &'static str> {
    same::DECIDING.iter().copied()
}

/// The findings for the users of the API, each once.
fn told(found: &[Finding], places: &Places<'_>, direction: Direction) -> Vec<Broken> {
    let mut all: Vec<Broken> = Vec::new();
    for finding in found {
        let broken = finding.tell(places, direction);
        if !all.contains(&broken) && all.len() < limits::COMPARISON_FINDINGS_MAX {
            all.push(broken);
        }
    }
    all
}

fn too_complex(direction: Direction) -> Broken {
    let rule = rules::rule_of("too_complex");
    Broken {
        rule: rule.id.to_owned(),
        path: String::new(),
        direction,
        certainty: Certainty::Undecided,
        was: None,
        is: None,
        message: "the schemas take too long to be compared".to_owned(),
        suggestion: Some(rule.backward.to_owned()),
    }
}
