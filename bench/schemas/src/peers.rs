//! Libraries of other languages, each in a process of its own that answers one line with one line.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::Outcome;

/// A process that measures with another library.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a script with the folders of schemas and payloads; none if it isn't asked for.
    pub(crate) fn start(
        name: &'static str,
        program: Option<&str>,
        arguments: &[&Path],
    ) -> Outcome<Option<Self>> {
        let Some(program) = program else { return Ok(None) };
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let (Some(to), Some(from)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(format!("{program} has no pipes").into());
        };
        Ok(Some(Self { name, process, to, from: BufReader::new(from) }))
    }

    /// Nanoseconds of one validation of a schema's payload, measured for about this long; none if
    /// the library refuses the schema or the payload.
    pub(crate) fn measure(&mut self, schema: &str, milliseconds: u128) -> Outcome<Option<f64>> {
        writeln!(self.to, "{schema} {milliseconds}")?;
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(format!("{} ended", self.name).into());
        }
        match line.trim().parse() {
            Ok(found) => Ok(Some(found)),
            Err(_) => {
                eprintln!("{}, {schema}: {}", self.name, line.trim());
                Ok(None)
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
