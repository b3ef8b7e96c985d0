#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_guard::{
    addresses::{AddressFilter, AddressRefused},
    secret_references::SecretSources,
};
use muster_words::Position;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::json;
use tokio::time::advance;

use super::{
    token::{ServiceAccount, TokenRefused, token_of},
    *,
};
use crate::{
    changes::{ChangeId, DocumentChangeKind},
    http_sender::SystemResolver,
    scripted::Scripted,
    target::TargetKind,
    trust,
};

/// A key that was made for this test, in PKCS #8.
const KEY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDP05vDG98mGFxOMhunDdmbZvwqK9GgTzpu/ICp\
     lvZLP6j9DHnVIix87qNU1m1ZTM+q4d6Iehkz50GlKNvWnKdJxQXIKd8m5y1hSHJ2suVW6uB/7BhjGEwv9bwOUg/Q\
     SFJRHWcbZmuUZQb/mWOM7Sw3klf2QS1bl5vwK4ZGA8YYRh2rolnZ1UJpFWAdllqsX9Lq/9eX0vtFjSVNMpcIg0Ou\
     aoNlDbkV52A3UsmohWbN9Q2m/G2rcFOGnGqS1oS+0d/HdB1tteCNe0EAUCQd+nMZzKAfy5OinG1gEWGh9Nj2fZkH\
     Dw/08rzjxKmMOQJhruEvqB1BlviN97MTHVtFRYHXAgMBAAECggEABk7Oeuhj8X7qpSmDnDSzaPuCE9WYpFxn0jMf\
     xJg+rg1wBVUMLZosgKUWvJUH0lV57LC0DGYamkuMTWC3huAG6GNufqMUbIuSAi3jmTfYP0llKCFhx4lW+O2uKmNk\
     YcRHCQvOReqgwUaSAGErdzQd73Qlpi6g0mCSfxTJ9xl78AQL5dnpD3XGiaT1VJ+kN/+AtfMZkPJdsfYK571xt9I2\
     i+ijK+Mh+Fh4zHOZ68p4MaWvfJHoZle3MeX5QoO1pKJ0X/ojjCI70jXKSl87uZTcXiAmdAFqD+Ej8cAOpn3TccMr\
     BXFggPAG0DOKKiirPFbho/1JyBviGKwvX/1UyjbMQQKBgQD3VNl6JtKShU8Ek0SHm8l9DhL32QrA9eTzZn7+/Z0c\
     S9qcUr0H/Vd7IneP7Q/7HQaF7AHqklfwx663JQDVMvN4SU9Mg/CB+j2rhaneAwbufGOeW41gbxF1HIwqwJPfvH+A\
     6KW52xxm40dV5K1zQiNrWo8fBd5RMbIw6vtmgAvACQKBgQDXHE5+JzWwVQVeNHHHySPi4HrMi3VfoOGX5S+LmSNn\
     Y0Fnjjsy9wG84dcYkciZRa+nIwIb9bTn8YWsdAjZyez7lnT276VPlsipPbUnVVeBSfJh8IhI80vR3tdPMGAQAQdo\
     IKPYj5VbV1WHuWs94GTRBdjIlqAssbpcVWrPP7nq3wKBgBmppCcYgCDT1C8VWLb5Yx6mpzEwQ/1hhi/7IpIynmqh\
     ND2kGBkMIFeWa/FzF4VmrZaXtlswdA93qJk4La3xa3G/qYq25e2WmW+Cnu16Qu3b2jpEJZcr7xPHsoN9F9rPJCur\
     +AYgxgGm82/mGlkrM6Gf89m0Mi0aivKobw1jm9SBAoGAHSgOD5Va9pqfjqRHI9BEl/TbUCw67YpN6Zu79Qz9un6+\
     l720knTefG6UDBV+fh/u7hWVrJqCOcoH11cm9/Yhs/wxwGK9ImuKqT3e9wTfRnvyaYoDvveTOFAfGPGyo5iwG1IJ\
     Q0o68VWGF05vlcR7hcVoG9Amx8gTPX6qaor1tTsCgYEAlDS5roBmB7Uylt659hEfgf7SqWSKYCx7EPl/z/eFisdm\
     noqYSzQy/+QuR5es7U+RLT1eaNqZaz0e/rHczhhEJC4yo/wz14f3kxR/bpX/bRlUeh1KjvPmJ69GGaI3+cZbGrlS\
     Y+xqWWeo1hTYqKZF76jHk8rStaMmBtqshxQs36o=";

/// The JSON key of an account with this key.
fn account_key(token_uri: &str) -> String {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n");
    json!({
        "type": "service_account", "project_id": "p", "private_key_id": "key-1",
        "private_key": pem, "client_email": "muster@p.iam.gserviceaccount.com",
        "client_id": "1", "token_uri": token_uri,
    })
    .to_string()
}

fn sender() -> HttpSender {
    let filter = AddressFilter::new(vec!["127.0.0.0/8".parse().unwrap()]);
    HttpSender::new(filter, trust(None).unwrap(), Arc::new(SystemResolver))
}

fn now() -> Moment {
    Moment::parse("2015-08-30T12:36:00Z").unwrap()
}

fn target(document: Value) -> (RelayTarget, PubSubTarget) {
    let mut whole = json!({"kind": "pubsub", "project": "my-project", "topic": "a+b"});
    whole.as_object_mut().unwrap().extend(document.as_object().unwrap().clone());
    let target = RelayTarget::read(whole).unwrap();
    let TargetKind::PubSub(pubsub) = &target.kind else { panic!("{target:?}") };
    let pubsub = pubsub.clone();
    (target, pubsub)
}

/// Publishes to the service of a document, with this secret.
async fn published(document: Value, secret: &str, messages: &[PubSubMessage]) -> Vec<TryOutcome> {
    let (target, pubsub) = target(document);
    let secret = secret.to_owned();
    let sources = SecretSources { variable: Arc::new(move |_| Some(secret.clone())) };
    let secrets = SecretList::read(&["env:KEY 127.0.0.1".to_owned()], sources).unwrap();
    let sender = sender();
    let (sender, secrets, target, pubsub) = (&sender, &secrets, &target, &pubsub);
    let run = PubSubRun { sender, secrets, target, pubsub, now: now() };
    PubSubSender::default().publish(&run, messages).await
}

fn message(key: &str, data: impl Into<Bytes>) -> PubSubMessage {
    let attributes = Map::from_iter([("ce-id".to_owned(), "7.0".into())]);
    PubSubMessage { data: data.into(), attributes, key: key.to_owned() }
}

fn says(text: &str) -> TryOutcome {
    TryOutcome::Failed(TryFailure::Answer(text.to_owned()))
}

#[tokio::test]
async fn a_request_is_the_one_that_the_api_documents() {
    let server = Scripted::start(&[(200, r#"{"messageIds": ["1", "2"]}"#)]).await;
    let messages = [message("/a/b", "{\"a\":1}"), message("/a/b", "{}")];
    let outcomes = published(json!({"url": server.url}), "", &messages).await;
    assert_eq!(outcomes, [TryOutcome::Taken, TryOutcome::Taken]);
    published(json!({"url": format!("{}/", server.url)}), "", &[message("", "{}")]).await;
    let [first, second] = &server.asked()[..] else { panic!("{:?}", server.asked()) };
    assert_eq!(first.line, "POST /v1/projects/my-project/topics/a%2Bb:publish");
    assert_eq!(second.line, first.line);
    assert_eq!(first.headers["content-type"], "application/json");
    assert!(!first.headers.contains_key("authorization"));
    assert_eq!(
        first.body,
        "{\"messages\":[{\"data\":\"eyJhIjoxfQ==\",\"attributes\":{\"ce-id\":\"7.0\"},\
         \"orderingKey\":\"/a/b\"},{\"data\":\"e30=\",\"attributes\":{\"ce-id\":\"7.0\"},\
         \"orderingKey\":\"/a/b\"}]}"
    );
    let plain = "{\"messages\":[{\"data\":\"e30=\",\"attributes\":{\"ce-id\":\"7.0\"}}]}";
    assert_eq!(second.body, plain);
}

#[test]
fn a_message_is_an_event_in_the_structured_mode_of_the_binding() {
    let event = OutgoingEvent {
        attributes: Map::from_iter([
            ("id".to_owned(), "7.0".into()),
            ("datacontenttype".to_owned(), "text/plain".into()),
            ("erased".to_owned(), true.into()),
            ("dataref".to_owned(), "x".repeat(1_025).into()),
        ]),
        data: None,
    };
    for (key, expect) in [
        ("document", "/configs/web/entries/limits"),
        ("group", "/configs/web"),
        ("type", "/configs"),
        ("none", ""),
    ] {
        let change = DocumentChange {
            id: ChangeId { position: Position(7), index: 0 },
            begin: Position(6),
            resource: "/configs/web/entries/limits".parse().unwrap(),
            kind: DocumentChangeKind::Updated,
            moment: Moment::EPOCH,
            cause: None,
        };
        let (_, pubsub) = target(json!({"partition_key": key}));
        assert_eq!(pubsub.url, "https://pubsub.googleapis.com/v1/projects/my-project/topics/a%2Bb");
        let message = PubSubMessage::new(&pubsub, &change, &event);
        assert_eq!(message.key, expect);
        let attributes = json!({
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "ce-id": "7.0",
            "ce-erased": "true",
        });
        assert_eq!(Value::Object(message.attributes), attributes);
        assert_eq!(message.data, event.to_json());
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_not_sent_and_holds_up_no_other() {
    let server = Scripted::start(&[(200, r#"{"messageIds": ["1"]}"#)]).await;
    let large = |bytes: usize| message("", vec![b'1'; bytes]);
    let too_large = TryOutcome::Failed(TryFailure::TooLarge { bytes_max: Some(10_000_000) });
    let document = json!({"url": server.url});
    let both = [large(9_999_993), large(2)];
    let outcomes = published(document.clone(), "", &both).await;
    assert_eq!(outcomes, [too_large.clone(), TryOutcome::Taken]);
    assert_eq!(published(document, "", &both[..1]).await, [too_large]);
    assert_eq!(server.asked().len(), 1);
    assert_eq!(large(9_999_992).bytes(), 10_000_000);
}

#[tokio::test]
async fn an_answer_without_an_id_for_each_message_is_no_success() {
    let messages = [message("", "1"), message("", "2")];
    for (body, expect) in [
        (r#"{"messageIds": ["1", "2"]}"#, TryOutcome::Taken),
        (r#"{"messageIds": ["1"]}"#, TryOutcome::Failed(TryFailure::Broken)),
        (r#"{"messageIds": ["1", ""]}"#, TryOutcome::Failed(TryFailure::Broken)),
        (r#"{"messageIds": ["1", "2", "3"]}"#, TryOutcome::Failed(TryFailure::Broken)),
        ("{}", TryOutcome::Failed(TryFailure::Broken)),
        ("<html>welcome</html>", TryOutcome::Failed(TryFailure::Broken)),
        ("", TryOutcome::Failed(TryFailure::Broken)),
    ] {
        let server = Scripted::start(&[(200, body)]).await;
        let outcomes = published(json!({"url": server.url}), "", &messages).await;
        assert_eq!(outcomes, [expect.clone(), expect], "{body}");
    }
}

#[tokio::test]
async fn only_what_is_too_large_by_itself_is_refused_for_it() {
    let one = r#"{"messageIds": ["1"]}"#;
    let text = "Request payload size exceeds the limit: 10485760 bytes.";
    let large = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": text}});
    let large = large.to_string();
    for (status, body, expect) in [
        (413, "", TryOutcome::Status { status: 413, retry_after: None }),
        (400, &*large, TryOutcome::Failed(TryFailure::TooLarge { bytes_max: None })),
    ] {
        // All; the first one; the other two, and each of them.
        let answers = [(status, body), (200, one), (status, body), (status, body), (200, one)];
        let server = Scripted::start(&answers).await;
        let messages = ["1", "2", "3"].map(|data| message("", data));
        let outcomes = published(json!({"url": server.url}), "", &messages).await;
        assert_eq!(outcomes, [TryOutcome::Taken, expect, TryOutcome::Taken], "{status}");
        assert_eq!(server.asked().len(), 5);
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let topic = "projects/my-project/topics/a%2Bb";
    let status = |status| TryOutcome::Status { status, retry_after: None };
    let error = |code: u16, status: &str| {
        json!({"error": {"code": code, "status": status, "message": "no \u{7}more"}}).to_string()
    };
    for (code, body, expect) in [
        (
            404,
            error(404, "NOT_FOUND"),
            says(&format!(
                "it has no topic {topic}: make it, or name another one in `project` and `topic`"
            )),
        ),
        (
            403,
            error(403, "PERMISSION_DENIED"),
            says(&format!(
                "the service account may not publish to {topic} (the role Pub/Sub Publisher lets \
                 it); PERMISSION_DENIED: no more"
            )),
        ),
        (
            401,
            error(401, "UNAUTHENTICATED"),
            says("it asks for credentials: name the key of a service account in `credentials`"),
        ),
        (
            400,
            error(400, "INVALID_ARGUMENT"),
            TryOutcome::Failed(TryFailure::Content("INVALID_ARGUMENT: no more".to_owned())),
        ),
        (
            400,
            error(400, "FAILED_PRECONDITION"),
            TryOutcome::Failed(TryFailure::Content("FAILED_PRECONDITION: no more".to_owned())),
        ),
        (
            400,
            "<html>".to_owned(),
            TryOutcome::Failed(TryFailure::Content("status 400".to_owned())),
        ),
        (500, error(500, "INTERNAL"), says("INTERNAL: no more")),
        (502, "<html>".to_owned(), says("status 502")),
        (429, error(429, "RESOURCE_EXHAUSTED"), status(429)),
        (503, error(503, "UNAVAILABLE"), status(503)),
        (413, String::new(), status(413)),
    ] {
        let server = Scripted::start(&[(code, &body)]).await;
        let messages = [message("", "1"), message("", "2")];
        let outcomes = published(json!({"url": server.url}), "", &messages).await;
        assert_eq!(outcomes, [expect.clone(), expect], "{body}");
    }
}

#[tokio::test]
async fn one_message_alone_is_not_at_fault_for_what_nobody_knows() {
    let server = Scripted::start(&[(400, "<html>")]).await;
    let outcomes = published(json!({"url": server.url}), "", &[message("", "1")]).await;
    assert_eq!(outcomes, [says("status 400")]);
}

#[tokio::test]
async fn nothing_goes_to_an_address_that_is_refused_or_without_a_key() {
    let expected = "the JSON key of a service account, with a token_uri that begins with https://";
    let key = account_key("https://10.0.0.1/token");
    for (url, key, expect) in [
        ("https://10.0.0.1", &key, TryFailure::Refused(AddressRefused::Network)),
        ("http://8.8.8.8", &key, TryFailure::Refused(AddressRefused::ClearText)),
        ("http://127.0.0.1:9", &"word".to_owned(), TryFailure::Credentials { expected }),
        (
            "http://127.0.0.1:9",
            &account_key("http://127.0.0.1:9/token"),
            TryFailure::Credentials { expected },
        ),
        (
            "http://127.0.0.1:9",
            &account_key("https://127.0.0.1:9/token").replace("MIIE", "MIIF"),
            TryFailure::Credentials { expected },
        ),
        // Whoever gives tokens must be permitted, too.
        ("http://127.0.0.1:9", &key, TryFailure::Refused(AddressRefused::Network)),
        ("http://127.0.0.1:9", &account_key("https://127.0.0.1:9/token"), TryFailure::Unreachable),
    ] {
        let document = json!({"url": url, "credentials": "env:KEY"});
        let outcomes = published(document, key, &[message("", "1")]).await;
        assert_eq!(outcomes, [TryOutcome::Failed(expect)], "{url}");
    }
    // The settings list the secret for another host.
    let document = json!({"url": "http://127.0.0.2:9", "credentials": "env:KEY"});
    let outcomes = published(document, &key, &[message("", "1")]).await;
    assert!(matches!(outcomes[..], [TryOutcome::Failed(TryFailure::Secret(_))]), "{outcomes:?}");
}

#[tokio::test]
async fn a_claim_is_signed_and_shown_to_whoever_gives_tokens() {
    let given = r#"{"access_token": "ya29.token", "expires_in": 3599, "token_type": "Bearer"}"#;
    let server = Scripted::start(&[(200, given)]).await;
    let url = format!("{}/token", server.url);
    let account: ServiceAccount = serde_json::from_str(&account_key(&url)).unwrap();
    let token = account.ask(&sender(), (Duration::from_secs(5), now())).await.unwrap();
    assert_eq!(token.header, "Bearer ya29.token");
    assert!(!format!("{:?}", token.header).contains("ya29"));
    let [asked] = &server.asked()[..] else { panic!("{:?}", server.asked()) };
    assert_eq!(asked.line, "POST /token");
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    let begin = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let assertion = asked.body.strip_prefix(begin).unwrap();
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let (head, claim) = signed.split_once('.').unwrap();
    let [head, claim, signature] =
        [head, claim, signature].map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let json = |part: &[u8]| serde_json::from_slice::<Value>(part).unwrap();
    assert_eq!(json(&head), json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"}));
    let claims = json!({
        "iss": "muster@p.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/pubsub",
        "aud": url, "iat": 1_440_938_160, "exp": 1_440_941_760,
    });
    assert_eq!(json(&claim), claims);
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(KEY).unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
    public.verify(signed.as_bytes(), &signature).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_token_is_used_until_shortly_before_its_end_and_a_refusal_repeats_no_claim() {
    let begun = tokio::time::Instant::now();
    let answer = |status, body: &str| {
        let body = body.as_bytes().to_vec();
        token_of(&Received { status, headers: HeaderMap::new(), body }, begun)
    };
    let day = 86_400 - 300;
    for (seconds, expect) in
        [(3_600, 3_300), (600, 300), (60, 30), (0, 0), (86_401, day), (u64::MAX, day)]
    {
        let body = json!({"access_token": "a", "expires_in": seconds}).to_string();
        let token = answer(200, &body).unwrap();
        assert_eq!(token.until - begun, Duration::from_secs(expect), "{seconds}");
        assert_eq!(token.end - begun, Duration::from_secs(seconds.min(86_400)), "{seconds}");
    }
    let begin = "no token is given for the service account: ";
    for (status, body, expect) in [
        (
            400,
            r#"{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}"#,
            "invalid_grant: Invalid JWT Signature.",
        ),
        (401, r#"{"error": "invalid_client"}"#, "invalid_client"),
        (
            400,
            r#"{"error": "invalid_grant", "error_description": "not eyJhbGciOi"}"#,
            "invalid_grant",
        ),
        (500, "eyJ", "status 500"),
    ] {
        let failure = answer(status, body).err().unwrap().failure;
        assert_eq!(failure, TryFailure::Answer(format!("{begin}{expect}")), "{body}");
    }
    for body in ["", "{}", r#"{"access_token": "a\nb", "expires_in": 1}"#] {
        assert_eq!(
            answer(200, body).err().map(|one| one.failure),
            Some(TryFailure::Broken),
            "{body}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_gives_no_token_is_asked_again_only_after_a_rest() {
    let answer = |status, asked: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        if let Some(asked) = asked {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(asked));
        }
        let received = Received { status, headers, body: Vec::new() };
        let refused = token_of(&received, tokio::time::Instant::now()).err().unwrap();
        (refused.rest.as_secs(), refused.is_asked)
    };
    for (status, asked, expect) in [
        (400, None, (5, false)),
        (500, Some("60"), (5, false)),
        (503, None, (30, true)),
        (429, Some("120"), (120, true)),
        (503, Some("0"), (5, true)),
        (503, Some("999999999999"), (3_600, true)),
    ] {
        assert_eq!(answer(status, asked), expect, "{status} {asked:?}");
    }
    // A minute's rest, and then somebody asks again.
    let account = Account::default();
    for (seconds, asked) in [(0, 1), (1, 1), (58, 1), (2, 2), (59, 2), (1, 3)] {
        advance(Duration::from_secs(seconds)).await;
        let got = account.get(Err(busy(60))).await;
        assert!(matches!(got, Err(TryFailure::Busy { .. })), "{got:?}");
        assert_eq!(account.asked(), asked, "{seconds}");
    }
    advance(Duration::from_secs(60)).await;
    assert_eq!(account.get(Ok("new")).await.unwrap(), "Bearer new");
}

/// An account of which tokens are asked for.
struct Account {
    tokens: AccessTokens,
    secret: Secret,
    asked: AtomicUsize,
}

impl Default for Account {
    fn default() -> Self {
        let (secret, asked) = ("key".to_owned().into(), AtomicUsize::new(0));
        Self { tokens: AccessTokens::default(), secret, asked }
    }
}

impl Account {
    /// Its token, if somebody who asks gets this one for an hour, or this refusal.
    async fn get(&self, answer: Result<&str, TokenRefused>) -> Result<HeaderValue, TryFailure> {
        let asking = async {
            self.asked.fetch_add(1, Ordering::Relaxed);
            answer.map(|token| {
                let body = json!({"access_token": token, "expires_in": 3_600}).to_string();
                let body = body.into_bytes();
                let received = Received { status: 200, headers: HeaderMap::new(), body };
                token_of(&received, Instant::now()).ok().unwrap()
            })
        };
        self.tokens.get_or_ask(&self.secret, asking).await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// A server that wants to be left alone for some seconds.
fn busy(seconds: u64) -> TokenRefused {
    let failure = TryFailure::Answer("busy".to_owned());
    TokenRefused { failure, rest: Duration::from_secs(seconds), is_asked: true }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_good_is_used_to_its_end_while_none_is_given_anew() {
    let account = Account::default();
    account.get(Ok("old")).await.unwrap();
    // Five minutes before its end another one is asked for, and again after each rest.
    for (seconds, asked) in [(3_299, 1), (1, 2), (30, 2), (30, 3), (239, 4)] {
        advance(Duration::from_secs(seconds)).await;
        assert_eq!(account.get(Err(busy(60))).await.unwrap(), "Bearer old", "{seconds}");
        assert_eq!(account.asked(), asked, "{seconds}");
    }
    advance(Duration::from_secs(1)).await;
    let got = account.get(Err(busy(60))).await;
    assert!(matches!(got, Err(TryFailure::Busy { .. })), "{got:?}");
    // One that isn't taken any more isn't used any more either.
    let account = Account::default();
    let old = account.get(Ok("old")).await.unwrap();
    advance(Duration::from_secs(3_300)).await;
    account.get(Err(busy(60))).await.unwrap();
    account.tokens.forget(&account.secret, &old).await;
    assert!(account.get(Ok("new")).await.is_err());
    advance(Duration::from_secs(60)).await;
    assert_eq!(account.get(Ok("new")).await.unwrap(), "Bearer new");
}

#[tokio::test]
async fn failures_to_get_a_token_are_remembered_for_all_deliveries() {
    // Nobody listens there, and each connection would be a request.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let key = account_key(&format!("https://{}/token", silent.local_addr().unwrap()));
    let document = json!({"url": "http://127.0.0.1:9", "credentials": "env:KEY",
        "timeout_seconds": 1});
    let (target, pubsub) = target(document);
    let sources = SecretSources { variable: Arc::new(move |_| Some(key.clone())) };
    let secrets = SecretList::read(&["env:KEY 127.0.0.1".to_owned()], sources).unwrap();
    let sender = sender();
    let (sender, secrets, target, pubsub) = (&sender, &secrets, &target, &pubsub);
    let run = PubSubRun { sender, secrets, target, pubsub, now: now() };
    let publisher = PubSubSender::default();
    let expect = TryOutcome::Failed(TryFailure::Timeout);
    for _ in 0..3 {
        let outcomes = publisher.publish(&run, &[message("", "1")]).await;
        assert_eq!(outcomes, std::slice::from_ref(&expect));
    }
    let mut asked = 0;
    while let Ok(Ok(_)) = tokio::time::timeout(Duration::ZERO, silent.accept()).await {
        asked += 1;
    }
    assert_eq!(asked, 1);
}
