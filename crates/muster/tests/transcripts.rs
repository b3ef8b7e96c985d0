//! What people type and what they get, against the real program: each file in `transcripts/` is a
//! scene in a folder of its own with a server of its own. A line that begins with `$` is run by
//! a shell; what follows is what it printed, and `[exit 1]` where it didn't end well.
//!
//! `MUSTER_BLESS=1 cargo test` writes what the program says now; read it before you commit it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use regex::Regex;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_muster");
const TRANSCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");

/// A folder, and the server of a scene.
struct Scene {
    folder: TempDir,
    server: Child,
    address: String,
}

impl Scene {
    /// Begins one; the server takes only requests with that key, if there is one.
    fn begin(key: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join(".log")).unwrap();
        let mut server = Command::new(PROGRAM)
            .args(["serve", "--memory", "--registry-id", "here", "--listen", "127.0.0.1:0"])
            .env_clear()
            .envs(key.map(|key| ("MUSTER_API_KEY", key)))
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let api = lines.map(Result::unwrap).find(|line| line.trim().starts_with("API"));
        let api = api.unwrap();
        let address = api.split_whitespace().last().unwrap().trim_end_matches("/api").to_owned();
        Self { folder, server, address }
    }

    /// Runs one line; gives what it printed and how it ended.
    fn run(&self, line: &str) -> String {
        let programs = Path::new(PROGRAM).parent().unwrap();
        let path = format!("{}:/usr/bin:/bin", programs.display());
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("MUSTER_SERVER", &self.address)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let mut told = String::from_utf8(output.stdout).unwrap();
        if !told.is_empty() && !told.ends_with('\n') {
            told.push('\n');
        }
        if !output.status.success() {
            let _ = writeln!(told, "[exit {}]", output.status.code().unwrap());
        }
        steady(&told.replace(&self.address, "http://SERVER"))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // It may have ended already; a test that failed says more.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What differs from run to run, made the same.
fn steady(text: &str) -> String {
    let rules = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "2026-01-01T00:00:00.000000Z"),
        (r"\b\d+\.[0-9a-f]{8}-([dm])\b", "9.01234567-$1"),
        (r"muster_[0-9a-z]+_[0-9a-z]+", "KEY"),
        (r"\+[0-9a-f]{8}\b", "+SIGNER"),
        (r"\b(key|revoked|forget) [0-9a-f]{8}\b", "$1 0a1b2c3d"),
        (r"\b[0-9a-f]{8}( +[a-z]+ +admin)", "0a1b2c3d$1"),
        (r"in \d+\.\d+ s", "in N s"),
        (r"p99 \d+\.\d+ ms", "p99 N ms"),
        (r"checkpoint \d+ s ago", "checkpoint N s ago"),
        (r"process \d+", "process N"),
        (r#""instance":"[^"]*","#, ""),
        (r"[0-9a-f]{32,}", "HEX"),
        (r"127\.0\.0\.1:\d{4,5}", "ADDRESS"),
    ];
    rules.iter().fold(text.to_owned(), |text, (pattern, with)| {
        Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

/// Runs every command of a scene and gives the transcript of what happened.
fn replay(text: &str, key: Option<&str>) -> String {
    let scene = Scene::begin(key);
    let mut told = String::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            told.push_str(line);
            told.push('\n');
            told.push_str(&scene.run(command));
        } else if line.starts_with('#') || line.is_empty() && told.ends_with("\n\n") {
            told.push_str(line);
            told.push('\n');
        }
    }
    told
}

/// Comments and empty lines of a transcript stay where they are: they belong to what follows.
fn check(name: &str) {
    check_with(name, None);
}

fn check_with(name: &str, key: Option<&str>) {
    let file = PathBuf::from(TRANSCRIPTS).join(format!("{name}.txt"));
    let agreed = fs::read_to_string(&file).unwrap();
    let told = replay(&agreed, key);
    if std::env::var_os("MUSTER_BLESS").is_some() {
        fs::write(&file, &told).unwrap();
        return;
    }
    for (told, agreed) in told.lines().zip(agreed.lines()) {
        assert_eq!(told, agreed, "{name}: MUSTER_BLESS=1 writes it anew\n{told}");
    }
    assert_eq!(told, agreed, "{name}");
}

#[test]
fn reading_and_changing_one_document() {
    check("documents");
}

#[test]
fn being_refused() {
    check("refused");
}

#[test]
fn applying_a_folder() {
    check("apply");
}

#[test]
fn applying_what_is_no_json_and_what_has_no_document() {
    check("plain");
}

#[test]
fn keeping_documents_in_yaml() {
    check("yaml");
}

#[test]
fn validating_without_a_server() {
    check("validate");
}

#[test]
fn keys_and_proofs_on_a_data_directory() {
    check("directory");
}

#[test]
fn talking_to_a_server_that_wants_a_key() {
    check_with("key", Some("sesame-open-thyself"));
}

#[test]
fn not_being_understood() {
    check("usage");
}

#[test]
fn every_transcript_is_run() {
    let source = fs::read_to_string(file!().trim_start_matches("crates/muster/")).unwrap();
    for entry in fs::read_dir(TRANSCRIPTS).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.strip_suffix(".txt").unwrap();
        assert!(source.contains(&format!("(\"{name}\"")), "{name} is never run");
    }
}
