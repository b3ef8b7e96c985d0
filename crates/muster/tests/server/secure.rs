//! https: the certificate and its replacement, and what the command line says of servers that it
//! doesn't trust.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore,
    client::{Resumption, Tls12Resumption},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;

use crate::{
    harness::{CommandOutput, PATIENCE, Server, ended, program, run, signal, spawn},
    identity::{Secure, greet, greet_as, pem, trusting},
};

/// An authority, and a folder with the certificates that it signs.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    roots: RootCertStore,
}

impl Authority {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), pem("CERTIFICATE", certificate.der())).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        Self { folder, issuer: Issuer::new(params, key), roots }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for a name until a year, and its key, as PEM; and its bytes.
    fn sign(&self, name: &str, year: i32) -> (String, String, Vec<u8>) {
        self.sign_until(name, rcgen::date_time_ymd(year, 1, 1).into())
    }

    /// The same, until a moment.
    fn sign_until(&self, name: &str, end: SystemTime) -> (String, String, Vec<u8>) {
        let mut params =
            CertificateParams::new(name.split(',').map(str::to_owned).collect::<Vec<_>>()).unwrap();
        params.not_after = end.into();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let texts =
            (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &key.serialize_der()));
        (texts.0, texts.1, certificate.der().to_vec())
    }

    /// Puts a pair where the server reads it, one file after the other.
    fn put(&self, pair: &(String, String, Vec<u8>)) {
        fs::write(self.file("chain.pem"), &pair.0).unwrap();
        fs::write(self.file("key.pem"), &pair.1).unwrap();
    }

    fn flags(&self) -> [String; 4] {
        let name = |name| self.file(name).display().to_string();
        ["--tls-cert".into(), name("chain.pem"), "--tls-key".into(), name("key.pem")]
    }

    fn serve(&self, pair: &(String, String, Vec<u8>)) -> Server {
        self.put(pair);
        let flags = self.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        Server::in_memory(&flags)
    }

    fn connect(&self, address: SocketAddr) -> Secure {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        greet(stream, self.roots.clone())
    }

    /// The certificate that new connections get.
    fn served(&self, address: SocketAddr) -> Vec<u8> {
        let mut stream = self.connect(address);
        get(&mut stream, "/health/live").unwrap();
        stream.conn.peer_certificates().unwrap()[0].to_vec()
    }

    fn wait_for(&self, address: SocketAddr, certificate: &[u8]) {
        let until = Instant::now() + PATIENCE;
        while self.served(address) != certificate {
            assert!(Instant::now() < until, "the new certificate isn't served");
        }
    }
}

/// Asks for a path, and gives the answer's head and body.
fn get(stream: &mut Secure, path: &str) -> std::io::Result<String> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
    let mut read = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        if body.len() >= length {
            return Ok(text.into_owned());
        }
    }
}

#[test]
fn replaces_the_certificate_under_load_without_a_failed_request() {
    let authority = Authority::new();
    let server = authority.serve(&authority.sign("localhost", 2040));
    let (ends, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for keeps in [true, true, false, false] {
            let (authority, ends, answered) = (&authority, &ends, &answered);
            let address = server.address;
            scope.spawn(move || {
                let mut stream = authority.connect(address);
                while !ends.load(Ordering::Relaxed) {
                    if !keeps {
                        stream = authority.connect(address);
                    }
                    let text = get(&mut stream, "/api").unwrap();
                    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for number in 0..6 {
            let before = answered.load(Ordering::Relaxed);
            let next = authority.sign("localhost", 2041 + number);
            authority.put(&next);
            if number % 2 == 0 {
                signal(server.process(), "HUP");
            }
            authority.wait_for(server.address, &next.2);
            // The files are looked at on their own too: a signal that comes after such a look must
            // not meet the next pair half written.
            let told = usize::try_from(number / 2 + 1).unwrap();
            let until = Instant::now() + PATIENCE;
            while server.log().matches(r#""cause":"SIGHUP""#).count() < told {
                assert!(Instant::now() < until, "{}", server.log());
            }
            let until = Instant::now() + PATIENCE;
            while answered.load(Ordering::Relaxed) < before + 20 {
                assert!(Instant::now() < until, "nobody is answered any more");
                std::thread::yield_now();
            }
        }
        ends.store(true, Ordering::Relaxed);
    });
    assert!(!server.log().contains("goes on being served"), "{}", server.log());
}

#[test]
fn shows_a_new_certificate_to_clients_that_come_back() {
    let authority = Authority::new();
    let (first, second) = (authority.sign("localhost", 2040), authority.sign("localhost", 2041));
    let server = authority.serve(&first);
    let client = |version, resumption| {
        let mut client = trusting(authority.roots.clone(), &[version]);
        client.resumption = Resumption::in_memory_sessions(8).tls12_resumption(resumption);
        Arc::new(client)
    };
    let clients = [
        client(&TLS13, Tls12Resumption::Disabled),
        client(&TLS12, Tls12Resumption::SessionIdOrTickets),
        client(&TLS12, Tls12Resumption::SessionIdOnly),
    ];
    let comes = |client: &Arc<ClientConfig>| {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stream = greet_as(client, stream);
        get(&mut stream, "/health/live").unwrap();
        let shown = stream.conn.peer_certificates().unwrap()[0].to_vec();
        (stream.conn.handshake_kind().unwrap(), shown)
    };
    for client in &clients {
        assert_eq!(comes(client), (HandshakeKind::Full, first.2.clone()));
        assert_eq!(comes(client), (HandshakeKind::Resumed, first.2.clone()));
    }
    // The same certificate is no reason to forget anybody.
    authority.put(&first);
    signal(server.process(), "HUP");
    let until = Instant::now() + PATIENCE;
    while !server.log().contains("the certificate was read again") {
        assert!(Instant::now() < until, "{}", server.log());
    }
    assert!(server.log().contains("2040-01-01T00:00:00Z"), "{}", server.log());
    for client in &clients {
        assert_eq!(comes(client).0, HandshakeKind::Resumed);
    }
    authority.put(&second);
    signal(server.process(), "HUP");
    authority.wait_for(server.address, &second.2);
    for client in &clients {
        assert_eq!(comes(client), (HandshakeKind::Full, second.2.clone()));
        assert_eq!(comes(client).0, HandshakeKind::Resumed);
    }
}

#[test]
fn keeps_the_old_certificate_while_the_new_one_cannot_be_used() {
    let authority = Authority::new();
    let (first, second) = (authority.sign("localhost", 2040), authority.sign("localhost", 2041));
    let server = authority.serve(&first);
    let ready = || get(&mut authority.connect(server.address), "/health/ready").unwrap();
    assert!(!ready().contains("warning"));
    fs::write(authority.file("chain.pem"), &second.0).unwrap();
    let until = Instant::now() + PATIENCE;
    while !ready().contains("doesn't belong to the certificate") {
        assert!(Instant::now() < until, "{}", ready());
    }
    assert!(ready().starts_with("HTTP/1.1 200 "));
    // Everybody reads this: the files are named, and not where they lie.
    assert!(ready().contains("key.pem in") || ready().contains("in key.pem"), "{}", ready());
    let folder = authority.folder.path().display().to_string();
    assert!(!ready().contains(&folder), "{}", ready());
    assert!(server.log().contains(&folder), "{}", server.log());
    assert_eq!(authority.served(server.address), first.2);
    assert!(server.log().contains("the old certificate goes on being served"));
    fs::write(authority.file("key.pem"), &second.1).unwrap();
    authority.wait_for(server.address, &second.2);
    while ready().contains("warning") {
        assert!(Instant::now() < until, "{}", ready());
    }
}

#[test]
fn says_why_a_server_does_not_start() {
    let authority = Authority::new();
    let (first, second) = (authority.sign("localhost", 2040), authority.sign("localhost", 2040));
    for (certificate, key, expect) in [
        (Some(&first.0), None, "key.pem can't be read"),
        (Some(&first.1), Some(&first.1), "chain.pem holds no certificate in PEM"),
        (Some(&first.0), Some(&second.1), "doesn't belong to the certificate"),
    ] {
        for (name, text) in [("chain.pem", certificate), ("key.pem", key)] {
            match text {
                Some(text) => fs::write(authority.file(name), text).unwrap(),
                None => drop(fs::remove_file(authority.file(name))),
            }
        }
        let flags = authority.flags();
        let flags: Vec<&str> =
            ["--memory"].into_iter().chain(flags.iter().map(String::as_str)).collect();
        let (mut child, scratch) = spawn(&flags, &[]);
        assert_eq!(ended(&mut child).code(), Some(1), "{expect}");
        let said = fs::read_to_string(scratch.path().join("log")).unwrap();
        assert!(said.contains(expect) && said.contains("[bad_certificate]"), "{said}");
        assert!(said.contains("help: "), "{said}");
    }
}

#[test]
fn warns_of_a_certificate_that_has_expired_and_serves_it() {
    let authority = Authority::new();
    let expired = authority.sign("localhost", 2020);
    let server = authority.serve(&expired);
    assert!(server.greeting.contains("https://"), "{}", server.greeting);
    assert!(server.log().contains("the certificate has expired"), "{}", server.log());
    client(&authority, &server.url("localhost"), Some("ca.pem"), "not_trusted", "has expired");
    // It is said once, however often the files are read again.
    for times in 1..=3 {
        signal(server.process(), "HUP");
        let until = Instant::now() + PATIENCE;
        while server.log().matches("the certificate was read again").count() < times {
            assert!(Instant::now() < until, "{}", server.log());
        }
    }
    assert_eq!(server.log().matches("the certificate has expired").count(), 1, "{}", server.log());
}

#[test]
fn warns_of_a_certificate_that_ends_within_two_weeks() {
    let authority = Authority::new();
    let day = Duration::from_secs(24 * 60 * 60);
    let (near, far) = (SystemTime::now() + 13 * day, SystemTime::now() + 15 * day);
    let (near, far) =
        (authority.sign_until("localhost", near), authority.sign_until("localhost", far));
    let server = authority.serve(&near);
    assert!(server.log().contains("the certificate expires soon"), "{}", server.log());
    let ready = || get(&mut authority.connect(server.address), "/health/ready").unwrap();
    let wait = |is_warned| {
        let until = Instant::now() + PATIENCE;
        while ready().contains("the certificate expires at 20") != is_warned {
            assert!(Instant::now() < until, "{}", ready());
        }
    };
    wait(true);
    authority.put(&far);
    wait(false);
    assert!(!ready().contains("warning"), "{}", ready());
}

#[test]
fn goes_on_after_a_hang_up_with_or_without_a_certificate() {
    let authority = Authority::new();
    let secure = authority.serve(&authority.sign("localhost", 2040));
    for mut server in [Server::in_memory(&[]), secure] {
        signal(server.process(), "HUP");
        // It isn't the signal that the next one ends it by.
        assert!(server.is_running());
        let (status, log) = server.stop();
        assert!(status.success(), "{status} {log}");
        assert!(log.contains("muster has stopped"), "{log}");
    }
    // Also before it is ready: it is asked as soon as it has said that it starts.
    let (mut child, scratch) = spawn(&["--memory", "--demo"], &[]);
    let log = || fs::read_to_string(scratch.path().join("log")).unwrap();
    let until = Instant::now() + PATIENCE;
    while !log().contains("muster starts") {
        assert!(Instant::now() < until, "{}", log());
    }
    signal(child.id(), "HUP");
    while !log().contains("muster is ready") {
        assert!(Instant::now() < until && child.try_wait().unwrap().is_none(), "{}", log());
    }
    signal(child.id(), "TERM");
    assert!(ended(&mut child).success());
}

/// What `muster status` says of a server.
fn client(authority: &Authority, url: &str, ca: Option<&str>, code: &str, says: &str) {
    let mut arguments = vec!["status", "--server", url];
    let file = ca.map(|name| authority.file(name).display().to_string());
    if let Some(file) = &file {
        arguments.extend(["--ca-cert", file]);
    }
    let ran = run(Path::new("."), &arguments);
    if code.is_empty() {
        assert_eq!(ran.code, Some(0), "{ran:?}");
    } else {
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains(&format!("[{code}]")) && ran.err.contains(says), "{}", ran.err);
    }
}

#[test]
fn says_that_the_certificate_of_an_authority_is_no_servers() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    let text = pem("CERTIFICATE", certificate.der());
    fs::write(authority.file("both.pem"), &text).unwrap();
    let server = authority.serve(&(text, pem("PRIVATE KEY", &key.serialize_der()), Vec::new()));
    let url = server.url("localhost");
    client(&authority, &url, Some("both.pem"), "not_trusted", "is for signing others");
}

#[test]
fn tells_why_a_server_is_not_trusted_and_which_address_to_use() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = authority.serve(&authority.sign("localhost", 2040));
    let plain = Server::in_memory(&[]);
    let url = server.url("localhost");
    client(&authority, &url, Some("ca.pem"), "", "");
    client(&other, &url, Some("ca.pem"), "not_trusted", "signed by nobody who is trusted here");
    let wrong = server.url("127.0.0.1");
    client(&authority, &wrong, Some("ca.pem"), "not_trusted", "its certificate is for localhost");
    client(&authority, &url, Some("none.pem"), "bad_certificate", "can't be read");
    client(&authority, &url, Some("key.pem"), "bad_certificate", "holds no certificate");
    server.get("/api").refused(400, "tls_required");
    let clear = url.replacen("https", "http", 1);
    client(&authority, &clear, None, "other_scheme", &format!("try {url}"));
    let (spoken, secure) =
        (plain.url("127.0.0.1"), plain.url("127.0.0.1").replacen("http", "https", 1));
    client(&authority, &secure, Some("ca.pem"), "other_scheme", &format!("try {spoken}"));
    plain.get("/health/live").expect(200);
    // Of a certificate with addresses, they are told as well.
    let numbered = authority.serve(&authority.sign("localhost,127.0.0.2", 2040));
    let told = "its certificate is for localhost, 127.0.0.2";
    client(&authority, &numbered.url("127.0.0.1"), Some("ca.pem"), "not_trusted", told);
}

#[test]
fn the_metrics_tell_when_the_certificate_expires() {
    let authority = Authority::new();
    let server = authority.serve(&authority.sign("localhost", 2040));
    let text = get(&mut authority.connect(server.address), "/metrics").unwrap();
    // The first of January 2040.
    assert!(
        text.lines().any(|line| line == "muster_certificate_expires_seconds 2208988800"),
        "{text}"
    );
}

#[test]
fn both_ends_of_a_copy_are_trusted_by_the_same_file() {
    let authority = Authority::new();
    let pair = authority.sign("localhost", 2050);
    let (ours, theirs) = (authority.serve(&pair), authority.serve(&pair));
    let folder = TempDir::new().unwrap();
    let at = |server: &Server| format!("https://localhost:{}", server.address.port());
    let (server, other) = (at(&ours), at(&theirs));
    let ca = authority.file("ca.pem").display().to_string();
    for (what, flag) in [("import", "--from"), ("export", "--to")] {
        let words = [what, "confluent", flag, &other, "--server", &server];
        run(folder.path(), &[&words[..], &["--ca-cert", &ca]].concat()).expect(0);
        let set = program(folder.path()).args(words).env("MUSTER_CA_CERT", &ca).output().unwrap();
        CommandOutput::of(&set).expect(0);
        let refused = run(folder.path(), &words).expect(1).err;
        assert!(refused.contains("[not_trusted]") && refused.contains("--ca-cert"), "{refused}");
    }
    // The certificate is for another name: the flag of the end that has it is named.
    let unnamed = format!("https://127.0.0.1:{}", theirs.address.port());
    let words = ["import", "confluent", "--from", &unnamed, "--server", &server];
    let refused = run(folder.path(), &[&words[..], &["--ca-cert", &ca]].concat()).expect(1).err;
    assert!(refused.contains("--from https://NAME:PORT"), "{refused}");
}
