use muster_guard::addresses::Destination;
use serde_json::{Map, Value};
use std::{fmt::Write as _, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{NatsMessage, credentials::NatsCredentials};
use crate::{
    connector::{ByteStream, Connector},
    decision::{TryFailure, shown},
};

/// The longest line of a server, in bytes: one with the addresses of a large cluster.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The largest message of a server, in bytes: the answers of streams have some hundred.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The largest message that a server takes which says nothing about it: its default, in bytes.
const PAYLOAD_BYTES_DEFAULT: usize = 1024 * 1024;

/// How long a server may take for its first word before it is taken for one that waits for a
/// handshake. Those that wait do so for two seconds by default.
const FIRST_WORD_WAIT: Duration = Duration::from_secs(1);

/// The status of an answer where nobody has subscribed to a subject (NATS, ADR-7).
const NO_RESPONDERS: &str = "503";

/// A connection to a NATS server, on which one message after the other is sent and answered.
pub(super) struct NatsConnection {
    stream: Box<dyn ByteStream>,
    unread: Vec<u8>,
    /// What the subjects of answers begin with.
    inbox: String,
    /// How many messages were sent.
    sent: u64,
    payload_bytes_max: usize,
    /// Whether the server has ended it, or what it said can't be read.
    is_ended: bool,
}

/// What a server sends (NATS, client protocol).
#[derive(Debug, PartialEq)]
pub(super) enum ServerFrame {
    /// What the server is.
    Info(Value),
    /// A message.
    Message { subject: String, status: Option<String>, body: Vec<u8> },
    /// It wants to know whether we are there.
    Ping,
    /// It is there.
    Pong,
    /// It refuses something.
    Error(String),
    /// It did something.
    Done,
}

impl NatsConnection {
    /// Connects and says who we are.
    ///
    /// # Errors
    /// See [`TryFailure`].
    pub async fn open(
        (connector, destination, addresses): (&Connector, &Destination, &[SocketAddr]),
        credentials: Option<&NatsCredentials>,
        random: [u8; 32],
    ) -> Result<Self, TryFailure> {
        let (_, mut stream) = connector.connect(addresses).await?;
        let mut unread = Vec::new();
        // The server speaks first, in clear text even where TLS follows, unless it was told to wait
        // for a handshake (`handshake_first`).
        let waits = destination.is_encrypted && !speaks(&mut stream, &mut unread).await?;
        let (info, stream, unread): (Value, Box<dyn ByteStream>, Vec<u8>) = if waits {
            let mut stream = connector.secure_nameless(destination, stream).await?;
            let info = info(&mut stream, &mut unread).await?;
            (info, Box::new(stream), unread)
        } else {
            let mut info = info(&mut stream, &mut unread).await?;
            let needs_tls = info.get("tls_required").and_then(Value::as_bool) == Some(true);
            if !(destination.is_encrypted || needs_tls) {
                (info, Box::new(stream), unread)
            } else if unread.is_empty() {
                believe_less(&mut info);
                (info, Box::new(connector.secure_nameless(destination, stream).await?), unread)
            } else {
                // Whatever came before the handshake may be anybody's.
                return Err(TryFailure::Tls);
            }
        };
        let mut inbox = "_INBOX.".to_owned();
        for byte in &random[..16] {
            let _ = write!(inbox, "{byte:02x}");
        }
        let payload_bytes_max = payload_bytes_max(&info);
        let is_ended = false;
        let mut connection = Self { stream, unread, inbox, sent: 0, payload_bytes_max, is_ended };
        connection.greet(&info, credentials).await?;
        Ok(connection)
    }

    async fn greet(
        &mut self,
        info: &Value,
        credentials: Option<&NatsCredentials>,
    ) -> Result<(), TryFailure> {
        let mut connect = Map::new();
        for (name, value) in [
            ("verbose", Value::Bool(false)),
            ("pedantic", Value::Bool(false)),
            ("headers", Value::Bool(true)),
            ("no_responders", Value::Bool(true)),
            ("protocol", 1.into()),
            ("lang", "rust".into()),
            ("name", "muster".into()),
            ("version", env!("CARGO_PKG_VERSION").into()),
        ] {
            connect.insert(name.to_owned(), value);
        }
        if let Some(credentials) = credentials {
            let nonce = info.get("nonce").and_then(Value::as_str);
            let text = "it sent nothing to sign, so it has no users with keys";
            let unsigned = || TryFailure::Answer(text.to_owned());
            credentials.add_to(&mut connect, nonce).ok_or_else(unsigned)?;
        }
        let connect = Value::Object(connect);
        let greeting = format!("CONNECT {connect}\r\nSUB {}.* 1\r\nPING\r\n", self.inbox);
        self.write(greeting.as_bytes()).await?;
        loop {
            match self.frame().await? {
                ServerFrame::Pong => return Ok(()),
                other => self.hear(other).await?,
            }
        }
    }

    /// Sends a message, and waits until a stream has stored it.
    ///
    /// # Errors
    /// See [`TryFailure`].
    pub async fn publish(&mut self, message: &NatsMessage) -> Result<(), TryFailure> {
        let headers = format!(
            "NATS/1.0\r\nNats-Msg-Id: {}\r\ncontent-type: application/cloudevents+json; \
             charset=utf-8\r\n\r\n",
            message.id
        );
        let length = headers.len() + message.body.len();
        if length > self.payload_bytes_max {
            return Err(TryFailure::TooLarge { bytes_max: Some(self.payload_bytes_max) });
        }
        self.sent += 1;
        let answer = format!("{}.{}", self.inbox, self.sent);
        let line = format!("HPUB {} {answer} {} {length}\r\n", message.subject, headers.len());
        let bytes = [line.as_bytes(), headers.as_bytes(), &message.body, b"\r\n"].concat();
        self.write(&bytes).await?;
        loop {
            match self.frame().await? {
                ServerFrame::Message { subject, status, body } if subject == answer => {
                    return stored(status.as_deref(), &body);
                }
                other => self.hear(other).await?,
            }
        }
    }

    /// Whether nothing can be sent on it any more.
    pub const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// What needs no answer but a ping's. An error of the server ends the connection.
    async fn hear(&mut self, frame: ServerFrame) -> Result<(), TryFailure> {
        match frame {
            ServerFrame::Ping => self.write(b"PONG\r\n").await,
            ServerFrame::Error(text) => {
                self.is_ended = true;
                Err(TryFailure::Answer(text))
            }
            ServerFrame::Info(info) => {
                self.payload_bytes_max = payload_bytes_max(&info);
                Ok(())
            }
            ServerFrame::Message { .. } | ServerFrame::Pong | ServerFrame::Done => Ok(()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), TryFailure> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let written = written.await;
        self.is_ended |= written.is_err();
        written.map_err(|_| TryFailure::Broken)
    }

    async fn frame(&mut self) -> Result<ServerFrame, TryFailure> {
        let frame = frame(&mut *self.stream, &mut self.unread).await;
        self.is_ended |= frame.is_err();
        frame
    }
}

/// The next frame of a server.
async fn frame(
    stream: &mut (dyn ByteStream + '_),
    unread: &mut Vec<u8>,
) -> Result<ServerFrame, TryFailure> {
    loop {
        if let Some((frame, length)) = parse(unread).ok_or(TryFailure::Broken)? {
            unread.drain(..length);
            return Ok(frame);
        }
        fill(stream, unread).await?;
    }
}

/// Whether a server says something by itself, within a while.
async fn speaks(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Result<bool, TryFailure> {
    match timeout(FIRST_WORD_WAIT, fill(stream, unread)).await {
        Ok(filled) => filled.map(|()| true),
        Err(_) => Ok(false),
    }
}

/// What is said before a handshake may be anybody's: a limit that is smaller than the usual one is
/// left to the server's own refusal.
fn believe_less(info: &mut Value) {
    if payload_bytes_max(info) < PAYLOAD_BYTES_DEFAULT
        && let Some(info) = info.as_object_mut()
    {
        info.remove("max_payload");
    }
}

fn payload_bytes_max(info: &Value) -> usize {
    let most = info.get("max_payload").and_then(Value::as_u64);
    most.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAYLOAD_BYTES_DEFAULT)
}

/// The first frame of a server.
async fn info(
    stream: &mut (dyn ByteStream + '_),
    unread: &mut Vec<u8>,
) -> Result<Value, TryFailure> {
    match frame(stream, unread).await? {
        ServerFrame::Info(info) => Ok(info),
        ServerFrame::Error(text) => Err(TryFailure::Answer(text)),
        _ => Err(TryFailure::Broken),
    }
}

async fn fill(stream: &mut (dyn ByteStream + '_), unread: &mut Vec<u8>) -> Result<(), TryFailure> {
    match stream.read_buf(unread).await {
        Ok(length) if length > 0 => Ok(()),
        _ => Err(TryFailure::Broken),
    }
}

/// What a stream answers when it was asked to store a message.
fn stored(status: Option<&str>, body: &[u8]) -> Result<(), TryFailure> {
    if status == Some(NO_RESPONDERS) {
        let text = "no stream stores messages of this subject";
        return Err(TryFailure::Answer(text.to_owned()));
    }
    let answer: Value = serde_json::from_slice(body).map_err(|_| TryFailure::Broken)?;
    if let Some(error) = answer.get("error") {
        let text = error.get("description").and_then(Value::as_str);
        return Err(TryFailure::Answer(shown(text.unwrap_or("it isn't stored"))));
    }
    match answer.get("seq").and_then(Value::as_u64) {
        Some(_) => Ok(()),
        None => Err(TryFailure::Broken),
    }
}

/// The frame that these bytes begin with, and its length. None within: more must be read; outside:
/// it isn't the protocol.
pub(super) fn parse(bytes: &[u8]) -> Option<Option<(ServerFrame, usize)>> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return (bytes.len() <= LINE_BYTES_MAX).then_some(None);
    };
    let line = std::str::from_utf8(&bytes[..end]).ok().filter(|_| end <= LINE_BYTES_MAX)?;
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let length = end + 2;
    let frame = match word.to_ascii_uppercase().as_str() {
        "INFO" => ServerFrame::Info(serde_json::from_str(rest).ok()?),
        "PING" => ServerFrame::Ping,
        "PONG" => ServerFrame::Pong,
        "+OK" => ServerFrame::Done,
        "-ERR" => ServerFrame::Error(shown(rest.trim().trim_matches('\''))),
        "MSG" => return message(bytes, (rest, length), false),
        "HMSG" => return message(bytes, (rest, length), true),
        _ => return None,
    };
    Some(Some((frame, length)))
}

/// A message: subject, id of the subscription, maybe where answers go, the length of its headers if
/// it has some, and the length of all.
fn message(
    bytes: &[u8],
    (line, begin): (&str, usize),
    has_headers: bool,
) -> Option<Option<(ServerFrame, usize)>> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let numbers = if has_headers { 2 } else { 1 };
    let (names, lengths) = words.split_at_checked(words.len().checked_sub(numbers)?)?;
    if !(2..=3).contains(&names.len()) {
        return None;
    }
    let lengths: Option<Vec<usize>> = lengths.iter().map(|text| text.parse().ok()).collect();
    let lengths = lengths?;
    let (headers, all) = match lengths.as_slice() {
        [headers, all] => (*headers, *all),
        [all] => (0, *all),
        _ => return None,
    };
    if headers > all || all > ANSWER_BYTES_MAX {
        return None;
    }
    let Some(payload) = bytes.get(begin..begin + all + 2) else { return Some(None) };
    let (payload, end) = payload.split_at(all);
    if end != b"\r\n" {
        return None;
    }
    // `NATS/1.0 503` is a status.
    let first = payload[..headers].split(|byte| *byte == b'\r').next();
    let first = first.and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let status = first.strip_prefix("NATS/1.0 ").and_then(|rest| rest.split(' ').next());
    let frame = ServerFrame::Message {
        subject: (*names.first()?).to_owned(),
        status: status.filter(|status| !status.is_empty()).map(str::to_owned),
        body: payload[headers..].to_vec(),
    };
    Some(Some((frame, begin + all + 2)))
}
