//! The real program on a free port, and what a test does to it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    client::{Answer, Ask, Client},
    identity::IDENTITY,
};

/// The program that is tested.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_muster");

/// How long a test waits for something that should come at once, on a machine that is busy with
/// other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server of a test. Dropped, it is killed; nothing that it does outlives the test.
pub struct Server {
    pub address: SocketAddr,
    scheme: String,
    /// What it printed before it was ready.
    pub greeting: String,
    child: Child,
    lines: BufReader<ChildStdout>,
    log: PathBuf,
    _scratch: TempDir,
}

impl Server {
    /// Starts one that keeps nothing on disk.
    pub fn in_memory(flags: &[&str]) -> Self {
        Self::start(&[&["--memory"], flags].concat())
    }

    /// Starts one on a data directory.
    pub fn on(data: &Path, flags: &[&str]) -> Self {
        Self::start(&[&["--data", data.to_str().unwrap()], flags].concat())
    }

    /// Starts one, and waits until it greets.
    pub fn start(flags: &[&str]) -> Self {
        Self::with(flags, &[])
    }

    /// Starts one with settings, as variables of its environment.
    pub fn with(flags: &[&str], settings: &[(&str, &str)]) -> Self {
        Self::greeted(spawn(flags, settings))
    }

    /// Starts one that may end before it greets: none then.
    pub fn try_with(flags: &[&str], settings: &[(&str, &str)]) -> Option<Self> {
        Self::try_greeted(spawn(flags, settings)).ok()
    }

    /// Starts one under a shell command that ends with `exec "$0" "$@"`: so its process is the
    /// server's.
    pub fn under(shell: &str, flags: &[&str], settings: &[(&str, &str)]) -> Self {
        let scratch = TempDir::new().unwrap();
        let mut command = in_folder(Command::new("sh"), scratch.path());
        command.args(["-c", shell, PROGRAM]);
        Self::greeted(begin(command, scratch, flags, settings))
    }

    /// Waits until it greets.
    fn greeted(begun: (Child, TempDir)) -> Self {
        Self::try_greeted(begun).unwrap_or_else(|said| panic!("no server: {said}"))
    }

    fn try_greeted((mut child, scratch): (Child, TempDir)) -> Result<Self, String> {
        let log = scratch.path().join("log");
        let mut greeting = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let (scheme, address) = loop {
            let before = greeting.len();
            if lines.read_line(&mut greeting).unwrap() == 0 {
                let status = child.wait().unwrap();
                let log = std::fs::read_to_string(&log).unwrap();
                return Err(format!("{status}, {greeting}{log}"));
            }
            let line = greeting[before..].trim();
            if let Some(url) = line.strip_prefix("API") {
                let (scheme, host) = url.trim().split_once("://").unwrap();
                let address = host.strip_suffix("/api").unwrap().parse().unwrap();
                break (scheme.to_owned(), address);
            }
        };
        // The rest fits the pipe.
        Ok(Self { address, scheme, greeting, child, lines, log, _scratch: scratch })
    }

    /// Reads the rest of what it prints, up to a line that holds this.
    pub fn rest_of_greeting(&mut self, last: &str) -> String {
        let mut rest = String::new();
        while !rest.lines().any(|line| line.contains(last)) {
            assert_ne!(self.lines.read_line(&mut rest).unwrap(), 0, "{rest}");
        }
        rest
    }

    /// Its address under the name of a host.
    pub fn url(&self, host: &str) -> String {
        format!("{}://{host}:{}", self.scheme, self.address.port())
    }

    /// Sends one request over a connection of its own.
    pub fn ask(&self, ask: &Ask) -> Answer {
        Client::connect(self.address).ask(ask)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask(&Ask::get(path))
    }

    pub fn put(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.ask(&Ask::json("PUT", path, body))
    }

    pub fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.ask(&Ask::json("POST", path, body))
    }

    pub fn patch(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.ask(&Ask::json("PATCH", path, body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.ask(&Ask::new("DELETE", path))
    }

    /// Where the ledger stands: what nothing may move that was refused.
    pub fn position(&self) -> u64 {
        self.get("/api").position()
    }

    /// Sends bytes as they are and reads until the server ends the connection.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut client = Client::connect(self.address);
        client.send_what_it_takes(bytes);
        client.rest()
    }

    /// Bytes of memory that the server holds.
    pub fn resident_bytes(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// The server's process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The first line of its log with this message, once it is there.
    pub fn logged(&self, message: &str) -> serde_json::Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let lines = log.lines().filter_map(|line| serde_json::from_str(line).ok());
            let mut lines = lines.filter(|line: &serde_json::Value| line["message"] == message);
            if let Some(line) = lines.next() {
                return line;
            }
            assert!(Instant::now() < until, "{message:?} isn't in {log}");
            // sleeps: between looks at a file, whose lines can only be looked for.
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it without notice: SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop: SIGTERM. Answers how it ended and what it had logged.
    pub fn stop(mut self) -> (ExitStatus, String) {
        signal(self.child.id(), "TERM");
        let status = ended(&mut self.child);
        (status, self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail where it ended already, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        if !std::thread::panicking() {
            assert!(!log.contains("panicked"), "{log}");
        }
    }
}

/// Starts a server without waiting for anything. Its log is in the folder.
pub fn spawn(flags: &[&str], settings: &[(&str, &str)]) -> (Child, TempDir) {
    let scratch = TempDir::new().unwrap();
    let command = program(scratch.path());
    begin(command, scratch, flags, settings)
}

fn begin(
    mut command: Command,
    scratch: TempDir,
    flags: &[&str],
    settings: &[(&str, &str)],
) -> (Child, TempDir) {
    let log = File::create(scratch.path().join("log")).unwrap();
    command.arg("serve").args(["--listen", "127.0.0.1:0"]);
    if crate::TLS {
        let file = IDENTITY.file();
        command.arg("--tls-cert").arg(&file).arg("--tls-key").arg(&file);
    }
    let child = command
        .args(flags)
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    (child, scratch)
}

/// The program with an environment of its own: no settings of whoever runs the test.
pub fn program(folder: &Path) -> Command {
    in_folder(Command::new(PROGRAM), folder)
}

fn in_folder(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).env_clear().env("HOME", folder).env("NO_COLOR", "1");
    command
}

/// Runs a command of the program to its end.
pub fn run(folder: &Path, arguments: &[&str]) -> CommandOutput {
    let output = program(folder).args(arguments).stdin(Stdio::null()).output().unwrap();
    CommandOutput::of(&output)
}

/// What a command did.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl CommandOutput {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Fails the test unless the command ended with that exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// Says past cargo's capture of what a test prints that it couldn't run, so that `./test` counts it.
pub fn left_out(what: &str, why: &str) {
    let line = format!("\nleft out: {what}, because {why}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Sends a signal to a process of this test.
pub fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), process.to_string()]).status();
    assert!(status.unwrap().success());
}

/// Waits for a process to end, but not for ever.
pub fn ended(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("the server doesn't stop");
        }
        // sleeps: between looks at a process, whose end can only be asked for.
        std::thread::sleep(Duration::from_millis(2));
    }
}
