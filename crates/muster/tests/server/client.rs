//! A small HTTP/1.1 client that sends whatever it is told.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::{
    harness::PATIENCE,
    identity::{IDENTITY, Secure},
};

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub fn json(method: &'static str, path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::new(method, path).header("Content-Type", "application/json").body(body)
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The request as it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || !matches!(self.method, "GET" | "HEAD" | "DELETE" | "OPTIONS") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// A connection of either kind.
pub enum Stream {
    Clear(TcpStream),
    Secure(Box<Secure>),
}

impl Stream {
    /// The connection below.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Clear(stream) => stream,
            Self::Secure(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(buffer),
            Self::Secure(stream) if stream.conn.is_handshaking() => stream.read(buffer),
            // Not through the stream, which first sends what is left: a server that refuses early
            // takes no more, and its answer is there all the same.
            Self::Secure(stream) => loop {
                match stream.conn.reader().read(buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                        stream.conn.read_tls(&mut stream.sock)?;
                        stream.conn.process_new_packets().map_err(std::io::Error::other)?;
                    }
                    read => return read,
                }
            },
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Secure(stream) => stream.flush(),
        }
    }
}

/// One connection.
pub struct Client {
    pub stream: Stream,
    read: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap()
    }

    pub fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        let stream = reach(address)?;
        let stream = match crate::TLS {
            true => Stream::Secure(Box::new(IDENTITY.greet(stream))),
            false => Stream::Clear(stream),
        };
        Ok(Self { stream, read: Vec::new() })
    }

    /// Connects within TLS, whatever the other tests do.
    pub fn secure(address: SocketAddr) -> Self {
        let stream = IDENTITY.greet(reach(address).unwrap());
        Self { stream: Stream::Secure(Box::new(stream)), read: Vec::new() }
    }

    /// Sends a request and reads its answer.
    #[track_caller]
    pub fn ask(&mut self, ask: &Ask) -> Answer {
        self.try_ask(ask).unwrap_or_else(|| panic!("no answer to {} {}", ask.method, ask.path))
    }

    /// Sends a request and reads its answer; none: the connection ended before that.
    pub fn try_ask(&mut self, ask: &Ask) -> Option<Answer> {
        // A server that refuses early may stop reading; its answer is there all the same.
        let _ = self.stream.write_all(&ask.bytes());
        self.answer(ask.method == "HEAD")
    }

    /// Sends as much as the server takes before it ends the connection.
    pub fn send_what_it_takes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Asks for what never ends, and answers the status.
    pub fn begin(&mut self, path: &str) -> Option<u16> {
        self.begin_asking(&Ask::get(path))
    }

    /// The same with all that is asked.
    pub fn begin_asking(&mut self, ask: &Ask) -> Option<u16> {
        let _ = self.stream.write_all(&ask.bytes());
        Some(self.head()?.status)
    }

    /// Reads the head of an answer.
    fn head(&mut self) -> Option<Answer> {
        let end = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end + 4;
            }
            if !self.read_more() {
                return None;
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        Some(Answer::parse(&head))
    }

    /// Reads one answer.
    pub fn answer(&mut self, is_head: bool) -> Option<Answer> {
        let mut answer = self.head()?;
        if is_head || matches!(answer.status, 204 | 304) {
            return Some(answer);
        }
        let length = answer.header("content-length").map(|length| length.parse::<usize>().unwrap());
        answer.body = match length {
            Some(length) => {
                while self.read.len() < length {
                    if !self.read_more() {
                        return None;
                    }
                }
                self.read.drain(..length).collect()
            }
            None => self.chunks()?,
        };
        Some(answer)
    }

    /// Reads a body in chunks (RFC 9112, 7.1).
    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line()?, 16).unwrap();
            while self.read.len() < size + 2 {
                if !self.read_more() {
                    return None;
                }
            }
            body.extend(self.read.drain(..size));
            self.read.drain(..2);
            if size == 0 {
                return Some(body);
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.read, b"\r\n") {
                let line: Vec<u8> = self.read.drain(..end + 2).collect();
                return Some(String::from_utf8(line).unwrap().trim().to_owned());
            }
            if !self.read_more() {
                return None;
            }
        }
    }

    /// Reads until this text is there, and answers all that was read.
    pub fn read_until(&mut self, text: &str) -> String {
        while find(&self.read, text.as_bytes()).is_none() {
            assert!(self.read_more(), "only {:?}", String::from_utf8_lossy(&self.read));
        }
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Reads until the server ends the connection.
    pub fn rest(&mut self) -> String {
        while self.read_more() {}
        String::from_utf8_lossy(&self.read).into_owned()
    }

    fn read_more(&mut self) -> bool {
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part) {
            Ok(count) => {
                self.read.extend_from_slice(&part[..count]);
                count > 0
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("the server neither answers nor ends the connection")
            }
            // A reset ends a connection too.
            Err(_) => false,
        }
    }
}

fn reach(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        Self { status, headers: headers.collect(), body: Vec::new() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    #[track_caller]
    pub fn position(&self) -> u64 {
        let position = self.header("muster-position");
        position.unwrap_or_else(|| panic!("no position in {self:?}")).parse().unwrap()
    }

    #[track_caller]
    pub fn etag(&self) -> String {
        self.header("etag").unwrap_or_else(|| panic!("no etag in {self:?}")).to_owned()
    }

    /// The error's reason; empty where it is none.
    pub fn code(&self) -> String {
        if self.status < 400 {
            return String::new();
        }
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Fails the test unless the answer has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{:?}\n{text}", self.headers);
        self
    }

    /// Fails the test unless it is refused so. An error has the shape of xRegistry, names its code
    /// in its type too, and leaves no argument of its title open.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!((self.status, self.code().as_str()), (status, code), "{text}");
        let body = self.json();
        assert_eq!(body["code"], status, "{text}");
        let (kind, title) = (body["type"].as_str().unwrap(), body["title"].as_str().unwrap());
        assert!(kind.ends_with(&format!(":{code}")) || kind.ends_with(&format!("#{code}")));
        let is_open = title.split('<').skip(1).any(|rest| {
            let name = rest.split('>').next().unwrap_or_default();
            rest.contains('>') && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
        assert!(!title.is_empty() && !is_open, "{title}");
        self
    }
}
