//! Memory of a compiled schema: each kind in a process of its own, as the growth of its anonymous
//! memory.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use muster_schema::{NoSources, Schema};

use crate::{
    Outcome,
    clock::{kibibytes, mean},
    read::{TEN, read},
    say,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the schemas.
    #[arg(long)]
    schemas: PathBuf,
}

/// Copies of one schema that are held at once, so that one page more or less makes no difference.
const COPIES: u32 = 50;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut ratios = Vec::new();
    for name in TEN {
        let file = arguments.schemas.join(format!("{name}.json"));
        let text = std::fs::metadata(&file)?.len();
        let (ours, direct) = (in_a_process("ours", &file)?, in_a_process("direct", &file)?);
        let ratio = ours / direct;
        ratios.push(ratio);
        let text = text / 1024;
        say(&format!("| {name}, {text} KiB | {ours:.0} KiB | {ratio:.2} of the crate's |"));
    }
    say(&format!("| geometric mean | | {:.2} |", mean(&ratios)));
    Ok(())
}

fn in_a_process(whose: &str, file: &Path) -> Outcome<f64> {
    let output =
        Command::new(env::current_exe()?).args(["alone", "memory", whose]).arg(file).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.trim().parse().map_err(|_| format!("{}: no answer", file.display()))?)
}

/// Prints the memory of one compiled schema in KiB.
pub(crate) fn alone(whose: &str, file: &Path) -> Outcome {
    let schema = read(file)?;
    let (mut ours, mut direct) = (Vec::new(), Vec::new());
    let mut hold = |count: u32| -> Outcome {
        for _ in 0..count {
            match whose {
                "ours" => ours.push(Schema::compile(&schema, &NoSources)?),
                _ => {
                    let built = jsonschema::validator_for(&schema);
                    direct.push(built.map_err(|error| error.to_string())?);
                }
            }
        }
        Ok(())
    };
    // What all have in common, such as the metaschemas, is made by the first.
    hold(2)?;
    let before = kibibytes("RssAnon");
    hold(COPIES)?;
    let grown = kibibytes("RssAnon").saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
    let each = grown as f64 / f64::from(COPIES);
    say(&format!("{each:.1}"));
    Ok(())
}
