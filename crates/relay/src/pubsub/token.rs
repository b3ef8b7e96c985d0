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
    decision::{TryFailure, shown},
    http_sender::{ANSWER_BYTES_MAX, HttpSender, Received, Sending},
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

/// How many accounts' tokens are kept. A registry has a few targets.
const TOKENS_MAX: usize = 100;

/// The tokens that are known, by the digest of their key.
#[derive(Default)]
pub(super) struct AccessTokens {
    known: Mutex<HashMap<Digest, KnownToken>>,
}

/// A token that may have to be asked for. Whoever asks first does it for the others as well.
type KnownToken = Arc<tokio::sync::Mutex<Option<AccessToken>>>;

pub(super) struct AccessToken {
    /// The header with it. Logs don't show it.
    pub header: HeaderValue,
    pub until: Instant,
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
        let known = self.of(secret);
        let mut known = known.lock().await;
        if let Some(token) = known.as_ref().filter(|token| Instant::now() < token.until) {
            return Ok(token.header.clone());
        }
        let account = ServiceAccount::read(secret.expose()).ok_or(UNREADABLE)?;
        let token = account.ask(sender, (deadline, now)).await?;
        Ok(known.insert(token).header.clone())
    }

    /// A token isn't taken any more. Somebody else may have noticed it first and have another one.
    pub async fn forget(&self, secret: &Secret, refused: &HeaderValue) {
        let known = self.of(secret);
        let mut known = known.lock().await;
        known.take_if(|token| token.header == *refused);
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
    ) -> Result<AccessToken, TryFailure> {
        let assertion = self.assertion(now).ok_or(UNREADABLE)?;
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
        token_of(&sent.await?, begun)
    }
}

/// The token in an answer.
pub(super) fn token_of(received: &Received, begun: Instant) -> Result<AccessToken, TryFailure> {
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
        return Err(TryFailure::Answer(format!(
            "no token is given for the service account: {text}"
        )));
    }
    let given: Given = serde_json::from_slice(&received.body).map_err(|_| TryFailure::Broken)?;
    let header = Zeroizing::new(format!("Bearer {}", given.access_token.as_str()));
    let mut header = HeaderValue::from_str(&header).map_err(|_| TryFailure::Broken)?;
    header.set_sensitive(true);
    let lasts = Duration::from_secs(given.expires_in);
    Ok(AccessToken { header, until: begun + lasts.saturating_sub(EARLY.min(lasts / 2)) })
}
