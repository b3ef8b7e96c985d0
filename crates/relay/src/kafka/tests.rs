#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod broker;
mod in_doubt;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use muster_guard::{
    addresses::{AddressFilter, AddressRefused},
    secret_references::{SecretList, SecretSources},
};
use serde_json::json;

use self::broker::{Broker, Heard, answers};
use super::{
    credentials::{KafkaCredentials, NotScram, Scram},
    fields::Fields,
    messages::{Call, ErrorCode, cluster_state},
    record::{Authorship, batch_of, crc32c, murmur2, put_varint},
    *,
};
use crate::{http_sender::Resolve, target::KafkaMechanism, target::TargetKind, trust};

#[test]
fn sums_and_hashes_are_those_of_others() {
    for (text, expect) in [("", 0), ("123456789", 0xE306_9283), ("a", 0xC1D0_4330)] {
        assert_eq!(crc32c(text.as_bytes()), expect, "{text}");
    }
    // From the tests of Kafka's own client.
    for (text, expect) in [
        ("21", -973_932_308_i32),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        assert_eq!(murmur2(text.as_bytes()).cast_signed(), expect, "{text}");
    }
    for (number, expect) in [
        (0, &[0][..]),
        (-1, &[1]),
        (1, &[2]),
        (63, &[126]),
        (-64, &[127]),
        (64, &[128, 1]),
        (i64::MAX, &[254, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
        (i64::MIN, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
    ] {
        let mut body = Vec::new();
        put_varint(&mut body, number);
        assert_eq!(body, expect, "{number}");
    }
}

fn record(value: Option<&'static [u8]>) -> KafkaRecord {
    KafkaRecord {
        id: "msg_1".to_owned(),
        key: "/a/b".to_owned(),
        value: value.map(Bytes::from_static),
        headers: vec![("ce_id".to_owned(), "7".to_owned())],
        time: 1_000,
    }
}

#[test]
fn a_batch_has_the_layout_of_version_two() {
    let by = Authorship { producer: 258, epoch: 3, sequence: 4 };
    let batch = batch_of(&[&record(Some(b"{}"))], by);
    let expect = "0000000000000000 00000046 ffffffff 02 - 0000 00000000 00000000000003e8 \
                  00000000000003e8 0000000000000102 0003 00000004 00000001 \
                  28 00 00 00 08 2f612f62 04 7b7d 02 0a 63655f6964 02 37";
    let (before, after) = expect.split_once('-').unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&batch[..17]), before.replace(' ', ""));
    assert_eq!(hex(&batch[21..]), after.replace(' ', ""));
    assert_eq!(batch[17..21], crc32c(&batch[21..]).to_be_bytes());
    // What is deleted has no value, which isn't an empty one.
    let (none, empty) = (batch_of(&[&record(None)], by), batch_of(&[&record(Some(b""))], by));
    assert!(hex(&none).ends_with("2f612f6201020a63655f69640237"), "{}", hex(&none));
    assert!(hex(&empty).ends_with("2f612f6200020a63655f69640237"), "{}", hex(&empty));
}

#[test]
fn answers_are_read_whole_or_not_at_all() {
    let answer = answers::metadata(&[(1, "a", 9092), (2, "b", 9093)], 0, &[2, 1, -1]);
    let found = cluster_state(&answer, "t").unwrap();
    assert_eq!(found.leaders, [2, 1, -1]);
    assert_eq!(found.brokers, [(1, "a".to_owned(), 9092), (2, "b".to_owned(), 9093)]);
    assert_eq!(found.error, ErrorCode::NONE);
    assert_eq!(cluster_state(&answer, "other"), None);
    for end in 0..answer.len() {
        assert_eq!(cluster_state(&answer[..end], "t"), None, "{end}");
    }
    // A list can't make anybody reserve memory for what isn't there.
    let mut huge = Fields::of(&[0x7F, 0xFF, 0xFF, 0xFF, 0]);
    assert_eq!(huge.list(Fields::int8), None);
}

#[test]
fn credentials_are_a_user_with_a_password_or_a_connection_string() {
    let events = "Endpoint=sb://a.example/;SharedAccessKeyName=k;SharedAccessKey=c2VjcmV0=";
    for (text, expect) in [
        ("me:word", Some("\0me\0word".to_owned())),
        (" me:pass:word\n", Some("\0me\0pass:word".to_owned())),
        (events, Some(format!("\0$ConnectionString\0{events}"))),
        ("me", None),
        (":word", None),
        ("me:", None),
        ("me:a\0b", None),
        ("", None),
    ] {
        let found = KafkaCredentials::read(text).map(|one| one.plain().to_vec());
        assert_eq!(found, expect.map(String::into_bytes), "{text}");
    }
}

#[test]
fn scram_proves_the_password_and_wants_the_same_of_the_broker() {
    let credentials = KafkaCredentials::read("user:pencil").unwrap();
    let scram = Scram::new(&credentials, KafkaMechanism::ScramSha256, [0; 32]).unwrap();
    // RFC 7677, 3.
    let scram = scram.with_nonce("rOprNGfwEbeRWgbNEkqO");
    assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    let challenge = format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    let (proof, broker) = scram.proof(challenge.as_bytes()).unwrap();
    assert_eq!(proof, format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
    broker.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
    for wrong in ["v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=", "v=", "", "e=other-error"] {
        assert!(broker.verify(wrong.as_bytes()).is_err(), "{wrong}");
    }
    for challenge in [
        // Another nonce, ours alone, too many rounds, none, and what isn't SCRAM.
        "r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".to_owned(),
        "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".to_owned(),
        format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000"),
        format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0"),
        format!("r={nonce},s=%,i=4096"),
        "hello".to_owned(),
    ] {
        let refused: Option<NotScram> = scram.proof(challenge.as_bytes()).err();
        assert!(refused.is_some(), "{challenge}");
    }
}

/// Names that lead somewhere.
struct Names(BTreeMap<&'static str, IpAddr>);

#[async_trait]
impl Resolve for Names {
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        self.0.get(name).copied().into_iter().collect()
    }
}

fn connector() -> Connector {
    let filter = AddressFilter::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let names = Names(BTreeMap::from([("inside.example", "10.0.0.1".parse().unwrap())]));
    Connector::new(filter, trust(None).unwrap(), Arc::new(names))
}

/// A delivery of a record to a cluster of which these brokers are named.
async fn deliver(sender: &KafkaSender, url: &str, login: Option<&str>) -> TryOutcome {
    sent(sender, url, login, &[record(Some(b"{}"))]).await.remove(0)
}

/// Records that are sent together.
async fn sent(
    sender: &KafkaSender,
    url: &str,
    login: Option<&str>,
    records: &[KafkaRecord],
) -> Vec<TryOutcome> {
    let sources = SecretSources { variable: Arc::new(|_| Some("me:word".to_owned())) };
    let secrets = SecretList::read(&["env:LOGIN 127.0.0.1".to_owned()], sources).unwrap();
    let mut document = json!({"kind": "kafka", "url": url, "topic": "t", "timeout_seconds": 2});
    if let Some(mechanism) = login {
        document["credentials"] = "env:LOGIN".into();
        document["mechanism"] = mechanism.into();
    }
    let target = RelayTarget::read(document).unwrap();
    let TargetKind::Kafka(kafka) = &target.kind else { panic!("{target:?}") };
    let connector = connector();
    let parts = (&connector, &secrets, [7; 32]);
    sender.send(parts, (&target, kafka), records).await
}

fn says(text: &str) -> TryOutcome {
    TryOutcome::Failed(TryFailure::Answer(text.to_owned()))
}

#[tokio::test]
async fn a_delivery_is_made_when_all_replicas_have_stored_it() {
    let broken = TryOutcome::Failed(TryFailure::Broken);
    let moved = "NOT_LEADER_OR_FOLLOWER";
    // What the broker answers to each record, and how often it is asked for one.
    for (codes, expect, asked) in [
        (&[0][..], TryOutcome::Taken, 1),
        // It was stored already.
        (&[46], TryOutcome::Taken, 1),
        // The second time, the leader is known.
        (&[6, 0], TryOutcome::Taken, 2),
        (&[20, 0], TryOutcome::Taken, 2),
        (&[59, 0], TryOutcome::Taken, 2),
        (&[6], says(moved), 4),
        (&[10], TryOutcome::Failed(TryFailure::TooLarge { bytes_max: None }), 1),
        (&[87], TryOutcome::Failed(TryFailure::Unacceptable("INVALID_RECORD".to_owned())), 1),
        (&[29], says("the user may not write to the topic t (ACL: Write)"), 1),
        (&[1_234], says("error 1234 of Kafka"), 1),
        // It ends the connection instead.
        (&[i16::MIN], broken, 4),
        (&[i16::MIN, 0], TryOutcome::Taken, 2),
    ] {
        let broker = Broker::start(codes).await;
        let sender = KafkaSender::default();
        assert_eq!(deliver(&sender, &broker.url(), None).await, expect, "{codes:?}");
        assert_eq!(broker.count(Call::Produce), asked, "{codes:?}");
    }
}

#[tokio::test]
async fn what_may_be_stored_is_sent_again_with_the_same_numbers() {
    // Twice each try ends without a word of the broker; then it says that it is stored already.
    let broker = Broker::start(&[i16::MIN, i16::MIN, i16::MIN, i16::MIN, 46, 0]).await;
    let sender = KafkaSender::default();
    for expect in [TryOutcome::Failed(TryFailure::Broken), TryOutcome::Taken, TryOutcome::Taken] {
        assert_eq!(deliver(&sender, &broker.url(), None).await, expect);
    }
    // One producer wrote all of them, and the last record is another one.
    assert_eq!(broker.count(Call::InitProducerId), 1);
    assert_eq!(broker.sequences(), [0, 0, 0, 0, 0, 1]);
    // A refusal uses no number up, and a producer that was forgotten begins anew.
    let broker = Broker::start(&[0, 10, 0, 45, 0, 0]).await;
    for _ in 0..5 {
        let _ = deliver(&sender, &broker.url(), None).await;
    }
    assert_eq!(broker.sequences(), [0, 1, 1, 2, 0, 1]);
    assert_eq!(broker.count(Call::InitProducerId), 2);
}

/// Records of one key, with these ids.
fn records(ids: &[&str]) -> Vec<KafkaRecord> {
    let of = |id: &&str| KafkaRecord { id: (*id).to_owned(), ..record(Some(b"{}")) };
    ids.iter().map(of).collect()
}

#[test]
fn records_of_a_batch_have_their_distance_to_the_first() {
    let by = Authorship { producer: 258, epoch: 3, sequence: 4 };
    let mut later = record(Some(b"{}"));
    later.time = 1_001;
    let batch = batch_of(&[&record(Some(b"{}")), &later], by);
    let expect = "0000 00000001 00000000000003e8 00000000000003e9 0000000000000102 0003 00000004 \
                  00000002 28 00 00 00 08 2f612f62 04 7b7d 02 0a 63655f6964 02 37 \
                  28 00 02 02 08 2f612f62 04 7b7d 02 0a 63655f6964 02 37";
    let hex: String = batch[21..].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expect.replace(' ', ""));
}

#[tokio::test]
async fn records_that_are_sent_together_have_outcomes_of_their_own() {
    let taken = TryOutcome::Taken;
    let large = TryOutcome::Failed(TryFailure::TooLarge { bytes_max: None });
    // What the broker answers to each piece, the outcomes, and the pieces: their first number and how
    // many records they have.
    for (codes, expect, pieces) in [
        (&[0][..], [taken.clone(), taken.clone(), taken.clone()], &[(0, 3)][..]),
        (&[6, 0], [taken.clone(), taken.clone(), taken.clone()], &[(0, 3), (0, 3)]),
        // What isn't taken as a whole is sent in parts, until each has its outcome.
        (
            &[10, 0, 10, 10, 0],
            [taken.clone(), large.clone(), taken.clone()],
            &[(0, 3), (0, 1), (1, 2), (1, 1), (1, 1)],
        ),
        (
            &[87, 87, 0],
            [
                TryOutcome::Failed(TryFailure::Unacceptable("INVALID_RECORD".to_owned())),
                taken.clone(),
                taken.clone(),
            ],
            &[(0, 3), (0, 1), (0, 2)],
        ),
        (&[1_234], [(); 3].map(|()| says("error 1234 of Kafka")), &[(0, 3)]),
    ] {
        let broker = Broker::start(codes).await;
        let sender = KafkaSender::default();
        let all = records(&["a", "b", "c"]);
        assert_eq!(sent(&sender, &broker.url(), None, &all).await, expect, "{codes:?}");
        let found = broker.pieces().into_iter().map(|(_, sequence, count)| (sequence, count));
        assert_eq!(found.collect::<Vec<_>>(), pieces, "{codes:?}");
    }
}

#[tokio::test]
async fn one_request_has_a_batch_for_each_partition() {
    // One of the partitions has moved.
    let broker = Broker::start(&[0, 6, 0]).await;
    broker.change(|all| all.partitions = 2);
    let mut all = records(&["a", "b", "c", "d"]);
    for (record, key) in all.iter_mut().zip(["/a", "/b", "/c", "/d"]) {
        key.clone_into(&mut record.key);
    }
    let places: Vec<usize> = all.iter().map(|record| record.partition(2)).collect();
    let count = |place| i32::try_from(places.iter().filter(|one| **one == place).count()).unwrap();
    assert!(count(0) > 0 && count(1) > 0, "{places:?}");
    let sender = KafkaSender::default();
    assert_eq!(sent(&sender, &broker.url(), None, &all).await, vec![TryOutcome::Taken; 4]);
    let expect = [(0, 0, count(0)), (1, 0, count(1)), (1, 0, count(1))];
    assert_eq!(broker.pieces(), expect);
    assert_eq!(broker.count(Call::Produce), 2);
    // The numbers go on by as many as there were.
    sent(&sender, &broker.url(), None, &all).await;
    let expect = [(0, count(0), count(0)), (1, count(1), count(1))];
    assert_eq!(broker.pieces()[3..], expect);
    assert_eq!(broker.count(Call::InitProducerId), 1);
}

#[tokio::test]
async fn another_leader_is_found_after_one_that_says_nothing_any_more() {
    for call in [Call::Produce, Call::InitProducerId] {
        let (first, second) = (Broker::start(&[0]).await, Broker::start(&[0]).await);
        first.change(|all| {
            all.silent = vec![call];
            all.others = vec![(2, second.address().port())];
        });
        let sender = KafkaSender::default();
        let timeout = TryOutcome::Failed(TryFailure::Timeout);
        assert_eq!(deliver(&sender, &first.url(), None).await, timeout);
        first.change(|all| all.leader = 2);
        assert_eq!(deliver(&sender, &first.url(), None).await, TryOutcome::Taken);
        assert_eq!(second.count(Call::Produce), 1);
    }
}

#[tokio::test]
async fn a_broker_that_hangs_keeps_no_record_from_the_others() {
    let (hanging, well) = (Broker::start(&[0]).await, Broker::start(&[0]).await);
    let others = vec![(2, well.address().port())];
    hanging.change(|all| {
        (all.silent, all.others, all.leaders) = (vec![Call::Produce], others, vec![1, 2]);
    });
    let mut all = records(&["a", "b", "c", "d"]);
    for (record, key) in all.iter_mut().zip(["/a", "/b", "/c", "/d"]) {
        key.clone_into(&mut record.key);
    }
    let expect = |record: &KafkaRecord| match record.partition(2) {
        0 => TryOutcome::Failed(TryFailure::Timeout),
        _ => TryOutcome::Taken,
    };
    let expect: Vec<TryOutcome> = all.iter().map(expect).collect();
    assert!(expect.contains(&TryOutcome::Taken) && expect[1..] != expect[..3], "{expect:?}");
    let sender = KafkaSender::default();
    for _ in 0..2 {
        assert_eq!(sent(&sender, &hanging.url(), None, &all).await, expect);
    }
    // What hangs first is no reason either to have no number, nor to know no cluster.
    hanging.change(|all| all.silent.push(Call::Metadata));
    let url = format!("kafka://{},{}", hanging.address(), well.address());
    assert_eq!(deliver(&KafkaSender::default(), &url, None).await, TryOutcome::Taken);
}

#[tokio::test]
async fn a_broker_that_another_one_names_is_checked_before_anything_is_sent_to_it() {
    let refused = TryOutcome::Failed(TryFailure::Refused(AddressRefused::Network));
    for (host, expect) in [
        ("10.0.0.1", refused.clone()),
        ("169.254.169.254", refused.clone()),
        ("0xa9fea9fe", refused.clone()),
        ("inside.example", refused),
        ("nowhere.example", TryOutcome::Failed(TryFailure::Unresolved)),
        ("8.8.8.8", TryOutcome::Failed(TryFailure::Refused(AddressRefused::ClearText))),
    ] {
        let broker = Broker::start(&[0]).await.naming(host);
        let outcome = deliver(&KafkaSender::default(), &broker.url(), None).await;
        assert_eq!(outcome, expect, "{host}");
        assert_eq!(broker.count(Call::Produce), 0);
    }
    // A name in a list that isn't permitted refuses all of them.
    let broker = Broker::start(&[0]).await;
    let url = format!("kafka://inside.example,{}", broker.address());
    let outcome = deliver(&KafkaSender::default(), &url, None).await;
    assert_eq!(outcome, TryOutcome::Failed(TryFailure::Refused(AddressRefused::Network)));
}

#[tokio::test]
async fn the_leader_is_asked_and_another_broker_where_one_is_gone() {
    let (first, second) = (Broker::start(&[6]).await, Broker::start(&[0]).await);
    // The first one leads, then the second.
    first.led_by(&second, 1);
    let gone = Broker::start(&[]).await;
    let url = format!("kafka://{},{}", gone.end().await, first.address());
    let sender = KafkaSender::default();
    assert_eq!(deliver(&sender, &url, None).await, TryOutcome::Taken);
    assert_eq!((first.count(Call::Produce), second.count(Call::Produce)), (1, 1));
    // What is known of the cluster is used again.
    let asked = first.count(Call::Metadata);
    assert_eq!(deliver(&sender, &url, None).await, TryOutcome::Taken);
    assert_eq!(first.count(Call::Metadata), asked);
    assert_eq!(second.count(Call::ApiVersions), 1);
}

#[tokio::test]
async fn what_stands_in_the_way_is_said() {
    let heard = |change: fn(&mut Heard)| async move {
        let broker = Broker::start(&[0]).await;
        broker.change(change);
        let outcome = deliver(&KafkaSender::default(), &broker.url(), None).await;
        (broker, outcome)
    };
    let (broker, outcome) = heard(|all| all.topic_error = 3).await;
    assert_eq!(outcome, says("it has no topic t: make it, or name another one in `topic`"));
    assert_eq!(broker.count(Call::Metadata), 1);
    let (_, outcome) = heard(|all| all.leader = -1).await;
    assert_eq!(outcome, says("no broker leads partition 0 of t now"));
    let (_, outcome) = heard(|all| all.producer_error = 31).await;
    assert_eq!(
        outcome,
        says("the user may not write idempotently (ACL: IdempotentWrite on the cluster)")
    );
    let (_, outcome) = heard(|all| all.lowest_version = 9).await;
    assert_eq!(outcome, says("it doesn't speak version 3 of Kafka's Produce"));
    let (_, outcome) = heard(|all| all.wants_login = true).await;
    assert_eq!(outcome, says("it ended the connection; it may ask for `credentials`"));
    let (_, outcome) = heard(|all| all.silent = vec![Call::Metadata]).await;
    assert_eq!(outcome, TryOutcome::Failed(TryFailure::Timeout));
    let (_, outcome) = heard(|all| all.is_garbage = true).await;
    assert_eq!(outcome, TryOutcome::Failed(TryFailure::Broken));
}

#[tokio::test]
async fn a_broker_gets_credentials_only_by_the_mechanism_of_the_target() {
    for (offered, wanted, expect) in [
        ("PLAIN", "plain", TryOutcome::Taken),
        (
            "PLAIN",
            "scram-sha-256",
            says("it doesn't offer SCRAM-SHA-256, but PLAIN: set `mechanism`"),
        ),
        // It says yes to everything and knows no password.
        ("SCRAM-SHA-256", "scram-sha-256", says("its first message of SCRAM can't be read")),
        ("", "plain", says("it asks for no credentials: name none in the target")),
    ] {
        let broker = Broker::start(&[0]).await;
        broker.change(|all| {
            all.wants_login = !offered.is_empty();
            offered.clone_into(&mut all.offered);
        });
        let outcome = deliver(&KafkaSender::default(), &broker.url(), Some(wanted)).await;
        assert_eq!(outcome, expect, "{offered} {wanted}");
        let told = broker.told();
        assert!(wanted == "plain" || !told.windows(4).any(|four| four == b"word"), "{told:?}");
        assert_eq!(told == b"\0me\0word", expect == TryOutcome::Taken, "{told:?}");
    }
    // The settings list the secret for another host.
    let broker = Broker::start(&[0]).await.naming("127.0.0.2");
    broker.change(|all| {
        all.wants_login = true;
        "PLAIN".clone_into(&mut all.offered);
    });
    let outcome = deliver(&KafkaSender::default(), &broker.url(), Some("plain")).await;
    assert!(matches!(outcome, TryOutcome::Failed(TryFailure::Secret(_))), "{outcome:?}");
}
