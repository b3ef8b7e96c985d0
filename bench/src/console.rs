//! Pages of the console, rendered from so many documents, against a file of the same size through
//! nginx; each server on one core.

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    Outcome,
    load::percentile,
    machine::TASKSET,
    order::Order,
    ratio::{Report, Target},
    reads::CORES,
    servers::{muster, nginx},
    talk,
};

/// The number with which the ids of documents begin.
const ID_BEGIN: u64 = 1_000_000;

/// Documents that one request brings while the registry is filled.
const AT_ONCE: u64 = 500;

/// Requests for each page.
const REQUESTS: usize = 300;

/// What a page may take at most, and a drawing of as many names as one has.
const PAGE_MS: f64 = 20.0;
const DRAWING_MS: f64 = 200.0;

/// The names that the middle of the drawing refers to; 500 are drawn.
const NAMES: u64 = 500;

/// The pages that people open most, and what each may take.
const PAGES: [(&str, &str, f64); 7] = [
    ("the overview", "/console", PAGE_MS),
    ("a group", "/console/browse/providers/g1", PAGE_MS),
    ("a collection", "/console/browse/providers/g1/entries", PAGE_MS),
    (
        "a collection, sorted and filtered",
        "/console/browse/providers/g1/entries?sort=monthly_cost_range%3Ddesc&where=monthly_cost_range%20%3C%20100",
        PAGE_MS,
    ),
    ("a document", "/console/browse/providers/g1/entries/d1", PAGE_MS),
    ("a search by a word", "/console/search?q=word7", PAGE_MS),
    ("a drawing of 500 names", "/console/graph?around=/kits/all/entries/hub", DRAWING_MS),
];

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    TASKSET.find()?;
    let size = order.sizes.iter().copied().max().unwrap_or(100_000);
    let folder = order.scratch.join("console");
    fs::create_dir_all(&folder)?;
    let server = muster::start(order, &folder.join("registry"), CORES.0)?;
    fill(server.address, size)?;
    refer(server.address)?;
    report.say(&format!("\nconsole: {size} documents, {REQUESTS} requests for each page"));
    for (what, path, most) in PAGES {
        let (page, bytes) = measure(server.address, path)?;
        let file = folder.join("page.html");
        fs::write(&file, vec![b'x'; bytes])?;
        let name = format!("console at {size}: {what} of {bytes} bytes, p99");
        report.result(&name, page, " ms", Target::Below(most));
        match nginx::start(order, &file, None, CORES.0) {
            Ok(nginx) => {
                let (plain, _) = measure(nginx.with_sendfile, "/page.html")?;
                report
                    .fact(&format!("{what}: its time to nginx's"), &format!("{:.1}", page / plain));
            }
            Err(why) => report.skip(&format!("the same bytes through nginx: {why}")),
        }
    }
    server.stop()
}

/// Puts documents into 100 groups.
fn fill(address: SocketAddr, size: u64) -> Outcome {
    for begin in (0..size).step_by(usize::try_from(AT_ONCE)?) {
        let entries: Vec<String> = (begin..size.min(begin + AT_ONCE)).map(entry).collect();
        let path = format!("/api/providers/g{}/entries", begin / AT_ONCE % 100);
        let body = format!("{{{}}}", entries.join(","));
        let json = "content-type: application/json\r\n";
        let answer = talk::ask(address, &talk::request("POST", &path, json, body.as_bytes()))?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body);
            return Err(format!("POST {path} was answered {}: {said}", answer.status).into());
        }
    }
    // Words are followed beside writes.
    let until = Instant::now() + Duration::from_secs(300);
    while Instant::now() < until {
        let status = talk::get(address, "/search?q=word7&limit=1")?;
        if String::from_utf8_lossy(&status.body).contains("\"text_behind\": 0") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err("the index of words didn't catch up".into())
}

/// Puts a document that refers to many others.
fn refer(address: SocketAddr) -> Outcome {
    let source = talk::get(address, "/api/modelsource")?;
    let mut source: Value = serde_json::from_slice(&source.body)?;
    let references = json!([{"field": "/parts/*", "collection": "/providers/entries"}]);
    source["groups"]["kits"] = json!({
        "singular": "kit",
        "resources": {"entries": {
            "singular": "entry",
            "labels": {"muster.references": references.to_string()},
        }},
    });
    let parts: Vec<String> =
        (0..NAMES).map(|number| format!("/providers/g0/entries/d{}", number + ID_BEGIN)).collect();
    let hub = json!({"hub": {"contenttype": "application/json", "entry": {"parts": parts}}});
    let json = "content-type: application/json\r\n";
    for (method, path, body) in
        [("PUT", "/api/modelsource", source), ("POST", "/api/kits/all/entries", hub)]
    {
        let request = talk::request(method, path, json, body.to_string().as_bytes());
        let answer = talk::ask(address, &request)?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body);
            return Err(format!("{method} {path} was answered {}: {said}", answer.status).into());
        }
    }
    Ok(())
}

fn entry(number: u64) -> String {
    let (cost, level) = (number * 7 % 1_000, number % 5);
    // `d1` must be in the group that the pages show.
    let id = if number == AT_ONCE { 1 } else { number + ID_BEGIN };
    format!(
        r#""d{id}":{{"contenttype":"application/json","entry":{{"provider_type":"kind_{level}","key_features":["feature_{}","feature_{}"],"monthly_cost_range":[{cost},{}],"complexity_level":"level_{level}","text":"word{} of many words"}}}}"#,
        number % 200,
        number % 31,
        cost + 100,
        number % 1_000,
    )
}

/// The 99th percentile of a page's time in milliseconds, and its bytes.
fn measure(address: SocketAddr, path: &str) -> Outcome<(f64, usize)> {
    let mut waits = Vec::with_capacity(REQUESTS);
    let mut bytes = 0;
    for _ in 0..REQUESTS {
        let asked = Instant::now();
        let answer = talk::get(address, path)?;
        waits.push(asked.elapsed());
        if answer.status != 200 {
            return Err(format!("{path} was answered {}", answer.status).into());
        }
        bytes = answer.body.len();
    }
    Ok((percentile(waits, 99), bytes))
}
