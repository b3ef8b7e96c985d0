use clap::{Args, ValueEnum};
use muster_guard::secret_references::SecretReference;
use serde_json::{Map, Value, json};

use super::{GROUP, slug};
use crate::Failure;

/// What the targets are that are given as URLs.
#[derive(Debug, Default, Args)]
pub(super) struct UrlArguments {
    /// What a target that is given as a URL of HTTP is: webhook, registry, bucket, kinesis or
    /// pubsub [default: webhook]
    #[arg(long, value_enum, value_name = "KIND", hide_possible_values = true)]
    kind: Option<UrlKind>,
    /// The reference of the secret that signs, of the key or of the credentials, for targets that are
    /// given as URLs
    #[arg(long, value_name = "REFERENCE")]
    secret: Option<String>,
    /// Whether the command itself says what URLs lead to.
    #[arg(skip)]
    is_fixed: bool,
}

/// What a URL leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum UrlKind {
    /// An endpoint that takes signed events
    #[default]
    Webhook,
    /// Another registry
    Registry,
    /// A bucket of S3
    Bucket,
    /// A stream of Kinesis
    Kinesis,
    /// A topic of Google Cloud Pub/Sub
    Pubsub,
}

/// What a URL says of a target.
struct ReadUrl<'a> {
    kind: &'static str,
    /// The member that names the secret.
    secret: &'static str,
    /// The member `url`.
    url: &'a str,
    /// What else the URL says.
    members: Vec<(&'static str, &'a str)>,
}

impl UrlArguments {
    /// What URLs lead to that need no `--kind`.
    pub fn of(kind: UrlKind, secret: Option<String>) -> Self {
        Self { kind: Some(kind), secret, is_fixed: true }
    }

    /// Nothing is said of targets that are given as URLs where none is.
    pub fn check_used(&self, has_urls: bool) -> Result<(), Failure> {
        let flags = [(self.kind.is_some(), "--kind"), (self.secret.is_some(), "--secret")];
        match flags.into_iter().find(|(is_given, _)| *is_given && !has_urls) {
            Some((_, "--kind")) if self.secret.is_none() && self.is_fixed => Ok(()),
            Some((_, flag)) => {
                Err(Failure::usage(format!("{flag} is for targets that are given as URLs"))
                    .help("a target that is there says these itself: muster get shows it"))
            }
            None => Ok(()),
        }
    }

    /// Secrets are named and never written, neither in a flag nor in a URL; so what was written isn't
    /// shown again either.
    fn check_secrets(&self, rest: &str) -> Result<(), Failure> {
        let help = "name it: env:NAME, a variable of the server, or file:/PATH, a file there";
        if self.secret.as_deref().is_some_and(|text| !SecretReference::is_meant(text)) {
            return Err(Failure::usage("a secret is named, and this isn't a name").help(help));
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        match authority.contains('@') {
            true => Err(Failure::usage("the URL has a user or a password in it").help(help)),
            false => Ok(()),
        }
    }

    /// The target that a URL means: its xid and its document.
    pub fn target(&self, url: &str) -> Result<(String, Value), Failure> {
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        self.check_secrets(rest)?;
        let is_http = matches!(scheme, "http" | "https");
        let read = match scheme {
            _ if is_http => read_http(self.kind.unwrap_or_default(), url, rest)?,
            "nats" | "tls" => ReadUrl { kind: "nats", secret: "credentials", url, members: vec![] },
            // Its secret is the value of a header.
            "ws" | "wss" => {
                ReadUrl { kind: "websocket", secret: "authorization", url, members: vec![] }
            }
            "kafka" | "kafkas" => with_name_behind(("kafka", "topic"), url, rest),
            _ => return Err(no_target_at(url, scheme, rest)),
        };
        if let (Some(wanted), false) = (self.kind, is_http) {
            let wanted = wanted.to_possible_value();
            let wanted = wanted.as_ref().map_or("target", |one| one.get_name());
            let kind = read.kind;
            return Err(Failure::usage(format!("{url} is no {wanted}: {scheme}:// is for {kind}"))
                .help(format!("a {wanted} has an address with https://")));
        }
        let own = [("kind", read.kind), ("url", read.url)].into_iter().chain(read.members);
        let mut document: Map<String, Value> =
            own.map(|(name, value)| (name.to_owned(), value.into())).collect();
        if let Some(reference) = &self.secret {
            let member = match read.secret {
                "authorization" => ("headers", json!({"authorization": reference})),
                secret => (secret, reference.as_str().into()),
            };
            document.insert(member.0.to_owned(), member.1);
        }
        Ok((format!("/targets/{GROUP}/entries/{}", slug(&[url])), Value::Object(document)))
    }
}

/// What a URL of HTTP says of a target of a kind.
fn read_http<'a>(kind: UrlKind, url: &'a str, rest: &'a str) -> Result<ReadUrl<'a>, Failure> {
    let plain = |kind, secret| ReadUrl { kind, secret, url, members: vec![] };
    Ok(match kind {
        UrlKind::Webhook => plain("webhook", "secret"),
        UrlKind::Registry => plain("registry", "key"),
        UrlKind::Bucket => {
            let mut read = plain("bucket", "credentials");
            read.members.extend(region_in(rest).map(|region| ("region", region)));
            read
        }
        UrlKind::Kinesis => with_name_behind(("kinesis", "stream"), url, rest),
        UrlKind::Pubsub => read_topic(url, rest)?,
    })
}

/// A topic by its whole name behind the host.
fn read_topic<'a>(url: &'a str, rest: &'a str) -> Result<ReadUrl<'a>, Failure> {
    let unnamed = || {
        Failure::usage(format!("{url} doesn't say which topic is meant"))
            .help("write it as https://pubsub.googleapis.com/projects/PROJECT/topics/TOPIC")
    };
    let (host, path) = rest.split_once('/').ok_or_else(unnamed)?;
    let path = path.strip_prefix("v1/").unwrap_or(path);
    let names = path.strip_prefix("projects/").and_then(|path| path.split_once("/topics/"));
    let (project, topic) = names.ok_or_else(unnamed)?;
    let url = &url[..url.len() - rest.len() + host.len()];
    let members = vec![("project", project), ("topic", topic)];
    Ok(ReadUrl { kind: "pubsub", secret: "credentials", url, members })
}

/// A target whose own URL has no place for the name of a topic or of a stream. It is behind the host
/// here.
fn with_name_behind<'a>(
    (kind, member): (&'static str, &'static str),
    url: &'a str,
    rest: &'a str,
) -> ReadUrl<'a> {
    let mut read = ReadUrl { kind, secret: "credentials", url, members: vec![] };
    if let Some((host, name)) = rest.split_once('/') {
        read.url = &url[..url.len() - rest.len() + host.len()];
        read.members.extend(Some((member, name)).filter(|_| !name.is_empty()));
    }
    read
}

/// The failure for a URL that leads to no target.
fn no_target_at(url: &str, scheme: &str, rest: &str) -> Failure {
    match scheme {
        "s3" => Failure::usage(format!("{url} doesn't say which server has the bucket")).help(
            format!(
                "name it by its address: --target https://s3.REGION.amazonaws.com/{rest} --kind bucket --secret env:NAME"
            ),
        ),
        "kinesis" => Failure::usage(format!("{url} doesn't say in which region the stream is")).help(
            format!(
                "name it by its address: --target https://kinesis.REGION.amazonaws.com/{rest} --kind kinesis --secret env:NAME"
            ),
        ),
        "pubsub" => Failure::usage(format!("{url} doesn't say which topic is meant"))
            .help("name it by its address: --target https://pubsub.googleapis.com/projects/PROJECT/topics/TOPIC --kind pubsub --secret env:NAME"),
        "file" => Failure::usage(format!("{url} is a folder, which needs a document of its own"))
            .help(
                r#"put {"kind": "folder", "path": "archive"} as targets/ops/entries/archive, and name that"#,
            ),
        _ => Failure::usage(format!("no target is reached over {scheme}://")).help(
            "http:// and https:// lead to a webhook, a registry, a bucket, a stream of Kinesis or a topic of Pub/Sub (--kind), ws:// and wss:// to a WebSocket, nats:// and tls:// to NATS, kafka:// and kafkas:// to Kafka",
        ),
    }
}

/// The region in the address of a bucket at Amazon: `s3.REGION.amazonaws.com/BUCKET`, or
/// `BUCKET.s3.REGION.amazonaws.com`.
fn region_in(rest: &str) -> Option<&str> {
    let host = rest.split(['/', ':']).next()?.strip_suffix(".amazonaws.com")?;
    let region = match host.strip_prefix("s3.") {
        Some(region) => region,
        None => host.rsplit_once(".s3.")?.1,
    };
    (!region.contains('.')).then_some(region)
}
