//! Reads: a document of 2 KB over kept connections, as requests per second of the server's CPU
//! time. One core of wrk is saturated before our server is, so requests per second alone would
//! measure wrk.

use std::{fs, net::SocketAddr, process::Command, time::Duration};

use crate::{
    Outcome,
    machine::{TASKSET, WRK},
    order::Order,
    process::{Running, on_core},
    ratio::{EARLIER, NO_WORSE, Report, Target, median},
    servers::{bare, muster, nginx},
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
const CORES: (Option<usize>, Option<usize>) = (Some(0), Some(1));

/// A way to ask, its server, and what was measured of it.
struct Contender<'a> {
    name: &'static str,
    server: &'a Running,
    address: SocketAddr,
    path: String,
    /// The entity tag to name, where 304 is wanted.
    tag: Option<String>,
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
    let muster = muster::start(order, &folder.join("registry"), CORES.0)?;
    muster::bind(&muster)?;
    let document = muster::document(1);
    talk::put(muster.address, &muster::path(1), &document)?;
    let served = folder.join("served");
    fs::create_dir_all(&served)?;
    let file = served.join("document.json");
    fs::write(&file, &document)?;
    let bare = bare::start(order, &file, CORES.0)?;
    let nginx = match nginx::start(order, &file, CORES.0) {
        Ok(nginx) => Some(nginx),
        Err(error) => {
            report.skip(&format!("reads against nginx: {error}"));
            None
        }
    };
    let ours = || Contender::new("muster", &muster, muster.address, muster::path(1));
    let before = before(order, &document)?;
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
    report.say(&format!("\nreads: GET of {} bytes, {CONNECTIONS} connections", document.len()));
    compare(order, &mut documents, report)?;
    report.say("\nreads: 304 of the same");
    for contender in &mut unchanged {
        contender.name_tag()?;
    }
    compare(order, &mut unchanged, report)?;
    judge(&documents, &unchanged, report);
    Ok(())
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

fn compare(order: &Order, contenders: &mut [Contender<'_>], report: &Report) -> Outcome {
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
            "nginx, sendfile on" => 1.0,
            EARLIER => NO_WORSE,
            _ => 0.85,
        };
        let what = format!("reads: of {}", other.name);
        report.result(&what, ratio(ours, other), "", Target::AtLeast(least));
    }
    let [ours, others @ ..] = unchanged else { return };
    for other in others {
        let least = if other.name == EARLIER { NO_WORSE } else { 0.85 };
        let what = format!("reads: 304, of {}", other.name);
        report.result(&what, ratio(ours, other), "", Target::AtLeast(least));
    }
}

fn ratio(ours: &Contender<'_>, other: &Contender<'_>) -> f64 {
    let pairs = ours.rounds.iter().zip(&other.rounds);
    median(pairs.map(|(ours, other)| ours.per_cpu_second / other.per_cpu_second))
}

impl<'a> Contender<'a> {
    fn new(
        name: &'static str,
        server: &'a Running,
        address: SocketAddr,
        path: impl Into<String>,
    ) -> Self {
        Self { name, server, address, path: path.into(), tag: None, rounds: Vec::new() }
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
        wrk.arg(format!("http://{}{}", self.address, self.path));
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
