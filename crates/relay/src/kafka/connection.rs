use std::{net::SocketAddr, time::Duration};

use muster_guard::addresses::Destination;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::{
    credentials::{KafkaCredentials, NotScram, Scram},
    messages::{
        Call, ErrorCode, authenticate_request, authenticated, handshake, handshake_request,
        versions,
    },
};
use crate::{
    connector::{ByteStream, Connector},
    decision::{TryFailure, shown},
    target::KafkaMechanism,
};

/// The largest answer that is read, in bytes: one about a topic of ten thousand partitions has half
/// of it.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How long a broker may take until it can be asked something, before another one is tried.
const OPEN_WAIT: Duration = Duration::from_secs(8);

/// A connection to a broker, on which one question after the other is asked and answered.
pub(super) struct KafkaConnection {
    stream: Box<dyn ByteStream>,
    /// How many questions were asked.
    asked: i32,
}

/// Whom a broker takes us for.
pub(super) struct KafkaLogin<'a> {
    pub credentials: &'a KafkaCredentials,
    pub mechanism: KafkaMechanism,
    pub random: [u8; 32],
}

impl KafkaConnection {
    /// Connects, finds out whether the broker speaks what is spoken here, and says who we are.
    ///
    /// # Errors
    /// See [`TryFailure`].
    pub async fn open(
        (connector, destination, addresses): (&Connector, &Destination, &[SocketAddr]),
        login: Option<KafkaLogin<'_>>,
    ) -> Result<Self, TryFailure> {
        let opening = async {
            let (_, stream) = connector.connect(addresses).await?;
            let stream: Box<dyn ByteStream> = match destination.is_encrypted {
                true => Box::new(connector.secure_nameless(destination, stream).await?),
                false => Box::new(stream),
            };
            let mut connection = Self { stream, asked: 0 };
            connection.agree().await?;
            if let Some(login) = login {
                connection.log_in(login).await?;
            }
            Ok(connection)
        };
        timeout(OPEN_WAIT, opening).await.unwrap_or(Err(TryFailure::Timeout))
    }

    /// Finds out whether the broker speaks what is spoken here: it ends the connection without a word
    /// if it is asked in a version that it doesn't know.
    async fn agree(&mut self) -> Result<(), TryFailure> {
        let answer = self.ask(Call::ApiVersions, &[]).await?;
        let (error, spoken) = versions(&answer).ok_or(TryFailure::Broken)?;
        if error != ErrorCode::NONE {
            return Err(TryFailure::Answer(error.shown("")));
        }
        for call in Call::ALL {
            let (number, version) = call.number_and_version();
            let is_sasl = matches!(call, Call::SaslHandshake | Call::SaslAuthenticate);
            let is_spoken = spoken.iter().any(|(one, lowest, highest)| {
                *one == number && (*lowest..=*highest).contains(&version)
            });
            // Not every broker knows credentials.
            if !is_spoken && !is_sasl {
                let text = format!("it doesn't speak version {version} of Kafka's {call:?}");
                return Err(TryFailure::Answer(text));
            }
        }
        Ok(())
    }

    async fn log_in(&mut self, login: KafkaLogin<'_>) -> Result<(), TryFailure> {
        let mechanism = login.mechanism.name();
        let answer = self.ask(Call::SaslHandshake, &handshake_request(mechanism)).await?;
        let (error, offered) = handshake(&answer).ok_or(TryFailure::Broken)?;
        if error == ErrorCode::ILLEGAL_SASL_STATE {
            return Err(TryFailure::Answer(error.shown("")));
        }
        if error != ErrorCode::NONE {
            let offered = shown(&offered.join(", "));
            let text = format!("it doesn't offer {mechanism}, but {offered}: set `mechanism`");
            return Err(TryFailure::Answer(text));
        }
        let Some(scram) = Scram::new(login.credentials, login.mechanism, login.random) else {
            return self.say(&login.credentials.plain()).await.map(drop);
        };
        let challenge = self.say(scram.first().as_bytes()).await?;
        let (proof, expected) = scram.proof(&challenge).map_err(not_scram)?;
        let last = self.say(proof.as_bytes()).await?;
        expected.verify(&last).map_err(not_scram)
    }

    /// Sends a message of the mechanism. The broker's answer.
    async fn say(&mut self, message: &[u8]) -> Result<Vec<u8>, TryFailure> {
        let answer = self.ask(Call::SaslAuthenticate, &authenticate_request(message)).await?;
        authenticated(&answer).ok_or(TryFailure::Broken)?.map_err(|(error, text)| {
            let text = match (error, text.as_str()) {
                (_, "") if error == ErrorCode::SASL_AUTHENTICATION => {
                    "it doesn't accept the credentials".to_owned()
                }
                (_, "") => error.shown(""),
                (_, text) => format!("it doesn't accept the credentials: {}", shown(text)),
            };
            TryFailure::Answer(text)
        })
    }

    /// Asks something. The answer, without its head.
    ///
    /// # Errors
    /// See [`TryFailure`]. The connection can't be used any more.
    pub async fn ask(&mut self, call: Call, body: &[u8]) -> Result<Vec<u8>, TryFailure> {
        self.asked = self.asked.wrapping_add(1);
        let head = call.head(self.asked);
        let length = i32::try_from(head.len() + body.len()).map_err(|_| TryFailure::Broken)?;
        let request = [&length.to_be_bytes()[..], &head, body].concat();
        let exchange = async {
            self.stream.write_all(&request).await?;
            self.stream.flush().await?;
            let length = self.stream.read_i32().await?;
            let length = usize::try_from(length).ok().filter(|length| *length <= ANSWER_BYTES_MAX);
            let Some(length) = length else { return Ok(None) };
            let mut answer = Vec::new();
            // What is read grows with what comes, not with what a broker says.
            let limit = u64::try_from(length).unwrap_or_default();
            (&mut self.stream).take(limit).read_to_end(&mut answer).await?;
            Ok::<_, std::io::Error>(Some(answer).filter(|answer| answer.len() == length))
        };
        let answer = exchange.await.ok().flatten().ok_or(TryFailure::Broken)?;
        let (correlation, answer) = answer.split_first_chunk().ok_or(TryFailure::Broken)?;
        if i32::from_be_bytes(*correlation) != self.asked {
            return Err(TryFailure::Broken);
        }
        Ok(answer.to_vec())
    }

    /// Whether nothing was asked yet but what it speaks.
    pub const fn is_new(&self) -> bool {
        self.asked <= 1
    }
}

fn not_scram(NotScram(text): NotScram) -> TryFailure {
    TryFailure::Answer(text.to_owned())
}
