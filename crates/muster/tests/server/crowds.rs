//! Many clients at one document: each write has an epoch of its own, and a state has one winner.

use std::collections::BTreeSet;

use crate::{
    client::{Answer, Ask, Client},
    harness::Server,
};

const DOCUMENT: &str = "/api/configs/app/entries/hot";
const DETAILS: &str = "/api/configs/app/entries/hot$details";
const CLIENTS: usize = 64;
const WRITES: usize = 20;

/// Lets every client do its writes at once, and answers what all of them were told.
fn crowd(server: &Server, ask: impl Fn(usize, usize) -> Ask + Sync) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let ask = &ask;
                scope.spawn(move || {
                    let mut connection = Client::connect(server.address);
                    (0..WRITES).map(|write| connection.ask(&ask(client, write))).collect()
                })
            })
            .collect();
        let told: Vec<Vec<Answer>> = clients.into_iter().map(|one| one.join().unwrap()).collect();
        told.concat()
    })
}

fn epoch(answer: &Answer) -> u64 {
    match answer.header("xregistry-epoch") {
        Some(epoch) => epoch.parse().unwrap(),
        None => answer.json()["epoch"].as_u64().unwrap(),
    }
}

#[test]
fn gives_each_of_many_writes_an_epoch_of_its_own() {
    let server = Server::in_memory(&[]);
    server.put(DOCUMENT, "0").expect(201);
    let puts = |client, write| Ask::json("PUT", DOCUMENT, format!("[{client},{write}]"));
    let patches = |client, write| {
        Ask::json("PATCH", DETAILS, format!(r#"{{"labels":{{"c{client}":"{write}"}}}}"#))
    };
    let mut last = 1;
    for answers in [crowd(&server, puts), crowd(&server, patches)] {
        assert!(answers.iter().all(|answer| answer.status == 200));
        let epochs: BTreeSet<u64> = answers.iter().map(epoch).collect();
        let expect: BTreeSet<u64> = (last + 1..=last + (CLIENTS * WRITES) as u64).collect();
        assert_eq!(epochs, expect, "an epoch is missing, or was given twice");
        last += (CLIENTS * WRITES) as u64;
    }
    // What the last one wrote is there.
    assert_eq!(epoch(&server.get(DOCUMENT)), last);
}

#[test]
fn lets_one_of_many_win_each_state() {
    let server = Server::in_memory(&[]);
    let mut tag = server.put(DOCUMENT, "0").expect(201).etag();
    for round in 0..10 {
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let (server, tag) = (&server, &tag);
                    let body = format!("[{round},{client}]");
                    let ask = Ask::json("PUT", DOCUMENT, body).header("If-Match", tag.clone());
                    scope.spawn(move || server.ask(&ask))
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1, "round {round}");
        assert!(lost.iter().all(|answer| answer.code() == "precondition_failed"));
        let now = server.get(DOCUMENT).expect(200);
        assert_eq!((now.body.as_slice(), now.etag()), (won[0].body.as_slice(), won[0].etag()));
        tag = won[0].etag();
    }
}

#[test]
fn makes_a_name_once_however_many_ask_for_it() {
    let server = Server::in_memory(&[]);
    let answers = crowd(&server, |client, write| {
        let path = format!("/api/configs/app/entries/n{write}");
        Ask::json("PUT", path, client.to_string()).header("If-None-Match", "*")
    });
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let lost = answers.iter().filter(|answer| answer.code() == "precondition_failed").count();
    assert_eq!((made, lost), (WRITES, (CLIENTS - 1) * WRITES));
    assert_eq!(server.get("/api/configs/app").json()["entriescount"], WRITES as u64);
}

#[test]
fn watchers_lock_nobody_out_however_few_files_may_be_open() {
    // The hard limit as well, so that the server can't raise it.
    let shell = "ulimit -n 256; exec \"$0\" \"$@\"";
    let server = Server::under(shell, &["--memory"], &[]);
    assert!(server.log().contains("fewer files than limits.connections"), "{}", server.log());
    server.put(DOCUMENT, "0").expect(201);
    let mut open = Vec::new();
    let mut refused = 0;
    for _ in 0..300 {
        let Ok(mut client) = Client::try_connect(server.address) else { continue };
        match client.begin("/changes") {
            Some(200) => open.push(client),
            _ => refused += 1,
        }
    }
    assert!(open.len() >= 100, "{} watchers", open.len());
    assert!(refused >= 100, "{refused} were refused");
    // Everybody else is served, again and again.
    for _ in 0..20 {
        server.get("/health/live").expect(200);
        server.get("/health/ready").expect(200);
        server.get(DOCUMENT).expect(200);
        server.put(DOCUMENT, "1").expect(200);
    }
    assert!(!server.log().contains("can't be accepted"), "{}", server.log());
}

#[test]
fn the_limit_of_open_files_is_raised_where_it_may_be() {
    let shell = "ulimit -S -n 128; exec \"$0\" \"$@\"";
    let server = Server::under(shell, &["--memory"], &[]);
    assert!(!server.log().contains("fewer files than"), "{}", server.log());
    let open: Vec<_> = (0..200).map(|_| Client::connect(server.address)).collect();
    server.get("/health/live").expect(200);
    assert_eq!(open.len(), 200);
}
