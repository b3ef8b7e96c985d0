//! Just enough HTTP/1.1 to prepare a server, and to read answers that say how long they are.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use memchr::memmem;

use crate::Outcome;

/// An answer.
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// Where an answer's head ends, its status, and the length of its body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub status: u16,
    pub head: usize,
    pub length: usize,
}

/// Reads the head of an answer, once it is there whole.
pub(crate) fn frame(bytes: &[u8]) -> Outcome<Option<Frame>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    let status = head.get(9..12).ok_or("an answer without a status")?.parse()?;
    let length = match header(head, "content-length") {
        Some(length) => length.parse()?,
        None if matches!(status, 204 | 304) => 0,
        None => return Err("an answer that doesn't say how long it is".into()),
    };
    Ok(Some(Frame { status, head: end + 4, length }))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Writes a request as it goes out.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Asks for a path.
pub(crate) fn get(address: SocketAddr, path: &str) -> Outcome<Answer> {
    ask(address, format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes())
}

/// Puts JSON at a path; another answer than 200 or 201 is an error.
pub(crate) fn put(address: SocketAddr, path: &str, body: &[u8]) -> Outcome {
    let answer = ask(address, &request("PUT", path, "content-type: application/json\r\n", body))?;
    match answer.status {
        200 | 201 => Ok(()),
        status => {
            let said = String::from_utf8_lossy(&answer.body);
            Err(format!("PUT {path} was answered {status}: {said}").into())
        }
    }
}

/// The header that shows a key.
pub(crate) fn authorization(key: &str) -> String {
    format!("authorization: Bearer {key}\r\n")
}

/// Creates a key that may do everything, and lets nobody in without one from now on.
pub(crate) fn create_key(address: SocketAddr) -> Outcome<String> {
    let json = "content-type: application/json\r\n";
    let answer = ask(address, &request("POST", "/keys", json, b"{}"))?;
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let key = text.split('"').find(|part| part.starts_with("muster_"));
    key.map(ToOwned::to_owned).ok_or_else(|| format!("no key was created: {text}").into())
}

/// Sends a request on a connection of its own and waits for the answer.
pub(crate) fn ask(address: SocketAddr, request: &[u8]) -> Outcome<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    loop {
        if let Some(frame) = frame(&bytes)?
            && bytes.len() >= frame.head + frame.length
        {
            let head = String::from_utf8_lossy(&bytes[..frame.head]).into_owned();
            let body = bytes[frame.head..frame.head + frame.length].to_vec();
            return Ok(Answer { status: frame.status, head, body });
        }
        let mut part = [0; 8 * 1024];
        match stream.read(&mut part)? {
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            length => bytes.extend_from_slice(&part[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests say what is there")]

    use super::*;

    #[test]
    fn reads_heads_of_answers() {
        for (bytes, expect) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", Some((200, 39, 12))),
            ("HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n", Some((304, 38, 0))),
            ("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n", None),
        ] {
            let found = frame(bytes.as_bytes()).unwrap();
            assert_eq!(found.map(|frame| (frame.status, frame.head, frame.length)), expect);
        }
        assert!(frame(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
