//! Reads: a document of 2 KB over kept connections, as requests per second of the server's CPU
//! time. One core of wrk is saturated before our server is, so requests per second alone would
//! measure wrk.

use std::{fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use crate::{
    Outcome,
    machine::{OPENSSL, TASKSET, WRK},
    order::Order,
    process::{Running, on_core},
    ratio::{EARLIER, NO_WORSE, Report, Target, median},
    servers::{Pair, bare, muster, nginx},
    talk,
};

const CONNECTIONS: usize = 32;

/// What xRegistry requires of an answer with a document, and our own: an answer without one of
/// them would be too cheap.
const HEADERS: [&str; 16] = [
    "xregistry-entryid",
    "xregistry-versionid",
    "xregistry-self",
    "xregistry-xid",
    "xregistry-epoch",
    "xregistry-isdefault",
    "xregistry-createdat",
    "xregistry-modifiedat",
    "xregistry-ancestorid",
    "xregistry-metaurl",
    "xregistry-versionsurl",
    "xregistry-versionscount",
    "content-location",
    "content-disposition",
    "access-control-allow-methods",
    "link",
];

/// The cores of the server and of the load.
pub(crate) const CORES: (Option<usize>, Option<usize>) = (Some(0), Some(1));

/// A way to ask, its server, and what was measured of it.
pub(crate) struct Contender<'a> {
    pub name: &'static str,
    server: &'a Running,
    address: SocketAddr,
    path: String,
    /// The entity tag to name, where 304 is wanted.
    tag: Option<String>,
    /// The key to show, where one is required.
    key: Option<String>,
    scheme: &'static str,
    rounds: Vec<Round>,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    /// Requests per second of the server's CPU time.
    per_cpu_second: f64,
    per_second: f64,
}

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    WRK.find()?;
    TASKSET.find()?;
    let folder = order.scratch.join("reads");
    let registry = folder.join("registry");
    let muster = muster::start(order, &registry, CORES.0)?;
    muster::bind(&muster)?;
    let document = muster::document(1);
    talk::put(muster.address, &muster::path(1), &document)?;
    let served = folder.join("served");
    fs::create_dir_all(&served)?;
    let file = served.join("document.json");
    fs::write(&file, &document)?;
    let pair = pair(&folder);
    let bare = bare::start(order, &file, CORES.0)?;
    let nginx = match nginx::start(order, &file, pair.as_ref().ok(), CORES.0) {
        Ok(nginx) => Some(nginx),
        Err(error) => {
            report.skip(&format!("reads against nginx: {error}"));
            None
        }
    };
    let before = before(order, &document)?;
    let ours = || Contender::new("muster", &muster, muster.address, muster::path(1));
    let mut documents = vec![ours(), Contender::new("bare axum", &bare, bare.address, bare::PATH)];
    let mut unchanged = vec![ours()];
    if let Some(before) = &before {
        let earlier = || Contender::new(EARLIER, before, before.address, muster::path(1));
        documents.push(earlier());
        unchanged.push(earlier());
    }
    if let Some(nginx) = &nginx {
        let way = |name, address| Contender::new(name, &nginx.running, address, "/document.json");
        documents.push(way("nginx, sendfile on", nginx.with_sendfile));
        documents.push(way("nginx, sendfile off", nginx.without_sendfile));
        unchanged.push(way("nginx", nginx.without_sendfile));
    }
    check(&documents, &document, report)?;
    for contender in &mut unchanged {
        contender.name_tag()?;
    }
    // From here on a key is required, as where people deploy it.
    let key = talk::create_key(muster.address)?;
    let old_key = before.as_ref().map(|before| talk::create_key(before.address)).transpose()?;
    for contender in documents.iter_mut().chain(&mut unchanged) {
        contender.show_key(&key, old_key.as_ref());
    }
    let bytes = document.len();
    report.say(&format!("\nreads: GET of {bytes} bytes, {CONNECTIONS} connections, with a key"));
    compare(order, &mut documents, report)?;
    report.say("\nreads: 304 of the same");
    compare(order, &mut unchanged, report)?;
    judge(&documents, &unchanged, report);
    drop((documents, unchanged));
    muster.stop()?;
    match (pair, &nginx) {
        (Ok(pair), Some(nginx)) => within_tls(order, &registry, &pair, nginx, &key, report),
        (Err(error), _) => {
            report.skip(&format!("reads within TLS: {error}"));
            Ok(())
        }
        (Ok(_), None) => Ok(()),
    }
}

/// The same with a key within TLS, against nginx with the same certificate.
fn within_tls(
    order: &Order,
    registry: &Path,
    pair: &Pair,
    nginx: &nginx::Nginx,
    key: &str,
    report: &mut Report,
) -> Outcome {
    let muster = muster::start_secure(order, registry, pair, CORES.0)?;
    let secure = |name, server, address, path: String| Contender {
        scheme: "https",
        ..Contender::new(name, server, address, path)
    };
    let mut documents = vec![secure("muster", &muster, muster.address, muster::path(1))];
    if let Some(address) = nginx.within_tls {
        let path = "/document.json".to_owned();
        documents.push(secure("nginx, TLS", &nginx.running, address, path));
    }
    documents[0].key = Some(key.to_owned());
    report.say("\nreads: the same with a key, within TLS");
    compare(order, &mut documents, report)?;
    if let [ours, theirs] = &documents[..] {
        let what = "reads: within TLS, of nginx";
        report.result(what, ratio(ours, theirs), "", Target::AtLeast(0.9));
    }
    Ok(())
}

/// A certificate for this computer and its key.
fn pair(folder: &Path) -> Outcome<Pair> {
    let pair = Pair { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    let made = Command::new(OPENSSL.find()?)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-out"])
        .arg(&pair.certificate)
        .arg("-keyout")
        .arg(&pair.key)
        .output()?;
    match made.status.success() {
        true => Ok(pair),
        false => Err(String::from_utf8_lossy(&made.stderr).into_owned().into()),
    }
}

/// The earlier build, with the same document.
fn before(order: &Order, document: &[u8]) -> Outcome<Option<Running>> {
    let Some(earlier) = order.earlier() else { return Ok(None) };
    fs::create_dir_all(&earlier.scratch)?;
    let server = muster::start(&earlier, &earlier.scratch.join("reads"), CORES.0)?;
    muster::bind(&server)?;
    talk::put(server.address, &muster::path(1), document)?;
    Ok(Some(server))
}

/// All must give the same bytes, and ours all headers.
fn check(contenders: &[Contender<'_>], document: &[u8], report: &Report) -> Outcome {
    for contender in contenders {
        let answer = talk::get(contender.address, &contender.path)?;
        if answer.status != 200 || answer.body != document {
            return Err(format!("{} serves something else", contender.name).into());
        }
        report.say(&format!("{}: {} bytes of headers", contender.name, answer.head.len()));
        if contender.name == "muster" {
            let missing = HEADERS.iter().find(|name| answer.header(name).is_none());
            if let Some(missing) = missing {
                return Err(format!("an answer of ours lacks {missing}").into());
            }
        }
    }
    Ok(())
}

pub(crate) fn compare(order: &Order, contenders: &mut [Contender<'_>], report: &Report) -> Outcome {
    if !order.warmup.is_zero() {
        for contender in &mut *contenders {
            contender.load(order.warmup)?;
        }
    }
    for _ in 0..order.rounds {
        for contender in &mut *contenders {
            let round = contender.load(order.round)?;
            contender.rounds.push(round);
        }
    }
    for contender in contenders {
        let per_cpu_second = median(contender.rounds.iter().map(|round| round.per_cpu_second));
        let per_second = median(contender.rounds.iter().map(|round| round.per_second));
        report.say(&format!(
            "{:<20} {:>6.2} us of CPU a request, {per_cpu_second:>8.0} requests/s of CPU, \
             {per_second:>8.0} requests/s",
            contender.name,
            1e6 / per_cpu_second,
        ));
    }
    Ok(())
}

fn judge(documents: &[Contender<'_>], unchanged: &[Contender<'_>], report: &mut Report) {
    let [ours, others @ ..] = documents else { return };
    for other in others {
        let least = match other.name {
            "nginx, sendfile on" => 1.1,
            "nginx, sendfile off" => 0.92,
            EARLIER => NO_WORSE,
            _ => 0.85,
        };
        let what = format!("reads: of {}", other.name);
        report.result(&what, ratio(ours, other), "", Target::AtLeast(least));
    }
    let [ours, others @ ..] = unchanged else { return };
    for other in others {
        let least = if other.name == EARLIER { NO_WORSE } else { 0.9 };
        let what = format!("reads: 304, of {}", other.name);
        report.result(&what, ratio(ours, other), "", Target::AtLeast(least));
    }
}

pub(crate) fn ratio(ours: &Contender<'_>, other: &Contender<'_>) -> f64 {
    let pairs = ours.rounds.iter().zip(&other.rounds);
    median(pairs.map(|(ours, other)| ours.per_cpu_second / other.per_cpu_second))
}

impl<'a> Contender<'a> {
    pub(crate) fn new(
        name: &'static str,
        server: &'a Running,
        address: SocketAddr,
        path: impl Into<String>,
    ) -> Self {
        let (tag, key, path) = (None, None, path.into());
        Self { name, server, address, path, tag, key, scheme: "http", rounds: Vec::new() }
    }

    /// From now on it shows a key, if it is one of ours.
    pub(crate) fn show_key(&mut self, key: &str, earlier: Option<&String>) {
        self.key = match self.name {
            "muster" => Some(key.to_owned()),
            EARLIER => earlier.cloned(),
            _ => None,
        };
    }

    /// From now on it asks whether the document is another than the one that it has.
    fn name_tag(&mut self) -> Outcome {
        let answer = talk::get(self.address, &self.path)?;
        let tag = answer.header("etag").ok_or("an answer without an entity tag")?.to_owned();
        let (path, host) = (&self.path, self.address);
        let again = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nif-none-match: {tag}\r\n\r\n");
        if talk::ask(host, again.as_bytes())?.status != 304 {
            return Err(format!("{} sends again what is known", self.name).into());
        }
        self.tag = Some(tag);
        Ok(())
    }

    /// Runs wrk for a while and reads what it says.
    fn load(&self, time: Duration) -> Outcome<Round> {
        let mut wrk = on_core(&WRK.find()?, CORES.1)?;
        wrk.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{}s", time.as_secs())]);
        if let Some(tag) = &self.tag {
            wrk.args(["-H", &format!("If-None-Match: {tag}")]);
        }
        if let Some(key) = &self.key {
            wrk.args(["-H", &format!("Authorization: Bearer {key}")]);
        }
        wrk.arg(format!("{}://{}{}", self.scheme, self.address, self.path));
        let before = self.server.cpu_time()?;
        let (requests, seconds) = counted(wrk)?;
        let spent = self.server.cpu_time()? - before;
        Ok(Round {
            per_cpu_second: requests / spent.as_secs_f64().max(0.01),
            per_second: requests / seconds,
        })
    }
}

/// Requests and seconds of a run of wrk. One that wasn't answered well spoils it.
fn counted(mut wrk: Command) -> Outcome<(f64, f64)> {
    let output = wrk.output()?;
    let text = String::from_utf8(output.stdout)?;
    if !output.status.success()
        || text.contains("Non-2xx or 3xx responses")
        || text.contains("Socket errors")
    {
        return Err(format!("wrk wasn't answered well: {text}").into());
    }
    counts(&text).ok_or_else(|| format!("wrk says something else: {text}").into())
}

/// The numbers in a line such as `  551327 requests in 5.02s, 1.10GB read`.
fn counts(text: &str) -> Option<(f64, f64)> {
    let line = text.lines().find(|line| line.contains(" requests in "))?;
    let (requests, rest) = line.trim().split_once(" requests in ")?;
    let (time, _) = rest.split_once(',')?;
    let seconds = match time.strip_suffix("ms") {
        Some(milliseconds) => milliseconds.parse::<f64>().ok()? / 1_000.0,
        None => match time.strip_suffix('m') {
            Some(minutes) => minutes.parse::<f64>().ok()? * 60.0,
            None => time.strip_suffix('s')?.parse().ok()?,
        },
    };
    Some((requests.parse().ok()?, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_wrk_says() {
        for (text, expect) in [
            ("  551327 requests in 5.02s, 1.10GB read", Some((551_327.0, 5.02))),
            ("x\n  10 requests in 500.00ms, 1.10KB read\n", Some((10.0, 0.5))),
            ("  10 requests in 1.50m, 1.10KB read", Some((10.0, 90.0))),
            ("unable to connect", None),
        ] {
            assert_eq!(counts(text), expect, "{text}");
        }
    }
}
