//! A loop of posts with reqwest that signs as Standard Webhooks says, and does nothing else: what
//! sending events costs without a registry, marks, and retries.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use ring::hmac;

use crate::{Outcome, process, servers::muster};

/// The secret that signs.
pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// Threads of the loops: as many as our server has, which never has only one. With one it comes to
/// the same.
const WORKERS: usize = 2;

/// Posts that are made before it is measured, so that connections are open, as ours are.
pub(crate) const WARMUP: u64 = 1_000;

/// What is posted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posts {
    pub posts: u64,
    /// How many loops share them.
    pub loops: u64,
    /// The bytes of each.
    pub bytes: usize,
}

impl Posts {
    /// Starts this program again as the loops, and waits until they have made all posts. Returns the
    /// CPU time that the posts took.
    pub(crate) fn run(self, address: SocketAddr, core: Option<usize>) -> Outcome<Duration> {
        let mut command: Command = process::on_core(&std::env::current_exe()?, core)?;
        command.args(["--post", &address.to_string(), "--posts", &self.posts.to_string()]);
        command.args(["--loops", &self.loops.to_string(), "--bytes", &self.bytes.to_string()]);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let spent = said.trim().parse::<u64>().map_err(|_| {
            format!("the posts failed: {}", String::from_utf8_lossy(&output.stderr))
        })?;
        Ok(Duration::from_micros(spent))
    }

    /// Posts, and prints the microseconds of CPU time that it took.
    pub(crate) fn make(self, address: SocketAddr) -> Outcome {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(WORKERS).enable_all().build()?;
        runtime.block_on(async {
            let sender = Sender::new(address, self.bytes)?;
            sender.post(WARMUP, self.loops).await?;
            let before = process::ticks_of(std::process::id())?;
            sender.post(self.posts, self.loops).await?;
            let cpu = (process::ticks_of(std::process::id())? - before) * 10_000;
            writeln!(io::stdout(), "{cpu}")?;
            Ok(())
        })
    }
}

/// What the loops share.
#[derive(Clone)]
struct Sender {
    client: reqwest::Client,
    key: hmac::Key,
    url: String,
    bytes: usize,
}

impl Sender {
    fn new(address: SocketAddr, bytes: usize) -> Outcome<Self> {
        let client = reqwest::Client::builder().tcp_nodelay(true).no_proxy().build()?;
        let secret = STANDARD.decode(SECRET.trim_start_matches("whsec_"))?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Ok(Self { client, key, url: format!("http://{address}/hook"), bytes })
    }

    /// Makes so many posts, in so many loops.
    async fn post(&self, posts: u64, loops: u64) -> Outcome {
        let loops = loops.max(1);
        let run = |number: u64| {
            let sender = self.clone();
            let body = event(number, self.bytes);
            tokio::spawn(async move {
                for post in (number..posts).step_by(usize::try_from(loops)?) {
                    send(&sender.client, &sender.key, &sender.url, body.clone(), post).await?;
                }
                Outcome::Ok(())
            })
        };
        let running: Vec<_> = (0..loops).map(run).collect();
        for done in running {
            done.await??;
        }
        Ok(())
    }
}

async fn send(
    client: &reqwest::Client,
    key: &hmac::Key,
    url: &str,
    body: Bytes,
    number: u64,
) -> Outcome {
    let id = format!("msg_{number:032x}");
    let timestamp = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(&body);
    let signature = format!("v1,{}", STANDARD.encode(context.sign()));
    let request = client
        .post(url)
        .header("content-type", "application/cloudevents+json; charset=utf-8")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp.to_string())
        .header("webhook-signature", signature)
        .header("user-agent", "loop")
        .body(body);
    match request.send().await?.status().as_u16() {
        204 => Ok(()),
        status => Err(format!("a post was answered {status}").into()),
    }
}

/// An event with a document, in all so many bytes.
fn event(number: u64, bytes: usize) -> Bytes {
    let mut event = format!(
        r#"{{"subject":"{}/entries/d{number}","sequence":"{:020}","data":""#,
        muster::GROUP,
        0
    );
    let room = bytes.saturating_sub(event.len() + 2);
    event.extend(std::iter::repeat_n('x', room));
    event.push_str("\"}");
    event.into()
}
