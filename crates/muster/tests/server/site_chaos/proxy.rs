use std::{
    fs,
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, LazyLock},
    thread,
    time::Duration,
};

use muster_journal::SeededRandom;
use muster_seal::{KeyPair, jws, note::Signer};
use muster_wire::manifest::{MANIFEST_PATH, Manifest, OBJECTS};
use muster_words::Digest;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use super::weather::{BadGreeting, Fault, Weather};
use crate::{harness::PATIENCE, identity::pem};

/// Stands before a site, and brings its files well or badly.
pub struct Proxy {
    pub address: SocketAddr,
    weather: Arc<Weather>,
    within: Option<Certificates>,
}

/// The certificate that clients trust, and one that they don't.
struct Certificates {
    own: Arc<ServerConfig>,
    strangers: Arc<ServerConfig>,
}

/// The largest head of a request, in bytes. A reader's has some two hundred.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Who signs what isn't to be believed.
static FORGER: LazyLock<Signer> = LazyLock::new(|| {
    Signer::new("forger.example/site".parse().unwrap(), KeyPair::from_seed(&[7; 32]))
});

/// A connection, in clear text or within TLS.
trait Line: Read + Write {
    fn socket(&self) -> &TcpStream;
}

impl Line for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Line for StreamOwned<ServerConnection, TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref()
    }
}

/// What a reader asks for.
struct Asked {
    path: String,
    known_tag: Option<String>,
}

impl Proxy {
    /// A proxy in clear text. Its host is one from which nobody connects: while nothing listens, no
    /// other program is given its port.
    pub fn start(host: &str, weather: &Arc<Weather>) -> SocketAddr {
        Self::begin(host, weather, None)
    }

    /// A proxy within TLS, and the certificate to trust, as PEM.
    pub fn start_within_tls(host: &str, weather: &Arc<Weather>) -> (SocketAddr, String) {
        let (own, trusted) = certificate(host);
        let (strangers, _) = certificate(host);
        (Self::begin(host, weather, Some(Certificates { own, strangers })), trusted)
    }

    fn begin(host: &str, weather: &Arc<Weather>, within: Option<Certificates>) -> SocketAddr {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Arc::new(Self { address, weather: weather.clone(), within });
        thread::spawn(move || proxy.listen(listener));
        address
    }

    fn listen(self: Arc<Self>, mut listener: TcpListener) {
        while !self.weather.is_over() {
            if self.weather.is_out() {
                drop(listener);
                while self.weather.is_out() {
                    self.weather.wait(Duration::from_millis(5));
                }
                listener = loop {
                    match TcpListener::bind(self.address) {
                        Ok(listener) => break listener,
                        Err(_) => self.weather.wait(Duration::from_millis(5)),
                    }
                };
            }
            listener.set_nonblocking(true).unwrap();
            match listener.accept() {
                Ok((stream, _)) => {
                    let proxy = self.clone();
                    thread::spawn(move || {
                        // How a connection ends is the reader's matter.
                        let _ = proxy.serve(stream);
                    });
                }
                Err(_) => self.weather.wait(Duration::from_millis(1)),
            }
        }
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut dice = self.weather.dice();
        let Some(within) = &self.within else { return self.answer_all(&mut stream, &mut dice) };
        let config = match self.weather.greeting(&mut dice) {
            None => &within.own,
            Some(BadGreeting::Stranger) => &within.strangers,
            Some(BadGreeting::ClearText) => {
                return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
            Some(BadGreeting::Hangup) => return Ok(()),
        };
        let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        self.answer_all(&mut StreamOwned::new(session, stream), &mut dice)
    }

    fn answer_all(&self, line: &mut dyn Line, dice: &mut SeededRandom) -> io::Result<()> {
        loop {
            // A request is met by the weather of its own time, however long its connection waited.
            line.socket().peek(&mut [0])?;
            let fault = self.weather.fault(dice);
            if fault == Some(Fault::Reset) {
                // Whoever closes while something is unread sends a reset.
                return Ok(());
            }
            let Some(asked) = Asked::read(line)? else { return Ok(()) };
            if self.weather.is_out() {
                return Ok(());
            }
            if let Some(fault) = fault {
                self.answer_badly(line, &asked, fault, dice)?;
            } else {
                self.answer_well(line, &asked)?;
            }
        }
    }

    fn file(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.weather.site.join(path)).ok()
    }

    fn answer_well(&self, line: &mut dyn Line, asked: &Asked) -> io::Result<()> {
        let Some(body) = self.file(&asked.path) else { return plain(line, "404 Not Found", "") };
        let tag = format!("\"{}\"", Digest::of(&body));
        if asked.known_tag.as_ref() == Some(&tag) {
            return plain(line, "304 Not Modified", &format!("ETag: {tag}\r\n"));
        }
        line.write_all(head_of(&body, body.len(), "application/json").as_bytes())?;
        line.write_all(&body)?;
        line.flush()
    }

    fn answer_badly(
        &self,
        line: &mut dyn Line,
        asked: &Asked,
        fault: Fault,
        dice: &mut SeededRandom,
    ) -> io::Result<()> {
        let hangup = || Err(ErrorKind::ConnectionAborted.into());
        let body = self.file(&asked.path).unwrap_or_default();
        let json = "application/json";
        let ok = |line: &mut dyn Line, body: &[u8], length: usize, kind: &str| {
            line.write_all(head_of(body, length, kind).as_bytes())?;
            line.write_all(body)?;
            line.flush()
        };
        match fault {
            Fault::Reset => hangup(),
            Fault::Slow => {
                self.weather.wait(Duration::from_millis(100 + dice.below(2_500)));
                self.answer_well(line, asked)
            }
            Fault::Drip => self.drip(line, &body),
            Fault::Cut => {
                line.write_all(head_of(&body, body.len(), json).as_bytes())?;
                line.write_all(&body[..body.len() / 2])?;
                line.flush()?;
                hangup()
            }
            Fault::TooShort => ok(line, &body, body.len() / 2, json),
            Fault::TooLong => ok(line, &body, body.len() + 100, json),
            Fault::OtherType => ok(line, &body, body.len(), "text/html"),
            Fault::Garbage => {
                let noise = noise(dice);
                ok(line, &noise, noise.len(), json)
            }
            Fault::NotHttp => line.write_all(&noise(dice)).and_then(|()| hangup()),
            Fault::HugeHead => {
                let header = format!("X-Filler: {}\r\n", "x".repeat(1_000));
                plain(line, "200 OK", &header.repeat(1_000))
            }
            Fault::Flipped => {
                let changed = flipped(&body, dice);
                ok(line, &changed, body.len(), json)
            }
            Fault::OtherFile | Fault::Stale | Fault::Forged => {
                let other = self.other(&asked.path, &body, fault, dice);
                ok(line, &other, other.len(), json)
            }
            Fault::Broken => plain(line, "500 Internal Server Error", ""),
            Fault::Busy => {
                let wish = ["0", "0", "1", "3600", "soon", "99999999999999999999"];
                let wish = wish[usize::try_from(dice.below(wish.len() as u64)).unwrap()];
                plain(line, "503 Service Unavailable", &format!("Retry-After: {wish}\r\n"))
            }
            Fault::Gone => plain(line, "404 Not Found", ""),
            Fault::Unmodified => plain(line, "304 Not Modified", ""),
            Fault::Redirect => plain(line, "302 Found", "Location: /manifest.json\r\n"),
        }
    }

    /// Sends next to nothing again and again.
    fn drip(&self, line: &mut dyn Line, body: &[u8]) -> io::Result<()> {
        line.write_all(head_of(body, body.len(), "application/json").as_bytes())?;
        for part in body.chunks((body.len() / 40).max(1)) {
            line.write_all(part)?;
            line.flush()?;
            self.weather.wait(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Another file of the site in the place of one, or a changed one.
    fn other(&self, path: &str, body: &[u8], fault: Fault, dice: &mut SeededRandom) -> Vec<u8> {
        let folder = match (fault, path) {
            (Fault::Forged, MANIFEST_PATH) => {
                return forged(body, dice).unwrap_or_else(|| flipped(body, dice));
            }
            // The same document in other bytes.
            (Fault::Forged, _) => return [body, b" "].concat(),
            (Fault::Stale, MANIFEST_PATH) => "history",
            _ => OBJECTS,
        };
        let entries = fs::read_dir(self.weather.site.join(folder)).into_iter().flatten().flatten();
        let is_plain = |name: &std::path::Path| {
            name.extension().is_none_or(|ending| ending == "json") && name.is_file()
        };
        let mut names: Vec<_> =
            entries.map(|entry| entry.path()).filter(|name| is_plain(name)).collect();
        names.sort();
        let number = usize::try_from(dice.below(names.len() as u64)).unwrap();
        names.get(number).and_then(|name| fs::read(name).ok()).unwrap_or_default()
    }
}

impl Asked {
    /// Reads a request; none: there are no more.
    fn read(line: &mut dyn Line) -> io::Result<Option<Self>> {
        let mut read = Vec::new();
        let mut byte = [0; 1];
        while !read.ends_with(b"\r\n\r\n") {
            if read.len() > HEAD_BYTES_MAX || line.read(&mut byte)? == 0 {
                return Ok(None);
            }
            read.push(byte[0]);
        }
        let text = String::from_utf8_lossy(&read);
        let path = text.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
        let known_tag = text.lines().find_map(|header| {
            let (name, value) = header.split_once(':')?;
            name.eq_ignore_ascii_case("if-none-match").then(|| value.trim().to_owned())
        });
        Ok(Some(Self { path, known_tag }))
    }
}

fn head_of(body: &[u8], length: usize, kind: &str) -> String {
    let tag = Digest::of(body);
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nETag: \"{tag}\"\r\n\r\n"
    )
}

fn plain(line: &mut dyn Line, status: &str, headers: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n");
    line.write_all(head.as_bytes())?;
    line.flush()
}

fn noise(dice: &mut SeededRandom) -> Vec<u8> {
    (0..1 + dice.below(500)).flat_map(|_| dice.draw().to_le_bytes()).collect()
}

/// The bytes with one wrong bit.
fn flipped(body: &[u8], dice: &mut SeededRandom) -> Vec<u8> {
    let mut changed = body.to_vec();
    let place = usize::try_from(dice.below(body.len() as u64)).unwrap();
    if let Some(byte) = changed.get_mut(place) {
        *byte ^= 1 << dice.below(8);
    }
    changed
}

/// A newer manifest in which two documents have changed places: signed by somebody else, or by
/// nobody, or under the signature of the right one.
fn forged(body: &[u8], dice: &mut SeededRandom) -> Option<Vec<u8>> {
    let mut manifest = Manifest::read(body).ok()?.manifest;
    let paths: Vec<_> = manifest.files.keys().cloned().collect();
    let mut any = || paths.get(usize::try_from(dice.below(paths.len() as u64)).unwrap());
    let (one, other) = (any()?.clone(), any()?.clone());
    let (first, second) = (manifest.files[&one].clone(), manifest.files[&other].clone());
    manifest.files.insert(one, second);
    manifest.files.insert(other, first);
    manifest.version += 1;
    match dice.below(3) {
        0 => manifest.signature = Some(jws::sign_detached(&FORGER, &manifest.signed_part())),
        1 => manifest.signature = None,
        _ => {}
    }
    Some(manifest.to_bytes())
}

/// What a server needs for a certificate of its own, and the certificate as PEM.
fn certificate(host: &str) -> (Arc<ServerConfig>, String) {
    let pair = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der()));
    let trusted = pem("CERTIFICATE", pair.cert.der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key);
    (Arc::new(config.unwrap()), trusted)
}
