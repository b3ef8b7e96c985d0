use std::{collections::HashMap, sync::Arc, time::Duration};

use muster_guard::{addresses::Destination, secret_references::Secret};
use muster_words::Digest;

use super::{
    KnownCluster,
    connection::{KafkaConnection, KafkaLogin},
    credentials::KafkaCredentials,
    messages::{
        Call, ClusterState, ErrorCode, ErrorMeaning, cluster_state, metadata_request,
        produce_request, produced, producer, producer_request,
    },
    record::{Authorship, KafkaRecord},
};
use crate::{
    connector::Connector,
    decision::TryFailure,
    target::{KafkaMechanism, KafkaTarget, RelayTarget},
};

/// How often one try asks. A leader that has moved is found by the second time, and one that is being
/// chosen usually by the last.
const ROUNDS: usize = 4;

/// The pause before another broker leads, if none does now.
const ROUND_PAUSE: Duration = Duration::from_millis(150);

/// The secret isn't what a cluster of Kafka takes.
const UNREADABLE: TryFailure =
    TryFailure::Credentials { expected: "user:password, or a connection string of Event Hubs" };

/// What one try stands on.
pub(super) struct KafkaRun<'a> {
    pub connector: &'a Connector,
    /// The secret for a host, if the target names one.
    pub secret: &'a (dyn Fn(&Destination) -> Result<Option<Secret>, TryFailure> + Sync),
    pub random: [u8; 32],
    pub target: &'a RelayTarget,
    pub kafka: &'a KafkaTarget,
    pub cluster: KnownCluster<'a>,
}

/// A broker's host and port, how it is spoken with, and whom it takes us for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct BrokerPlace {
    host: String,
    port: u16,
    is_encrypted: bool,
    login: Option<(KafkaMechanism, Digest)>,
}

/// Writes to one topic, one record after the other. What it numbers is stored once, however often it
/// is sent.
#[derive(Default)]
pub(super) struct KafkaProducer {
    /// The connections of the try that runs.
    pub connections: HashMap<BrokerPlace, KafkaConnection>,
    /// The number and the epoch that the cluster gave.
    identity: Option<(i64, i16)>,
    /// The number of the next record for each partition.
    sequences: HashMap<i32, i32>,
    /// Whether the last record may be stored although nobody said so.
    pub is_in_doubt: bool,
}

/// Why a record isn't known to be stored.
struct Fault {
    failure: TryFailure,
    /// Whether asking again may help at once.
    passes: bool,
}

impl Fault {
    const fn passing(failure: TryFailure) -> Self {
        Self { failure, passes: true }
    }
}

impl From<TryFailure> for Fault {
    fn from(failure: TryFailure) -> Self {
        let passes = matches!(failure, TryFailure::Broken | TryFailure::Unreachable);
        Self { failure, passes }
    }
}

impl KafkaProducer {
    /// Sends a record, and waits until all replicas in sync have stored it.
    ///
    /// # Errors
    /// See [`TryFailure`].
    pub async fn send(
        &mut self,
        run: &KafkaRun<'_>,
        record: &KafkaRecord,
    ) -> Result<(), TryFailure> {
        let mut round = 1;
        loop {
            match self.send_once(run, record).await {
                Ok(()) => return Ok(()),
                Err(fault) if !fault.passes || round == ROUNDS => return Err(fault.failure),
                // Whatever was wrong, what is known of the cluster may be.
                Err(_) => run.cluster.forget(),
            }
            // The first time, something was only out of date.
            if round > 1 {
                tokio::time::sleep(ROUND_PAUSE).await;
            }
            round += 1;
        }
    }

    async fn send_once(&mut self, run: &KafkaRun<'_>, record: &KafkaRecord) -> Result<(), Fault> {
        let topic = run.kafka.topic.as_str();
        let cluster = self.cluster(run).await?;
        let partition = record.partition(cluster.leaders.len());
        let leader = cluster.leaders.get(partition).copied().unwrap_or(-1);
        let partition = i32::try_from(partition).unwrap_or_default();
        let named = cluster.brokers.iter().find(|(number, ..)| *number == leader);
        let Some((_, host, port)) = named else {
            let text = format!("no broker leads partition {partition} of {topic} now");
            return Err(Fault::passing(TryFailure::Answer(text)));
        };
        let is_encrypted = is_encrypted(run.kafka);
        let leader = run.connector.named(host, *port, is_encrypted).map_err(TryFailure::Refused)?;
        let (producer, epoch) = self.identity(run, &leader).await?;
        let sequence = self.sequences.get(&partition).copied().unwrap_or_default();
        let batch = record.batch(Authorship { producer, epoch, sequence });
        let deadline = i32::try_from(run.target.deadline.as_millis()).unwrap_or(i32::MAX);
        let request = produce_request((topic, partition), deadline, &batch);
        let place = self.connect(run, &leader).await?;
        // From here on it may be stored, until somebody says that it isn't.
        let was_in_doubt = std::mem::replace(&mut self.is_in_doubt, true);
        let answer = self.ask(run, place, Call::Produce, &request).await?;
        let error = produced(&answer, topic, partition).ok_or(TryFailure::Broken)?;
        self.learn(error, partition, was_in_doubt);
        verdict(error, topic)
    }

    /// Takes note of what a broker said of a record.
    fn learn(&mut self, error: ErrorCode, partition: i32, was_in_doubt: bool) {
        match error.meaning() {
            ErrorMeaning::Stored => {
                let next = self.sequences.entry(partition).or_default();
                *next = next.checked_add(1).unwrap_or_default();
                self.is_in_doubt = false;
            }
            ErrorMeaning::InDoubt => {}
            ErrorMeaning::Forgotten => {
                self.identity = None;
                self.sequences.clear();
                self.is_in_doubt = false;
            }
            // This time it wasn't stored; an earlier time may have been another matter.
            _ => self.is_in_doubt = was_in_doubt,
        }
    }

    /// The number of this producer, which any broker gives.
    async fn identity(
        &mut self,
        run: &KafkaRun<'_>,
        broker: &Destination,
    ) -> Result<(i64, i16), Fault> {
        if let Some(identity) = self.identity {
            return Ok(identity);
        }
        let place = self.connect(run, broker).await?;
        let answer = self.ask(run, place, Call::InitProducerId, &producer_request()).await?;
        match producer(&answer).ok_or(TryFailure::Broken)? {
            Ok(identity) => {
                self.sequences.clear();
                Ok(*self.identity.insert(identity))
            }
            Err(error) => {
                let failure = TryFailure::Answer(error.shown(&run.kafka.topic));
                let passes = error.meaning() == ErrorMeaning::InDoubt;
                Err(Fault { failure, passes })
            }
        }
    }

    /// What is known of the cluster, from the first broker that answers.
    async fn cluster(&mut self, run: &KafkaRun<'_>) -> Result<Arc<ClusterState>, Fault> {
        if let Some(known) = run.cluster.state() {
            return Ok(known);
        }
        let brokers = run.connector.kafka(&run.kafka.url).map_err(TryFailure::Refused)?;
        let mut last = TryFailure::Unreachable;
        for broker in brokers {
            match self.ask_cluster(run, &broker).await {
                Ok(known) => {
                    described(&known, &run.kafka.topic)?;
                    let known = Arc::new(known);
                    run.cluster.learn(&known);
                    return Ok(known);
                }
                // Nobody names a mixture of permitted and refused addresses by accident.
                Err(refused @ TryFailure::Refused(_)) => return Err(refused.into()),
                Err(failure) => last = failure,
            }
        }
        Err(last.into())
    }

    async fn ask_cluster(
        &mut self,
        run: &KafkaRun<'_>,
        broker: &Destination,
    ) -> Result<ClusterState, TryFailure> {
        let place = self.connect(run, broker).await?;
        let topic = &run.kafka.topic;
        let answer = self.ask(run, place, Call::Metadata, &metadata_request(topic)).await?;
        cluster_state(&answer, topic).ok_or(TryFailure::Broken)
    }

    /// A connection to a broker, once for each try. Its name is resolved for each of them, also
    /// where another broker has named it, and a new connection goes to an address that was checked.
    async fn connect(
        &mut self,
        run: &KafkaRun<'_>,
        broker: &Destination,
    ) -> Result<BrokerPlace, TryFailure> {
        let host = broker.host.to_string();
        let is_one = |place: &&BrokerPlace| place.host == host && place.port == broker.port;
        if let Some(place) = self.connections.keys().find(is_one) {
            return Ok(place.clone());
        }
        // A name may lead to another address by now, and a secret may be another one.
        let addresses = run.connector.addresses(broker).await?;
        let secret = (run.secret)(broker)?;
        let digest = secret.as_ref().map(|secret| Digest::of(secret.expose().as_bytes()));
        let place = BrokerPlace {
            host,
            port: broker.port,
            is_encrypted: broker.is_encrypted,
            login: digest.map(|digest| (run.kafka.mechanism, digest)),
        };
        if let Some(connection) = run.cluster.sender.connections.take(&place) {
            self.connections.insert(place.clone(), connection);
            return Ok(place);
        }
        let credentials = secret
            .map(|secret| KafkaCredentials::read(secret.expose()).ok_or(UNREADABLE))
            .transpose()?;
        let login = credentials.as_ref().map(|credentials| KafkaLogin {
            credentials,
            mechanism: run.kafka.mechanism,
            random: run.random,
        });
        let route = (run.connector, broker, &addresses[..]);
        let connection = KafkaConnection::open(route, login).await?;
        self.connections.insert(place.clone(), connection);
        Ok(place)
    }

    /// Asks a broker to which there is a connection. After a failure there is none any more.
    async fn ask(
        &mut self,
        run: &KafkaRun<'_>,
        place: BrokerPlace,
        call: Call,
        body: &[u8],
    ) -> Result<Vec<u8>, TryFailure> {
        let mut connection = self.connections.remove(&place).ok_or(TryFailure::Unreachable)?;
        let is_new = connection.is_new();
        match connection.ask(call, body).await {
            Ok(answer) => {
                self.connections.insert(place, connection);
                Ok(answer)
            }
            // A broker says nothing to those from whom it wants credentials first.
            Err(TryFailure::Broken) if is_new && run.kafka.credentials.is_none() => {
                let text = "it ended the connection; it may ask for `credentials`";
                Err(TryFailure::Answer(text.to_owned()))
            }
            Err(failure) => Err(failure),
        }
    }
}

fn is_encrypted(kafka: &KafkaTarget) -> bool {
    kafka.url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("kafkas:"))
}

/// Whether a topic is there.
fn described(cluster: &ClusterState, topic: &str) -> Result<(), Fault> {
    let failure = || TryFailure::Answer(cluster.error.shown(topic));
    match cluster.error.meaning() {
        ErrorMeaning::Stored if !cluster.leaders.is_empty() => Ok(()),
        // The leader of one partition may be missing; that matters when it is asked for.
        ErrorMeaning::Moved if cluster.error != ErrorCode::UNKNOWN_TOPIC => {
            Err(Fault::passing(failure()))
        }
        _ => Err(Fault { failure: failure(), passes: false }),
    }
}

/// What a broker's answer about a record means for the try.
fn verdict(error: ErrorCode, topic: &str) -> Result<(), Fault> {
    let failure = TryFailure::Answer(error.shown(topic));
    match error.meaning() {
        ErrorMeaning::Stored => Ok(()),
        ErrorMeaning::Moved | ErrorMeaning::InDoubt | ErrorMeaning::Forgotten => {
            Err(Fault::passing(failure))
        }
        ErrorMeaning::TooLarge => {
            Err(Fault { failure: TryFailure::TooLarge { bytes_max: None }, passes: false })
        }
        ErrorMeaning::Unacceptable => {
            Err(Fault { failure: TryFailure::Unacceptable(error.shown(topic)), passes: false })
        }
        ErrorMeaning::Refused => Err(Fault { failure, passes: false }),
    }
}
