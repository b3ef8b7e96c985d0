//! Validation of the same payloads, in turns, by ours and by other libraries.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jsonschema::Validator;
use muster_schema::{NoSources, Schema};
use muster_words::json::Value;

use crate::{
    Outcome,
    clock::{mean, median, nanoseconds},
    peers::Peer,
    read::{TEN, read},
    say,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the schemas.
    #[arg(long)]
    schemas: PathBuf,
    /// The folder of their payloads.
    #[arg(long)]
    payloads: PathBuf,
    /// The folder of the scripts that measure other libraries.
    #[arg(long)]
    peers: PathBuf,
    /// Node, to measure ajv.
    #[arg(long, requires = "modules")]
    node: Option<String>,
    /// The folder that ajv is installed in.
    #[arg(long)]
    modules: Option<PathBuf>,
    /// A Python that has fastjsonschema.
    #[arg(long)]
    python: Option<String>,
    /// Rounds; the median counts.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Milliseconds of one library, schema and round.
    #[arg(long, default_value_t = 100)]
    milliseconds: u64,
}

/// A schema, compiled by ours and by the crate, with what is validated.
struct Case {
    name: &'static str,
    ours: Schema,
    direct: Validator,
    valid: Value,
    invalid: Value,
}

/// What a schema took in one round, in nanoseconds.
#[derive(Default)]
struct Times {
    ours: Vec<f64>,
    direct: Vec<f64>,
    ours_invalid: Vec<f64>,
    direct_invalid: Vec<f64>,
    peers: Vec<Vec<f64>>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut cases = Vec::new();
    for name in TEN {
        cases.push(Case::read(name, &arguments.schemas, &arguments.payloads)?);
    }
    let mut peers = peers(arguments)?;
    let during = Duration::from_millis(arguments.milliseconds);
    let mut times: Vec<Times> = cases.iter().map(|_| Times::default()).collect();
    for round in 0..=arguments.rounds {
        for (case, times) in cases.iter().zip(&mut times) {
            let mut measured = case.measure(round, during);
            for peer in &mut peers {
                let found = peer.measure(case.name, during.as_millis())?;
                measured.peers.push(found.into_iter().collect());
            }
            // Before the first round counts, each has compiled and run once.
            if round > 0 {
                times.add(measured);
            }
        }
    }
    tell(&cases, &peers, &times);
    Ok(())
}

fn peers(arguments: &Arguments) -> Outcome<Vec<Peer>> {
    let (schemas, payloads) = (arguments.schemas.as_path(), arguments.payloads.as_path());
    let modules = arguments.modules.as_deref().unwrap_or(Path::new("."));
    let script = arguments.peers.join("ajv.mjs");
    let node =
        Peer::start("ajv", arguments.node.as_deref(), &[&script, schemas, payloads, modules])?;
    let script = arguments.peers.join("fast.py");
    let python =
        Peer::start("fastjsonschema", arguments.python.as_deref(), &[&script, schemas, payloads])?;
    Ok(node.into_iter().chain(python).collect())
}

impl Case {
    fn read(name: &'static str, schemas: &Path, payloads: &Path) -> Outcome<Self> {
        let file = format!("{name}.json");
        let schema = read(&schemas.join(&file))?;
        let valid = read(&payloads.join(&file))?;
        let ours = Schema::compile(&schema, &NoSources)?;
        let direct = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
        let found = ours.validate(&valid);
        if let Some(first) = found.first() {
            return Err(format!("{file}: {}: {}", first.pointer, first.message).into());
        }
        if !direct.is_valid(&valid) {
            return Err(format!("{file}: the crate refuses the payload").into());
        }
        let invalid = spoilt(&valid, &direct).ok_or("nothing spoils the payload")?;
        if ours.validate(&invalid).is_empty() {
            return Err(format!("{file}: ours takes the spoilt payload").into());
        }
        Ok(Self { name, ours, direct, valid, invalid })
    }

    fn measure(&self, round: usize, during: Duration) -> Times {
        let mut times = Times::default();
        let ours = |times: &mut Times| {
            let valid = || assert!(self.ours.validate(&self.valid).is_empty());
            times.ours.push(nanoseconds(during, valid));
            let invalid = || assert!(!self.ours.validate(&self.invalid).is_empty());
            times.ours_invalid.push(nanoseconds(during / 4, invalid));
        };
        let direct = |times: &mut Times| {
            let valid = || assert!(self.direct.is_valid(&self.valid));
            times.direct.push(nanoseconds(during, valid));
            let told = |error: jsonschema::ValidationError<'_>| {
                (error.instance_path().to_string(), error.to_string())
            };
            let invalid = || {
                let all: Vec<_> = self.direct.iter_errors(&self.invalid).map(told).collect();
                assert!(!all.is_empty());
            };
            times.direct_invalid.push(nanoseconds(during / 4, invalid));
        };
        // Whoever comes first would always find the processor otherwise.
        if round.is_multiple_of(2) {
            ours(&mut times);
            direct(&mut times);
        } else {
            direct(&mut times);
            ours(&mut times);
        }
        times
    }
}

/// The payload with one member replaced, so that it is invalid.
fn spoilt(valid: &Value, direct: &Validator) -> Option<Value> {
    let members = valid.as_object()?;
    members.keys().find_map(|key| {
        let mut spoilt = valid.clone();
        *spoilt.get_mut(key)? = Value::from(-1.5);
        (!direct.is_valid(&spoilt)).then_some(spoilt)
    })
}

impl Times {
    fn add(&mut self, round: Self) {
        self.ours.extend(round.ours);
        self.direct.extend(round.direct);
        self.ours_invalid.extend(round.ours_invalid);
        self.direct_invalid.extend(round.direct_invalid);
        self.peers.resize_with(round.peers.len(), Vec::new);
        for (all, one) in self.peers.iter_mut().zip(round.peers) {
            all.extend(one);
        }
    }

    /// How often ours validates in the time that the other takes once: the median of the rounds.
    fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
        median(ours.iter().zip(theirs).map(|(ours, theirs)| theirs / ours))
    }
}

fn tell(cases: &[Case], peers: &[Peer], times: &[Times]) {
    let mut names = vec!["the crate".to_owned(), "the crate, invalid payloads".to_owned()];
    names.extend(peers.iter().map(|peer| peer.name.to_owned()));
    say(&format!("| schema | ours | of {} |", names.join(" | of ")));
    say(&format!("|---|---|{}", "---|".repeat(names.len())));
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    for (case, times) in cases.iter().zip(times) {
        let mut ratios = vec![
            Times::ratio(&times.ours, &times.direct),
            Times::ratio(&times.ours_invalid, &times.direct_invalid),
        ];
        ratios.extend(times.peers.iter().map(|peer| Times::ratio(&times.ours, peer)));
        for (column, ratio) in columns.iter_mut().zip(&ratios) {
            column.extend(ratio.is_finite().then_some(*ratio));
        }
        let took = median(times.ours.iter().copied()) / 1_000.0;
        say(&format!("| {} | {took:.2} µs | {} |", case.name, written(&ratios)));
    }
    let means: Vec<f64> = columns.iter().map(|column| mean(column)).collect();
    say(&format!("| geometric mean | | {} |", written(&means)));
}

fn written(ratios: &[f64]) -> String {
    let word = |ratio: &f64| match ratio.is_finite() {
        true => format!("{ratio:.2}"),
        false => "refused".to_owned(),
    };
    ratios.iter().map(word).collect::<Vec<_>>().join(" | ")
}
