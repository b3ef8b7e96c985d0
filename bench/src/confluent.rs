//! Confluent's API: schemas by their ids, durable registrations and compatibility checks, against
//! nginx that serves the same bytes, one thread that calls fdatasync, and Apicurio where it is given.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    Outcome, floor,
    load::{Load, LoadResult, StopCondition},
    machine::WRK,
    order::Order,
    process::{Running, Start, free_address},
    ratio::{Report, Target, median},
    reads::{CORES, Contender, compare, ratio},
    servers::{muster, nginx},
    talk,
};

/// Where our API is, and where Apicurio has it.
const OURS: &str = "/confluent";
const THEIRS: &str = "/apis/ccompat/v7";

/// With how many schemas registrations are measured.
const FEW_AND_MANY: [u64; 2] = [1_000, 100_000];

/// Short enough that few schemas stay few.
const SHORT_ROUND: Duration = Duration::from_millis(500);

const JSON: &str = "content-type: application/vnd.schemaregistry.v1+json\r\n";

/// A registry that is measured.
struct Registry<'a> {
    server: &'a Running,
    base: &'static str,
    key: Option<String>,
}

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let folder = order.scratch.join("confluent");
    fs::create_dir_all(&folder)?;
    let server = muster::start(order, &folder.join("registry"), None)?;
    let key = Some(talk::create_key(server.address)?);
    let ours = Registry { server: &server, base: OURS, key };
    let apicurio = match &order.apicurio {
        Some(jar) => Some(start_apicurio(order, jar)?),
        None => {
            report.skip("Confluent's API against Apicurio: --apicurio JAR names its program");
            None
        }
    };
    let theirs = apicurio.as_ref().map(|server| Registry { server, base: THEIRS, key: None });
    registrations(order, &ours, theirs.as_ref(), report)?;
    checks(order, &ours, theirs.as_ref(), report)?;
    drop(theirs);
    server.stop()?;
    growing(order, &folder, report)?;
    reads(order, &folder, apicurio.as_ref(), report)
}

fn start_apicurio(order: &Order, jar: &Path) -> Outcome<Running> {
    let address = free_address()?;
    let words = [
        "APICURIO_STORAGE_KIND=sql".to_owned(),
        "APICURIO_STORAGE_SQL_KIND=h2".to_owned(),
        "java".to_owned(),
        "-Xmx1g".to_owned(),
        "-Dquarkus.http.host=127.0.0.1".to_owned(),
        format!("-Dquarkus.http.port={}", address.port()),
        "-jar".to_owned(),
        jar.display().to_string(),
    ];
    let server = Start {
        program: Path::new("/usr/bin/env"),
        arguments: words.into(),
        address,
        probe: Some("/apis/ccompat/v7/subjects"),
        core: None,
        log: order.scratch.join("apicurio.log"),
        patience: Duration::from_secs(120),
    }
    .run()?;
    // It compares nothing unless it is told to.
    let body = br#"{"compatibility": "BACKWARD"}"#;
    talk::ask(address, &talk::request("PUT", &format!("{THEIRS}/config"), JSON, body))?;
    Ok(server)
}

impl Registry<'_> {
    fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let key = self.key.as_deref().map(talk::authorization).unwrap_or_default();
        let path = format!("{}{path}", self.base);
        talk::request(method, &path, &format!("{JSON}{key}"), body.as_bytes())
    }

    fn load(
        &self,
        order: &Order,
        write: impl Fn(u64) -> (String, String) + Send + Sync + 'static,
    ) -> Load {
        let (base, key) = (self.base, self.key.clone());
        let key = key.as_deref().map(talk::authorization).unwrap_or_default();
        let write = move |number: u64| {
            let (path, body) = write(number);
            let headers = format!("{JSON}{key}");
            talk::request("POST", &format!("{base}{path}"), &headers, body.as_bytes())
        };
        Load {
            address: self.server.address,
            clients: order.clients,
            write: Arc::new(write),
            next: Arc::new(AtomicU64::new(0)),
        }
    }
}

/// A schema with a name of its own for each subject; the second version of each adds a field.
fn schema(subject: u64, version: u64) -> String {
    let more = match version {
        0 => "",
        _ => r#",{\"name\":\"note\",\"type\":[\"null\",\"string\"],\"default\":null}"#,
    };
    format!(
        r#"{{"schema":"{{\"type\":\"record\",\"name\":\"Order{subject}\",\"namespace\":\"bench\",\"fields\":[{{\"name\":\"id\",\"type\":\"long\"}},{{\"name\":\"customer\",\"type\":\"string\"}},{{\"name\":\"total\",\"type\":\"double\"}},{{\"name\":\"tags\",\"type\":{{\"type\":\"array\",\"items\":\"string\"}}}}{more}]}}"}}"#
    )
}

/// The request that registers a schema; each second one is compared with the one before.
fn registration(number: u64) -> (String, String) {
    let (subject, version) = (number / 2, number % 2);
    (format!("/subjects/bench-{subject}/versions"), schema(subject, version))
}

/// New schemas, half of them compared with an earlier version.
fn registrations(
    order: &Order,
    ours: &Registry<'_>,
    theirs: Option<&Registry<'_>>,
    report: &mut Report,
) -> Outcome {
    report.say(&format!("\nregistrations: {} clients, half are compared", order.clients));
    let load = ours.load(order, registration);
    let peer = theirs.map(|theirs| theirs.load(order, registration));
    let (mut floors, mut rates, mut p99s, mut peers) = (vec![], vec![], vec![], vec![]);
    for _ in 0..order.rounds {
        floors.push(floor::fdatasync(&order.scratch, order.round)?);
        let loaded: LoadResult = load.run(StopCondition::Time(order.round))?;
        rates.push(loaded.rate());
        p99s.push(loaded.p99());
        if let Some(peer) = &peer {
            peers.push(peer.run(StopCondition::Time(order.round))?.rate());
        }
    }
    let of = |others: &[f64]| median(rates.iter().zip(others).map(|(ours, other)| ours / other));
    report.result("registrations: of fdatasync", of(&floors), "", Target::AtLeast(1.0));
    if !peers.is_empty() {
        report.result("registrations: of Apicurio", of(&peers), "", Target::AtLeast(5.0));
    }
    report.result("registrations: p99", median(p99s), " ms", Target::Below(50.0));
    report.fact("registrations: a second", &format!("{:.0}", median(rates)));
    Ok(())
}

/// The same registrations with few schemas and with many, in turns with nothing else.
fn growing(order: &Order, folder: &Path, report: &mut Report) -> Outcome {
    report.say("\nregistrations as the registry grows");
    let server = muster::start(order, &folder.join("growing"), None)?;
    let key = Some(talk::create_key(server.address)?);
    let load = Registry { server: &server, base: OURS, key }.load(order, registration);
    let mut rates = Vec::new();
    for size in FEW_AND_MANY {
        load.run(StopCondition::Count(size.saturating_sub(load.next.load(Ordering::Relaxed))))?;
        let measured = (0..order.rounds).map(|_| load.run(StopCondition::Time(SHORT_ROUND)));
        let measured = measured.collect::<Outcome<Vec<LoadResult>>>()?;
        rates.push(median(measured.iter().map(LoadResult::rate)));
        report.fact(
            &format!("registrations from {size} schemas on: a second"),
            &format!("{:.0}", rates.last().copied().unwrap_or_default()),
        );
    }
    if let [few, many] = rates[..] {
        let what = "registrations: with 100,000 schemas of those with 1,000";
        report.result(what, many / few, "", Target::AtLeast(0.8));
    }
    server.stop()?;
    Ok(())
}

/// Compatibility checks with the newest version.
fn checks(
    order: &Order,
    ours: &Registry<'_>,
    theirs: Option<&Registry<'_>>,
    report: &mut Report,
) -> Outcome {
    report.say(&format!("\ncompatibility checks: {} clients", order.clients));
    for registry in [Some(ours), theirs].into_iter().flatten() {
        let made = registry.request("POST", "/subjects/checked/versions", &schema(0, 0));
        let answer = talk::ask(registry.server.address, &made)?;
        if answer.status != 200 {
            return Err(format!("a registration was answered {}", answer.status).into());
        }
    }
    let check = |_: u64| {
        let path = "/compatibility/subjects/checked/versions/latest".to_owned();
        (path, schema(0, 1))
    };
    let load = ours.load(order, check);
    let peer = theirs.map(|theirs| theirs.load(order, check));
    let (mut rates, mut peers) = (vec![], vec![]);
    for _ in 0..order.rounds {
        rates.push(load.run(StopCondition::Time(order.round))?.rate());
        if let Some(peer) = &peer {
            peers.push(peer.run(StopCondition::Time(order.round))?.rate());
        }
    }
    if !peers.is_empty() {
        let of = median(rates.iter().zip(&peers).map(|(ours, other)| ours / other));
        report.result("checks: of Apicurio", of, "", Target::AtLeast(3.0));
    }
    report.fact("checks: a second", &format!("{:.0}", median(rates)));
    Ok(())
}

/// Schemas by their ids, one core each.
fn reads(order: &Order, folder: &Path, apicurio: Option<&Running>, report: &mut Report) -> Outcome {
    WRK.find()?;
    let server = muster::start(order, &folder.join("read"), CORES.0)?;
    let path = "/schemas/ids/1";
    let register = |address: SocketAddr, base: &str| {
        let request = talk::request(
            "POST",
            &format!("{base}/subjects/read/versions"),
            JSON,
            schema(0, 0).as_bytes(),
        );
        talk::ask(address, &request)
    };
    register(server.address, OURS)?;
    let body = talk::get(server.address, &format!("{OURS}{path}"))?.body;
    let file = folder.join("schema.json");
    fs::write(&file, &body)?;
    let key = talk::create_key(server.address)?;
    let mut ours = Contender::new("muster", &server, server.address, format!("{OURS}{path}"));
    ours.show_key(&key, None);
    let mut contenders = vec![ours];
    let nginx = nginx::start(order, &file, None, CORES.0);
    match &nginx {
        Ok(nginx) => contenders.push(Contender::new(
            "nginx",
            &nginx.running,
            nginx.without_sendfile,
            "/schema.json",
        )),
        Err(error) => report.skip(&format!("schemas by id against nginx: {error}")),
    }
    if let Some(apicurio) = apicurio {
        register(apicurio.address, THEIRS)?;
        contenders.push(Contender::new(
            "Apicurio",
            apicurio,
            apicurio.address,
            format!("{THEIRS}{path}"),
        ));
    }
    let bytes = body.len();
    report.say(&format!("\nschemas by id: GET of {bytes} bytes, with a key"));
    compare(order, &mut contenders, report)?;
    let [ours, others @ ..] = &contenders[..] else { return Ok(()) };
    for other in others {
        let least = if other.name == "nginx" { 1.0 } else { 8.0 };
        let what = format!("schemas by id: of {}", other.name);
        report.result(&what, ratio(ours, other), "", Target::AtLeast(least));
    }
    Ok(())
}
