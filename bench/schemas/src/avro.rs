//! Large Avro schemas, each in a process of its own: how long parsing and comparing take, and how
//! much memory at the most.

use std::{env, fmt::Write as _, process::Command, time::Instant};

use muster_schema::{
    Direction, Policy,
    avro::{AvroSchema, compare, difference},
};

use crate::{Outcome, clock::kibibytes, say};

const SHAPES: [&str; 5] = ["fields", "chains", "branches", "default", "long-key"];

pub(crate) fn run() -> Outcome {
    say("| schema | text | parse | most memory | compare | differ |\n|---|---|---|---|---|---|");
    for shape in SHAPES {
        let output = Command::new(env::current_exe()?).args(["alone", "avro", shape]).output()?;
        let text = String::from_utf8(output.stdout)?;
        say(&format!("| {shape} | {} |", text.trim()));
    }
    Ok(())
}

pub(crate) fn alone(shape: &str) -> Outcome {
    let text = text_of(shape);
    let before = kibibytes("RssAnon");
    let begin = Instant::now();
    let schema = AvroSchema::parse(&text, &[])?;
    let parsed = begin.elapsed().as_secs_f64();
    let peak = kibibytes("VmHWM").saturating_sub(before) / 1024;
    let new = AvroSchema::parse(&text, &[])?;
    let begin = Instant::now();
    let found = compare(&schema, &new, Direction::Backward, Policy::Sound).len();
    let compared = begin.elapsed().as_secs_f64();
    let begin = Instant::now();
    let changes = difference(&schema, &new).len();
    let differed = begin.elapsed().as_secs_f64();
    let size = text.len() / 1024;
    say(&format!(
        "{size} KiB | {parsed:.2} s | {peak} MiB | {compared:.2} s, {found} findings | \
         {differed:.2} s, {changes} changes"
    ));
    Ok(())
}

/// A schema of nearly as many bytes, types or members as there may be.
fn text_of(shape: &str) -> String {
    match shape {
        "fields" => record(&listed(45_000, |index| {
            format!(
                r#"{{"name":"field{index}","type":"int","doc":"A field","owner":"sales","tags":["a","b"]}}"#
            )
        })),
        "chains" => {
            let chain = |name: &str| {
                listed(22_500, |index| {
                    let inner = match index {
                        0 => r#""int""#.to_owned(),
                        index => format!(r#""{name}{}""#, index - 1),
                    };
                    format!(
                        r#"{{"type":"record","name":"{name}{index}","fields":[{{"name":"f","type":{inner}}}]}}"#
                    )
                })
            };
            format!("[{},{}]", chain("A"), chain("B"))
        }
        "branches" => {
            let branches = listed(10_000, |index| {
                format!(
                    r#"{{"type":"record","name":"Branch{index}","fields":[{{"name":"f","type":"int"}}]}}"#
                )
            });
            format!("[{branches}]")
        }
        "default" => {
            let members = listed(250_000, |index| format!(r#""m{index}":{}"#, index % 10));
            record(&with_default(&members))
        }
        // What is in a value with a long key mustn't cost its length once more.
        _ => {
            let members = listed(100_000, |index| format!(r#""m{index}":[]"#));
            let key = "k".repeat(1_000_000);
            record(&format!(r#"{{"name":"f","type":"int","p":{{"{key}":{{{members}}}}}}}"#))
        }
    }
}

fn with_default(members: &str) -> String {
    format!(r#"{{"name":"f","type":{{"type":"map","values":"int"}},"default":{{{members}}}}}"#)
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"Large","fields":[{fields}]}}"#)
}

fn listed(count: usize, one: impl Fn(usize) -> String) -> String {
    let mut out = String::new();
    for index in 0..count {
        // A text never refuses to be written to.
        let _ = write!(out, "{}{}", if index > 0 { "," } else { "" }, one(index));
    }
    out
}
