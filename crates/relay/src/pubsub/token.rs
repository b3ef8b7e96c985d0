//! Access tokens of Google's services: whoever has the key of a service account shows a signed claim
//! to the server that the key names, and gets a token for an hour (RFC 7523).

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use muster_guard::secret_references::Secret;
use muster_words::{Digest, Moment};
use parking_lot::Mutex;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::{
    decision::{TryFailure, TryOutcome, shown},
    http_sender::{ANSWER_BYTES_MAX, HttpSender, Received, Sending},
    retry::RETRY_AFTER_MAX,
    webhook,
};

/// The secret isn't a key that tokens are given for.
const UNREADABLE: TryFailure = TryFailure::Credentials {
    expected: "the JSON key of a service account, with a token_uri that begins with https://",
};

/// What a token is asked for: the right to use Pub/Sub, as far as the account may.
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

/// Who gives tokens for keys that don't say it.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// How long a claim is good, in seconds: as long as Google lets it be.
const CLAIM_SECONDS: i64 = 3_600;

/// How long before its end a token isn't used any more: a request takes a while, and clocks differ.
const EARLY: Duration = Duration::from_secs(300);

/// How long a token is used at most. Google's are good for an hour.
const TOKEN_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long nobody asks again after no token was given: every delivery would.
const REFUSED_REST: Duration = Duration::from_secs(5);

/// The same if the server is busy and doesn't say how long.
const BUSY_REST: Duration = Duration::from_secs(30);

/// How many accounts' tokens are kept. A registry has a few targets.
const TOKENS_MAX: usize = 100;

/// The tokens that are known, by the digest of their key.
#[derive(Default)]
pub(super) struct AccessTokens {
    known: Mutex<HashMap<Digest, KnownToken>>,
}

/// A token that may have to be asked for. Whoever asks first does it for the others as well.
type KnownToken = Arc<tokio::sync::Mutex<TokenState>>;

/// What is known of an account's token.
#[derive(Default)]
struct TokenState {
    /// The last one that was given.
    given: Option<AccessToken>,
    /// Why none was given since then. Nobody asks again before this time.
    refused: Option<(TokenRefused, Instant)>,
}

/// Why no token was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenRefused {
    pub failure: TryFailure,
    /// How long nobody asks again.
    pub rest: Duration,
    /// Whether that was asked for, so that deliveries wait as long.
    pub is_asked: bool,
}

impl TokenRefused {
    fn of(failure: TryFailure) -> Self {
        Self { failure, rest: REFUSED_REST, is_asked: false }
    }

    /// What it means for a delivery, so long before somebody asks again.
    fn failure(&self, left: Duration) -> TryFailure {
        match (&self.failure, self.is_asked) {
            (TryFailure::Answer(text), true) => {
                TryFailure::Busy { text: text.clone(), retry_after: left }
            }
            (failure, _) => failure.clone(),
        }
    }
}

pub(super) struct AccessToken {
    /// The header with it. Logs don't show it.
    pub header: HeaderValue,
    /// When another one is asked for.
    pub until: Instant,
    /// When it isn't good any more.
    pub end: Instant,
}

impl AccessTokens {
    /// The header with a token for whoever has this key.
    ///
    /// # Errors
    /// The secret isn't a key, or no token is given for it.
    pub async fn get(
        &self,
        sender: &HttpSender,
        secret: &Secret,
        (deadline, now): (Duration, Moment),
    ) -> Result<HeaderValue, TryFailure> {
        let asking = async {
            let account = ServiceAccount::read(secret.expose());
            let account = account.ok_or_else(|| TokenRefused::of(UNREADABLE))?;
            // Less time than a try has, so that a server that hangs is known to do so.
            account.ask(sender, (deadline / 2, now)).await
        };
        self.get_or_ask(secret, asking).await
    }

    /// The header with a token that is known, or that is asked for now. While none is given, the last
    /// one is used to its end.
    pub async fn get_or_ask(
        &self,
        secret: &Secret,
        asking: impl Future<Output = Result<AccessToken, TokenRefused>>,
    ) -> Result<HeaderValue, TryFailure> {
        let known = self.of(secret);
        let mut known = known.lock().await;
        let left = |until: Instant| until.saturating_duration_since(Instant::now());
        if let Some(token) = known.given.as_ref().filter(|token| !left(token.until).is_zero()) {
            return Ok(token.header.clone());
        }
        let rests = known.refused.as_ref().filter(|(_, until)| !left(*until).is_zero());
        let failure = match rests {
            Some((refused, until)) => refused.failure(left(*until)),
            None => match asking.await {
                Ok(token) => {
                    let header = token.header.clone();
                    *known = TokenState { given: Some(token), refused: None };
                    return Ok(header);
                }
                Err(refused) => {
                    let failure = refused.failure(refused.rest);
                    let until = Instant::now() + refused.rest;
                    known.refused = Some((refused, until));
                    failure
                }
            },
        };
        known.given.take_if(|token| left(token.end).is_zero());
        known.given.as_ref().map(|token| token.header.clone()).ok_or(failure)
    }

    /// A token isn't taken any more. Somebody else may have noticed it first and have another one.
    pub async fn forget(&self, secret: &Secret, refused: &HeaderValue) {
        let known = self.of(secret);
        let mut known = known.lock().await;
        known.given.take_if(|token| token.header == *refused);
    }

    fn of(&self, secret: &Secret) -> KnownToken {
        let mut known = self.known.lock();
        let digest = digest_of(secret);
        // Keys that are replaced leave theirs behind.
        if known.len() >= TOKENS_MAX && !known.contains_key(&digest) {
            known.clear();
        }
        known.entry(digest).or_default().clone()
    }
}

fn digest_of(secret: &Secret) -> Digest {
    Digest::of(secret.expose().as_bytes())
}

/// The key of a service account, as Google gives it.
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    client_email: String,
    #[serde(deserialize_with = "secret")]
    private_key: Zeroizing<String>,
    private_key_id: Option<String>,
    #[serde(default = "usual_token_uri")]
    token_uri: String,
}

/// A text that is overwritten when it is dropped.
fn secret<'de, D: Deserializer<'de>>(text: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(text).map(Zeroizing::new)
}

fn usual_token_uri() -> String {
    TOKEN_URI.to_owned()
}

impl ServiceAccount {
    fn read(text: &str) -> Option<Self> {
        let account: Self = serde_json::from_str(text).ok()?;
        account.token_uri.starts_with("https://").then_some(account)
    }

    /// The signed claim (RFC 7519 and RFC 7515, with RS256).
    fn assertion(&self, now: Moment) -> Option<Zeroizing<String>> {
        let issued = now.microseconds().div_euclid(1_000_000);
        let mut head = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(id) = &self.private_key_id {
            head["kid"] = id.as_str().into();
        }
        let claim = json!({
            "iss": self.client_email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": issued,
            "exp": issued + CLAIM_SECONDS,
        });
        let [head, claim] = [head, claim].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{head}.{claim}");
        let key = PrivatePkcs8KeyDer::from_pem_slice(self.private_key.as_bytes()).ok()?;
        let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok()?;
        let mut signature = vec![0; key.public().modulus_len()];
        // The signature depends on no random number; the time that it takes does.
        let random = SystemRandom::new();
        key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).ok()?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Some(Zeroizing::new(format!("{signed}.{signature}")))
    }

    /// Asks for a token.
    pub async fn ask(
        &self,
        sender: &HttpSender,
        (deadline, now): (Duration, Moment),
    ) -> Result<AccessToken, TokenRefused> {
        let assertion = self.assertion(now).ok_or_else(|| TokenRefused::of(UNREADABLE))?;
        // All letters of an assertion can stand in a form as they are.
        let body = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={}",
            assertion.as_str()
        );
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, form);
        let begun = Instant::now();
        let sent = sender.send(Sending {
            method: Method::POST,
            url: &self.token_uri,
            headers,
            body: Bytes::from(body),
            deadline,
            answer_max: ANSWER_BYTES_MAX,
        });
        token_of(&sent.await.map_err(TokenRefused::of)?, begun)
    }
}

/// The token in an answer.
pub(super) fn token_of(received: &Received, begun: Instant) -> Result<AccessToken, TokenRefused> {
    #[derive(Deserialize)]
    struct Given {
        #[serde(deserialize_with = "secret")]
        access_token: Zeroizing<String>,
        expires_in: u64,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Refused {
        error: String,
        error_description: String,
    }
    if received.status != 200 {
        let refused: Refused = serde_json::from_slice(&received.body).unwrap_or_default();
        let mut text = match refused.error.as_str() {
            "" => format!("status {}", received.status),
            error => shown(error),
        };
        // One that repeats the claim would tell everybody who reads this.
        if !refused.error_description.is_empty() && !refused.error_description.contains("eyJ") {
            text = format!("{text}: {}", shown(&refused.error_description));
        }
        let text = format!("no token is given for the service account: {text}");
        let mut refused = TokenRefused::of(TryFailure::Answer(text));
        if let TryOutcome::Status { status: 429 | 503, retry_after } = webhook::outcome(received) {
            let rest = retry_after.unwrap_or(BUSY_REST).clamp(REFUSED_REST, RETRY_AFTER_MAX);
            (refused.rest, refused.is_asked) = (rest, true);
        }
        return Err(refused);
    }
    let broken = || TokenRefused::of(TryFailure::Broken);
    let given: Given = serde_json::from_slice(&received.body).map_err(|_| broken())?;
    let header = Zeroizing::new(format!("Bearer {}", given.access_token.as_str()));
    let mut header = HeaderValue::from_str(&header).map_err(|_| broken())?;
    header.set_sensitive(true);
    // No longer than that, whatever it says: it is asked again before.
    let lasts = Duration::from_secs(given.expires_in).min(TOKEN_TIME_MAX);
    let until = begun + lasts.saturating_sub(EARLY.min(lasts / 2));
    Ok(AccessToken { header, until, end: begun + lasts })
}
