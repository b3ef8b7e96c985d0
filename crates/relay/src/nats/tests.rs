#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use async_trait::async_trait;
use muster_guard::{
    addresses::AddressFilter,
    secret_references::{SecretList, SecretSources},
};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{
    connection::{ServerFrame, parse},
    *,
};
use crate::{http_sender::Resolve, trust};

/// The example of NATS's documentation of nkeys, and its public text.
const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

#[test]
fn reads_frames_however_they_are_cut() {
    let message = |status: Option<&str>, body: &str| ServerFrame::Message {
        subject: "_INBOX.1".to_owned(),
        status: status.map(str::to_owned),
        body: body.as_bytes().to_vec(),
    };
    for (text, expect) in [
        ("INFO {\"a\":1} \r\n", Some(ServerFrame::Info(json!({"a": 1})))),
        ("PING\r\n", Some(ServerFrame::Ping)),
        ("pong\r\n", Some(ServerFrame::Pong)),
        ("+OK\r\n", Some(ServerFrame::Done)),
        ("-ERR 'No \u{7}entry'\r\n", Some(ServerFrame::Error("No entry".to_owned()))),
        ("MSG _INBOX.1 1 2\r\nab\r\n", Some(message(None, "ab"))),
        ("MSG _INBOX.1 1 reply.to 0\r\n\r\n", Some(message(None, ""))),
        ("HMSG _INBOX.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n", Some(message(Some("503"), ""))),
        ("HMSG _INBOX.1 1 18 20\r\nNATS/1.0\r\na: b\r\n\r\nok\r\n", Some(message(None, "ok"))),
        ("INFO {\r\n", None),
        ("MSG _INBOX.1 1\r\n", None),
        ("MSG _INBOX.1 1 x\r\n", None),
        ("MSG _INBOX.1 1 2\r\nabc\r\n", None),
        ("MSG _INBOX.1 1 99999999999\r\n", None),
        ("HMSG _INBOX.1 1 3 2\r\nab\r\n", None),
        ("HTTP/1.1 400 Bad Request\r\n", None),
    ] {
        let behind = [text.as_bytes(), b"PING\r\n"].concat();
        let found = parse(&behind).map(|found| found.unwrap());
        assert_eq!(found, expect.map(|frame| (frame, text.len())), "{text:?}");
        for end in 0..text.len() {
            let part = parse(&text.as_bytes()[..end]);
            // What is malformed may show early, but nothing is read that isn't whole.
            assert!(matches!(part, None | Some(None)), "{text:?} {end}");
            assert!(found.is_none() || part == Some(None), "{text:?} {end}");
        }
    }
    assert_eq!(parse(&vec![b'a'; 70_000]), None);
}

#[test]
fn reads_credentials_in_their_four_forms() {
    let file = format!(
        "-----BEGIN NATS USER JWT-----\r\neyJ0.a.b\r\n------END NATS USER JWT------\r\n\r\n\
         -----BEGIN USER NKEY SEED-----\r\n{SEED}\r\n------END USER NKEY SEED------\r\n"
    );
    let wrong = SEED.replace("U3VY", "U3VX");
    let account = SEED.replacen("SU", "SA", 1);
    for (secret, expect) in [
        ("word", Some(json!({"auth_token": "word"}))),
        ("me:pass:word\n", Some(json!({"user": "me", "pass": "pass:word"}))),
        (SEED, Some(json!({"nkey": PUBLIC}))),
        (&file, Some(json!({"jwt": "eyJ0.a.b"}))),
        // One with a wrong sum, or an account's, is secret all the same.
        (&wrong, None),
        (&account, None),
        ("", None),
        ("-----BEGIN NATS USER JWT-----\neyJ0\n", None),
    ] {
        let Some(credentials) = NatsCredentials::read(secret) else {
            assert_eq!(expect, None, "{secret}");
            continue;
        };
        let mut said = Map::new();
        credentials.add_to(&mut said, Some("nonce")).unwrap();
        if matches!(credentials, NatsCredentials::Key { .. }) {
            assert_eq!(said.remove("sig").unwrap().as_str().unwrap().len(), 86);
            assert!(credentials.add_to(&mut Map::new(), None).is_none());
        }
        assert_eq!(Some(Value::Object(said)), expect, "{secret}");
    }
}

struct Nowhere;

#[async_trait]
impl Resolve for Nowhere {
    async fn addresses(&self, _name: &str) -> Vec<std::net::IpAddr> {
        Vec::new()
    }
}

/// Says one thing after the other; between two of them it reads up to a text.
async fn act(mut stream: TcpStream, script: &[(&str, &str)]) -> String {
    let mut heard = String::new();
    for (until, says) in script {
        let from = heard.len();
        while !heard[from..].contains(until) {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.unwrap();
            if length == 0 {
                return heard;
            }
            heard.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        // The subject on which it waits for the answer.
        let inbox = heard.rsplit("HPUB m.s.created ").next().unwrap_or_default();
        let inbox = inbox.split(' ').next().unwrap_or_default().to_owned();
        let says = says.replace("INBOX", &inbox);
        if stream.write_all(says.as_bytes()).await.is_err() {
            break;
        }
    }
    heard
}

async fn outcome_of(
    sender: &NatsSender,
    listener: &TcpListener,
    body: &'static [u8],
    script: &[(&str, &str)],
) -> (TryOutcome, String) {
    let filter = AddressFilter::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let connector = Connector::new(filter, trust(None).unwrap(), Arc::new(Nowhere));
    let sources = SecretSources { variable: Arc::new(|_| None) };
    let secrets = SecretList::read(&[], sources).unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let document = json!({"kind": "nats", "url": url, "timeout_seconds": 1});
    let target = RelayTarget::read(document).unwrap();
    let crate::target::TargetKind::Nats(nats) = &target.kind else { panic!("{target:?}") };
    let message = NatsMessage {
        subject: "m.s.created".to_owned(),
        id: "msg_1".to_owned(),
        body: Bytes::from_static(body),
    };
    let acting = async {
        if script.is_empty() {
            return String::new();
        }
        let (stream, _) = listener.accept().await.unwrap();
        act(stream, script).await
    };
    tokio::join!(sender.deliver((&connector, &secrets, [7; 32]), (&target, nats), &message), acting)
}

#[tokio::test]
async fn a_delivery_is_made_when_a_stream_has_stored_it() {
    const INFO: (&str, &str) = ("", "INFO {\"headers\":true,\"max_payload\":1024}\r\n");
    const GREETED: (&str, &str) = ("PING\r\n", "PING\r\nPONG\r\n");
    let answer = |text: &str| format!("MSG INBOX 1 {}\r\n{text}\r\n", text.len());
    let stored = answer("{\"stream\":\"S\",\"seq\":1}");
    let refused = answer("{\"error\":{\"code\":503,\"description\":\"no\\u001b[31m space\"}}");
    let nothing = answer("{}");
    let says = |text: &str| TryOutcome::Failed(TryFailure::Answer(text.to_owned()));
    let broken = TryOutcome::Failed(TryFailure::Broken);
    let nobody = "HMSG INBOX 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n";
    for (last, expect) in [
        (stored.as_str(), TryOutcome::Taken),
        // Something else may come before.
        (&format!("PING\r\nINFO {{}}\r\nMSG other 1 1\r\nx\r\n{stored}"), TryOutcome::Taken),
        (nobody, says("no stream stores messages of this subject")),
        (&refused, says("no[31m space")),
        (&nothing, broken.clone()),
        ("-ERR 'Permissions Violation'\r\n", says("Permissions Violation")),
        ("HTTP/1.1 400\r\n", broken.clone()),
        // A server that says nothing is left when the time is over.
        ("", TryOutcome::Failed(TryFailure::Timeout)),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Where it says nothing, it stays until the client goes.
        let script = [INFO, GREETED, ("{}\r\n", last), ("the end", "")];
        let script = if last.is_empty() { &script[..] } else { &script[..3] };
        let (outcome, heard) = outcome_of(&NatsSender::default(), &listener, b"{}", script).await;
        assert_eq!(outcome, expect, "{last:?}");
        assert!(heard.contains("Nats-Msg-Id: msg_1"), "{heard}");
    }
    for (body, script, expect) in [
        (
            &b"{}"[..],
            vec![("", "-ERR 'maximum connections exceeded'\r\n")],
            says("maximum connections exceeded"),
        ),
        (
            b"{}",
            vec![INFO, ("PING\r\n", "-ERR 'Authorization Violation'\r\n")],
            says("Authorization Violation"),
        ),
        (b"{}", vec![("", "220 mail.example\r\n")], broken.clone()),
        (
            b"{}",
            vec![("", "INFO {\"tls_required\":true}\r\nPING\r\n")],
            TryOutcome::Failed(TryFailure::Tls),
        ),
        (
            &[b' '; 1024],
            vec![INFO, GREETED],
            TryOutcome::Failed(TryFailure::TooLarge { bytes_max: Some(1024) }),
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (outcome, _) = outcome_of(&NatsSender::default(), &listener, body, &script).await;
        assert_eq!(outcome, expect, "{script:?}");
    }
}

#[tokio::test]
async fn a_connection_is_used_again_and_replaced_when_the_server_has_ended_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sender = NatsSender::default();
    let stored = "MSG INBOX 1 9\r\n{\"seq\":1}\r\n";
    let script = [("", "INFO {}\r\n"), ("PING\r\n", "PONG\r\n"), ("{}\r\n", stored)];
    let (first, heard) = outcome_of(&sender, &listener, b"{}", &script).await;
    assert_eq!(first, TryOutcome::Taken);
    assert_eq!(heard.matches("CONNECT").count(), 1);
    // Its end of the connection is closed by now.
    let (second, heard) = outcome_of(&sender, &listener, b"{}", &script).await;
    assert_eq!(second, TryOutcome::Taken);
    assert_eq!(heard.matches("CONNECT").count(), 1);
    // One that stays is used again.
    let sender = NatsSender::default();
    let again = [script[0], script[1], script[2], ("{}\r\n", stored)];
    let (third, heard) = {
        let both = outcome_of(&sender, &listener, b"{}", &again);
        let next = async {
            until_kept(&sender).await;
            outcome_of(&sender, &listener, b"{}", &[]).await
        };
        let (one, other) = tokio::join!(both, next);
        assert_eq!(other.0, TryOutcome::Taken);
        one
    };
    assert_eq!(third, TryOutcome::Taken);
    assert_eq!(heard.matches("CONNECT").count(), 1);
    assert_eq!(heard.matches("HPUB").count(), 2);
}

async fn until_kept(sender: &NatsSender) {
    while sender.idle.is_empty() {
        tokio::task::yield_now().await;
    }
}
