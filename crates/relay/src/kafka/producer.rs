use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use muster_guard::{addresses::Destination, secret_references::Secret};
use muster_words::Digest;
use tokio::time::{Instant, timeout};

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
    target::{KafkaMechanism, KafkaTarget},
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
    pub kafka: &'a KafkaTarget,
    pub cluster: KnownCluster<'a>,
    /// When the try ends.
    pub until: Instant,
}

impl KafkaRun<'_> {
    /// How long one broker may take: half of what is left, so that one that hangs leaves the others'
    /// records time for a second round.
    fn broker_time(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now()) / 2
    }
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
            Err(fault) => {
                run.cluster.forget();
                return sending.failed_all(fault);
            }
        };
        sending.arrange(cluster.leaders.len());
        let mut by_leader: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for partition in sending.partitions() {
            let place = usize::try_from(partition).unwrap_or_default();
            let leader = cluster.leaders.get(place).copied().unwrap_or(-1);
            by_leader.entry(leader).or_default().push(partition);
        }
        let mut asked: Vec<(Destination, Vec<i32>)> = Vec::new();
        for (leader, partitions) in by_leader {
            match leader_of(run, (&cluster, leader), &partitions) {
                Ok(broker) => asked.push((broker, partitions)),
                Err(fault) => self.failed(&partitions, &fault, sending),
            }
        }
        if asked.is_empty() {
            return;
        }
        match self.identity(run, asked.iter().map(|(broker, _)| broker)).await {
            Ok(identity) => self.send_to(run, identity, asked, sending).await,
            Err(fault) => {
                // Another broker may lead by now.
                run.cluster.forget();
                sending.failed_all(fault);
            }
        }
    }

    /// Sends one request to each of some brokers, to all at once: none waits for another one.
    async fn send_to(
        &mut self,
        run: &KafkaRun<'_>,
        identity: (i64, i16),
        asked: Vec<(Destination, Vec<i32>)>,
        sending: &mut KafkaSending<'_>,
    ) {
        let topic = run.kafka.topic.as_str();
        let were_in_doubt = self.in_doubt.clone();
        let mut asking = Vec::new();
        for (broker, partitions) in asked {
            let batch = |partition: &i32| {
                let sequence = self.sequences.get(partition).copied().unwrap_or_default();
                let by = Authorship { producer: identity.0, epoch: identity.1, sequence };
                (*partition, batch_of(&sending.piece(*partition), by))
            };
            let batches: Vec<(i32, Vec<u8>)> = partitions.iter().map(batch).collect();
            let wait = i32::try_from(run.broker_time().as_millis()).unwrap_or(i32::MAX);
            let request = produce_request(topic, wait, &batches);
            // From here on they may be stored, until somebody says that they aren't.
            self.in_doubt.extend(&partitions);
            let open = self.open_to(&broker);
            asking.push(async move {
                (
                    partitions,
                    Asking { run, broker: &broker }.ask(open, Call::Produce, &request).await,
                )
            });
        }
        for (partitions, Asked { is_sent, answer, open }) in join_all(asking).await {
            self.connections.extend(open);
            if !is_sent {
                self.in_doubt
                    .retain(|one| were_in_doubt.contains(one) || !partitions.contains(one));
            }
            if answer.is_err() {
                // One that is gone says nothing, and the others may have chosen another leader by now.
                run.cluster.forget();
            }
            let answer = answer.map_err(Fault::from);
            let told = answer.and_then(|answer| {
                produced(&answer, topic).ok_or(TryFailure::Broken).map_err(Fault::from)
            });
            let told = match told {
                Ok(told) => told,
                Err(fault) => {
                    self.failed(&partitions, &fault, sending);
                    continue;
                }
            };
            for partition in partitions {
                let was_in_doubt = were_in_doubt.contains(&partition);
                let piece = Piece { partition, was_in_doubt, identity };
                match told.get(&partition) {
                    Some(error) => self.learn(*error, piece, topic, sending),
                    None => sending.failed(partition, TryFailure::Broken.into(), true),
                }
            }
        }
    }

    /// Nothing is known of what was sent to these partitions, or nothing was sent.
    fn failed(&self, partitions: &[i32], fault: &Fault, sending: &mut KafkaSending<'_>) {
        for partition in partitions {
            let is_in_doubt = self.in_doubt.contains(partition);
            sending.failed(*partition, fault.clone(), is_in_doubt);
        }
    }

    /// Goes on as another producer, with numbers that nobody knows.
    fn restart(&mut self) {
        self.identity = None;
        self.sequences.clear();
        self.in_doubt.clear();
    }

    /// Takes note of what a broker said of a piece.
    fn learn(
        &mut self,
        error: ErrorCode,
        Piece { partition, was_in_doubt, identity }: Piece,
        topic: &str,
        sending: &mut KafkaSending<'_>,
    ) {
        let meaning = error.meaning();
        // One of its records may be the cause.
        let may_split = matches!(meaning, ErrorMeaning::TooLarge | ErrorMeaning::Unacceptable);
        let is_of_content = may_split || meaning == ErrorMeaning::Content;
        match meaning {
            ErrorMeaning::Stored => {
                // The numbers of a producer that was replaced meanwhile don't matter any more.
                if self.identity == Some(identity) {
                    let next = self.sequences.entry(partition).or_default();
                    *next = sequence_after(*next, sending.piece(partition).len());
                }
                self.in_doubt.remove(&partition);
            }
            // A leader that has moved may have stored it before.
            ErrorMeaning::InDoubt | ErrorMeaning::Moved | ErrorMeaning::Unknown => {}
            ErrorMeaning::Forgotten => self.restart(),
            // This time it wasn't stored. An earlier time may have been another matter, and the others
            // mustn't be refused with the one that is the cause, neither those in the piece nor those
            // behind it: they are sent by themselves, with other numbers.
            _ if is_of_content && was_in_doubt => self.restart(),
            _ if !was_in_doubt => {
                self.in_doubt.remove(&partition);
            }
            _ => {}
        }
        let is_in_doubt = self.in_doubt.contains(&partition);
        match verdict(error, topic) {
            Ok(()) => sending.stored(partition),
            Err(_) if may_split && !is_in_doubt && sending.split(partition) => {}
            // This may have been the last try, so nobody waits for the next one to send them alone.
            Err(_) if is_of_content && was_in_doubt && sending.scatter(partition) => {}
            Err(fault) => sending.failed(partition, fault, is_in_doubt),
        }
    }

    /// The number of this producer, which any broker gives.
    async fn identity(
        &mut self,
        run: &KafkaRun<'_>,
        brokers: impl Iterator<Item = &Destination>,
    ) -> Result<(i64, i16), Fault> {
        if let Some(identity) = self.identity {
            return Ok(identity);
        }
        let mut last = Fault::passing(TryFailure::Unreachable);
        for broker in brokers {
            let answer = self.ask(run, broker, Call::InitProducerId, &producer_request()).await;
            let told = answer.and_then(|answer| producer(&answer).ok_or(TryFailure::Broken));
            match told {
                Ok(Ok(identity)) => {
                    self.sequences.clear();
                    return Ok(*self.identity.insert(identity));
                }
                Ok(Err(error)) => {
                    let failure = TryFailure::Answer(error.shown(&run.kafka.topic));
                    let passes = error.meaning() == ErrorMeaning::InDoubt;
                    last = Fault { failure, passes };
                }
                Err(failure) => last = failure.into(),
            }
        }
        Err(last)
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
        let topic = &run.kafka.topic;
        let answer = self.ask(run, broker, Call::Metadata, &metadata_request(topic)).await?;
        cluster_state(&answer, topic).ok_or(TryFailure::Broken)
    }

    /// The connection of this try to a broker.
    fn open_to(&mut self, broker: &Destination) -> Option<OpenConnection> {
        let host = broker.host.to_string();
        let is_one = |place: &&BrokerPlace| place.host == host && place.port == broker.port;
        let place = self.connections.keys().find(is_one)?.clone();
        self.connections.remove_entry(&place)
    }

    /// Asks a broker something that any other could say as well.
    async fn ask(
        &mut self,
        run: &KafkaRun<'_>,
        broker: &Destination,
        call: Call,
        body: &[u8],
    ) -> Result<Vec<u8>, TryFailure> {
        let open = self.open_to(broker);
        let Asked { answer, open, .. } = Asking { run, broker }.ask(open, call, body).await;
        self.connections.extend(open);
        answer
    }
}

/// A piece that a broker was asked to store.
#[derive(Clone, Copy)]
struct Piece {
    partition: i32,
    was_in_doubt: bool,
    /// Who sent it.
    identity: (i64, i16),
}

/// A connection with where it leads.
type OpenConnection = (BrokerPlace, KafkaConnection);

/// A broker that is asked something.
#[derive(Clone, Copy)]
struct Asking<'a> {
    run: &'a KafkaRun<'a>,
    broker: &'a Destination,
}

/// What came of it.
struct Asked {
    /// Whether the broker may have got the question.
    is_sent: bool,
    answer: Result<Vec<u8>, TryFailure>,
    /// The connection, if it can be used again.
    open: Option<OpenConnection>,
}

impl Asking<'_> {
    /// Asks over the connection to it, or over a new one if there is none.
    async fn ask(self, open: Option<OpenConnection>, call: Call, body: &[u8]) -> Asked {
        let mut is_sent = false;
        let asking = async {
            let (place, mut connection) = match open {
                Some(open) => open,
                None => self.connect().await?,
            };
            let is_new = connection.is_new();
            is_sent = true;
            match connection.ask(call, body).await {
                Ok(answer) => Ok((answer, (place, connection))),
                // A broker says nothing to those from whom it wants credentials first.
                Err(TryFailure::Broken) if is_new && self.run.kafka.credentials.is_none() => {
                    let text = "it ended the connection; it may ask for `credentials`";
                    Err(TryFailure::Answer(text.to_owned()))
                }
                Err(failure) => Err(failure),
            }
        };
        let asked = timeout(self.run.broker_time(), asking).await;
        let (answer, open) = match asked.unwrap_or(Err(TryFailure::Timeout)) {
            Ok((answer, open)) => (Ok(answer), Some(open)),
            Err(failure) => (Err(failure), None),
        };
        Asked { is_sent, answer, open }
    }

    /// A connection to the broker, once for each try. Its name is resolved for each of them, also where
    /// another broker has named it, and a new connection goes to an address that was checked.
    async fn connect(self) -> Result<OpenConnection, TryFailure> {
        let Self { run, broker, .. } = self;
        // A name may lead to another address by now, and a secret may be another one.
        let addresses = run.connector.addresses(broker).await?;
        let secret = (run.secret)(broker)?;
        let digest = secret.as_ref().map(|secret| Digest::of(secret.expose().as_bytes()));
        let place = BrokerPlace {
            host: broker.host.to_string(),
            port: broker.port,
            is_encrypted: broker.is_encrypted,
            login: digest.map(|digest| (run.kafka.mechanism, digest)),
        };
        if let Some(connection) = run.cluster.sender.connections.take(&place) {
            return Ok((place, connection));
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
        Ok((place, connection))
    }
}

/// The broker that leads some partitions.
fn leader_of(
    run: &KafkaRun<'_>,
    (cluster, leader): (&ClusterState, i32),
    partitions: &[i32],
) -> Result<Destination, Fault> {
    let named = cluster.brokers.iter().find(|(number, ..)| *number == leader);
    let Some((_, host, port)) = named else {
        let (topic, partition) = (&run.kafka.topic, partitions.first().copied());
        let partition = partition.unwrap_or_default();
        let text = format!("no broker leads partition {partition} of {topic} now");
        return Err(Fault::passing(TryFailure::Answer(text)));
    };
    let is_encrypted = is_encrypted(run.kafka);
    let broker = run.connector.named(host, *port, is_encrypted).map_err(TryFailure::Refused)?;
    Ok(broker)
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
        ErrorMeaning::Content => {
            Err(Fault { failure: TryFailure::Content(error.shown(topic)), passes: false })
        }
        ErrorMeaning::Refused | ErrorMeaning::Unknown => Err(Fault { failure, passes: false }),
    }
}
