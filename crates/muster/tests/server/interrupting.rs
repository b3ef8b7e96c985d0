//! Ctrl-C in the middle of a command.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::harness::{ended, program};

#[test]
fn a_verification_that_is_stopped_says_how_far_it_came() {
    // A server whose verification never ends.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let scratch = TempDir::new().unwrap();
    let mut child = program(scratch.path())
        .args(["ledger", "verify", "--output", "json", "--server", &url])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = [0; 4_096];
    assert!(stream.read(&mut request).unwrap() > 0);
    let line = "{\"checked\":1204,\"of\":5000}\n";
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nmuster-position: 5000\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{line}\r\n",
        line.len()
    )
    .unwrap();
    let mut told = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut told).unwrap();
    assert_eq!(told, line);
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
    assert_eq!(ended(&mut child).code(), Some(1));
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    assert!(error.contains("stopped: 1,204 of 5,000 entries verified so far"), "{error}");
    assert!(error.contains("\"reason\":\"interrupted\""), "{error}");
}
