use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use muster_guard::{addresses::Destination, secret_references::Secret};
use muster_words::Digest;

use super::{
    KnownCluster,
    connection::{KafkaConnection, KafkaLogin},
    credentials::KafkaCredentials,
    fields::length,
    messages::{
        Call, ClusterState, ErrorCode, ErrorMeaning, cluster_state, metadata_request,
        produce_request, produced, producer, producer_request,
    },
    record::{Authorship, batch_of},
    sending::{Fault, KafkaSending},
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

/// Writes to one topic, one piece after the other to each partition. What it numbers is stored once, however often it
/// is sent.
#[derive(Default)]
pub(super) struct KafkaProducer {
    /// The connections of the try that runs.
    pub connections: HashMap<BrokerPlace, KafkaConnection>,
    /// The number and the epoch that the cluster gave.
    identity: Option<(i64, i16)>,
    /// The number of the next record for each partition.
    sequences: HashMap<i32, i32>,
    /// The partitions whose last piece may be stored although nobody said so.
    pub in_doubt: BTreeSet<i32>,
}

impl KafkaProducer {
    /// Sends records, and waits until all replicas in sync have stored them. What is known of them
    /// stays there if this is cut off.
    pub async fn send(&mut self, run: &KafkaRun<'_>, sending: &mut KafkaSending<'_>) {
        let mut round = 1;
        while !sending.is_finished() {
            sending.is_delayed = false;
            self.send_once(run, sending).await;
            if !sending.is_delayed {
                // Pieces that follow others, and halves, are left.
                continue;
            }
            if round == ROUNDS {
                sending.give_up();
                return;
            }
            // Whatever was wrong, what is known of the cluster may be.
            run.cluster.forget();
            // The first time, something was only out of date.
            if round > 1 {
                tokio::time::sleep(ROUND_PAUSE).await;
            }
            round += 1;
        }
    }

    /// Sends the next piece of each partition, in one request to each broker that leads some.
    async fn send_once(&mut self, run: &KafkaRun<'_>, sending: &mut KafkaSending<'_>) {
        let cluster = match self.cluster(run).await {
            Ok(cluster) => cluster,
            Err(fault) => return sending.failed_all(fault),
        };
        sending.arrange(cluster.leaders.len());
        let mut by_leader: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for partition in sending.partitions() {
            let place = usize::try_from(partition).unwrap_or_default();
            let leader = cluster.leaders.get(place).copied().unwrap_or(-1);
            by_leader.entry(leader).or_default().push(partition);
        }
        for (leader, partitions) in by_leader {
            let sent = self.send_to(run, (&cluster, leader), &partitions, sending).await;
            let Err(fault) = sent else { continue };
            for partition in partitions {
                let is_in_doubt = self.in_doubt.contains(&partition);
                sending.failed(partition, fault.clone(), is_in_doubt);
            }
        }
    }

    /// Sends one request to a broker.
    async fn send_to(
        &mut self,
        run: &KafkaRun<'_>,
        (cluster, leader): (&ClusterState, i32),
        partitions: &[i32],
        sending: &mut KafkaSending<'_>,
    ) -> Result<(), Fault> {
        let topic = run.kafka.topic.as_str();
        let named = cluster.brokers.iter().find(|(number, ..)| *number == leader);
        let Some((_, host, port)) = named else {
            let partition = partitions.first().copied().unwrap_or_default();
            let text = format!("no broker leads partition {partition} of {topic} now");
            return Err(Fault::passing(TryFailure::Answer(text)));
        };
        let is_encrypted = is_encrypted(run.kafka);
        let leader = run.connector.named(host, *port, is_encrypted).map_err(TryFailure::Refused)?;
        let (producer, epoch) = self.identity(run, &leader).await?;
        let batch = |partition: &i32| {
            let sequence = self.sequences.get(partition).copied().unwrap_or_default();
            let by = Authorship { producer, epoch, sequence };
            (*partition, batch_of(&sending.piece(*partition), by))
        };
        let batches: Vec<(i32, Vec<u8>)> = partitions.iter().map(batch).collect();
        let deadline = i32::try_from(run.target.deadline.as_millis()).unwrap_or(i32::MAX);
        let request = produce_request(topic, deadline, &batches);
        let place = self.connect(run, &leader).await?;
        // From here on they may be stored, until somebody says that they aren't.
        let were_in_doubt = self.in_doubt.clone();
        self.in_doubt.extend(partitions);
        let answer = self.ask(run, place, Call::Produce, &request).await?;
        let told = produced(&answer, topic).ok_or(TryFailure::Broken)?;
        for partition in partitions {
            let was_in_doubt = were_in_doubt.contains(partition);
            match told.get(partition) {
                Some(error) => self.learn(*error, (*partition, was_in_doubt), topic, sending),
                None => sending.failed(*partition, TryFailure::Broken.into(), true),
            }
        }
        Ok(())
    }

    /// Takes note of what a broker said of a piece.
    fn learn(
        &mut self,
        error: ErrorCode,
        (partition, was_in_doubt): (i32, bool),
        topic: &str,
        sending: &mut KafkaSending<'_>,
    ) {
        match error.meaning() {
            ErrorMeaning::Stored => {
                let next = self.sequences.entry(partition).or_default();
                *next = sequence_after(*next, sending.piece(partition).len());
                self.in_doubt.remove(&partition);
            }
            ErrorMeaning::InDoubt => {}
            ErrorMeaning::Forgotten => {
                self.identity = None;
                self.sequences.clear();
                self.in_doubt.clear();
            }
            // This time it wasn't stored; an earlier time may have been another matter.
            _ if !was_in_doubt => {
                self.in_doubt.remove(&partition);
            }
            _ => {}
        }
        let is_in_doubt = self.in_doubt.contains(&partition);
        // One of its records may be the cause.
        let may_split =
            matches!(error.meaning(), ErrorMeaning::TooLarge | ErrorMeaning::Unacceptable)
                && !is_in_doubt;
        match verdict(error, topic) {
            Ok(()) => sending.stored(partition),
            Err(_) if may_split && sending.split(partition) => {}
            Err(fault) => sending.failed(partition, fault, is_in_doubt),
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

/// The number of the record behind so many others. Behind the highest number comes 0.
fn sequence_after(sequence: i32, count: usize) -> i32 {
    sequence.wrapping_add(length(count)) & i32::MAX
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
