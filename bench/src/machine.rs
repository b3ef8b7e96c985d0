//! What it is measured on, and which programs are there.

use std::{
    env, fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Outcome, order::Order};

/// A program that a pair needs, and Debian's package that has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub program: &'static str,
    pub package: &'static str,
}

pub(crate) const WRK: Tool = Tool { program: "wrk", package: "wrk" };
pub(crate) const TASKSET: Tool = Tool { program: "taskset", package: "util-linux" };
pub(crate) const NGINX: Tool = Tool { program: "nginx", package: "nginx-light" };
pub(crate) const OPENSSL: Tool = Tool { program: "openssl", package: "openssl" };
pub(crate) const ETCD: Tool = Tool { program: "etcd", package: "etcd-server" };

impl Tool {
    /// Where the program lies.
    pub(crate) fn find(self) -> Result<PathBuf, String> {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain([PathBuf::from("/usr/sbin")])
            .map(|folder| folder.join(self.program))
            .find(|path| path.is_file())
            .ok_or_else(|| format!("{} isn't here: apt-get install {}", self.program, self.package))
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The machine, the programs and the method in a few lines.
pub(crate) fn describe(order: &Order) -> Outcome<String> {
    if !order.muster.is_file() {
        let path = order.muster.display();
        return Err(format!("{path} isn't there: cargo build --release --package muster").into());
    }
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let system = file_system(&order.scratch).unwrap_or_else(|| "unknown".to_owned());
    let busy = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let busy = busy.split(' ').next().unwrap_or_default();
    let mut text = format!(
        "{} cores, {}, Linux {}; {} on {system}; load {busy} at the start\n",
        cores(),
        processor().unwrap_or_else(|| "unknown processor".to_owned()),
        kernel.trim(),
        order.scratch.display(),
    );
    for (program, argument) in [("nginx", "-v"), ("etcd", "--version"), ("wrk", "-v")] {
        if let Some(version) = version(program, argument) {
            text.push_str(&format!("{version}\n"));
        }
    }
    text.push_str(&format!(
        "{} rounds of {} s, interleaved, after {} s that don't count; medians",
        order.rounds,
        order.round.as_secs(),
        order.warmup.as_secs()
    ));
    if system == "tmpfs" {
        text.push_str("\nwarning: nothing is durable on tmpfs: give --scratch on a disk");
    }
    Ok(text)
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(": ")?.1.to_owned())
}

fn file_system(folder: &Path) -> Option<String> {
    let text = fs::read_to_string("/proc/self/mounts").ok()?;
    text.lines()
        .filter_map(|line| {
            let mut parts = line.split(' ').skip(1);
            Some((parts.next()?, parts.next()?))
        })
        .filter(|(mount, _)| folder.starts_with(mount))
        .max_by_key(|(mount, _)| mount.len())
        .map(|(_, kind)| kind.to_owned())
}

fn version(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let text = [output.stderr, output.stdout].concat();
    let text = String::from_utf8_lossy(&text);
    text.lines().find(|line| line.contains(char::is_numeric)).map(str::to_owned)
}
