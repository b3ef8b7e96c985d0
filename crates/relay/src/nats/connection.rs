use muster_guard::addresses::Destination;
use serde_json::{Map, Value};
use std::{fmt::Write as _, net::SocketAddr};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{NatsMessage, credentials::NatsCredentials};
use crate::{connector::Connector, decision::TryFailure};

/// The longest line of a server, in bytes: one with the addresses of a large cluster.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The largest message of a server, in bytes: the answers of streams have some hundred.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How many letters of a server's text are shown.
const SHOWN_LETTERS_MAX: usize = 200;

/// The largest message that a server takes which says nothing about it: its default, in bytes.
const PAYLOAD_BYTES_DEFAULT: usize = 1024 * 1024;

/// The status of an answer where nobody has subscribed to a subject (NATS, ADR-7).
const NO_RESPONDERS: &str = "503";

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection to a NATS server, on which one message after the other is sent and answered.
pub(super) struct NatsConnection {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
    /// What the subjects of answers begin with.
    inbox: String,
    /// How many messages were sent.
    sent: u64,
    payload_bytes_max: usize,
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
        // The server speaks first, in clear text even where TLS follows.
        let (info, unread) = info(&mut stream).await?;
        let needs_tls = info.get("tls_required").and_then(Value::as_bool) == Some(true);
        let stream: Box<dyn Stream> = match destination.is_encrypted || needs_tls {
            // Whatever came before the handshake may be anybody's.
            true if !unread.is_empty() => return Err(TryFailure::Tls),
            true => Box::new(connector.secure(destination, stream).await?),
            false => Box::new(stream),
        };
        let mut inbox = "_INBOX.".to_owned();
        for byte in &random[..16] {
            let _ = write!(inbox, "{byte:02x}");
        }
        let payload_bytes_max = payload_bytes_max(&info);
        let mut connection = Self { stream, unread, inbox, sent: 0, payload_bytes_max };
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
            credentials.add_to(&mut connect, nonce).ok_or(TryFailure::Credentials)?;
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
            return Err(TryFailure::TooLarge { bytes_max: self.payload_bytes_max });
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

    /// What needs no answer but a ping's. An error of the server ends the connection.
    async fn hear(&mut self, frame: ServerFrame) -> Result<(), TryFailure> {
        match frame {
            ServerFrame::Ping => self.write(b"PONG\r\n").await,
            ServerFrame::Error(text) => Err(TryFailure::Answer(text)),
            ServerFrame::Info(info) => {
                self.payload_bytes_max = payload_bytes_max(&info);
                Ok(())
            }
            ServerFrame::Message { .. } | ServerFrame::Pong | ServerFrame::Done => Ok(()),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), TryFailure> {
        self.stream.write_all(bytes).await.map_err(|_| TryFailure::Broken)?;
        self.stream.flush().await.map_err(|_| TryFailure::Broken)
    }

    async fn frame(&mut self) -> Result<ServerFrame, TryFailure> {
        loop {
            if let Some((frame, length)) = parse(&self.unread).ok_or(TryFailure::Broken)? {
                self.unread.drain(..length);
                return Ok(frame);
            }
            fill(&mut *self.stream, &mut self.unread).await?;
        }
    }
}

fn payload_bytes_max(info: &Value) -> usize {
    let most = info.get("max_payload").and_then(Value::as_u64);
    most.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAYLOAD_BYTES_DEFAULT)
}

/// The first frame of a server, and what was read behind it.
async fn info(stream: &mut TcpStream) -> Result<(Value, Vec<u8>), TryFailure> {
    let mut unread = Vec::new();
    loop {
        match parse(&unread).ok_or(TryFailure::Broken)? {
            Some((ServerFrame::Info(info), length)) => {
                unread.drain(..length);
                return Ok((info, unread));
            }
            Some((ServerFrame::Error(text), _)) => return Err(TryFailure::Answer(text)),
            Some(_) => return Err(TryFailure::Broken),
            None => fill(stream, &mut unread).await?,
        }
    }
}

async fn fill(stream: &mut (dyn Stream + '_), unread: &mut Vec<u8>) -> Result<(), TryFailure> {
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

/// A server's text, without what could do something in a terminal.
fn shown(text: &str) -> String {
    let plain = text.chars().filter(|letter| !letter.is_control());
    plain.take(SHOWN_LETTERS_MAX).collect()
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
