use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::super::{fields::Fields, messages::Call};

/// What a broker of a test does, and what it was asked.
pub struct Heard {
    /// The answers to records; the last one is given again. The smallest number ends the connection.
    codes: Vec<i16>,
    /// The number of the broker that leads, and where it is.
    pub leader: i32,
    named: (String, u16),
    /// Who leads after so many records.
    next: Option<(usize, (String, u16))>,
    pub topic_error: i16,
    pub producer_error: i16,
    pub lowest_version: i16,
    pub wants_login: bool,
    pub offered: String,
    /// To what it says nothing.
    pub silent: Vec<Call>,
    /// More brokers of the cluster, with their numbers and ports.
    pub others: Vec<(i32, u16)>,
    /// Who leads each partition, if it isn't one for all.
    pub leaders: Vec<i32>,
    pub is_garbage: bool,
    asked: Vec<Call>,
    /// What came: the partition, the number of its first record, and how many there were.
    pieces: Vec<(i32, i32, i32)>,
    /// Who sent them.
    producers: Vec<i64>,
    /// How many producers got a number.
    named_producers: i64,
    told: Vec<u8>,
    /// How many partitions the topic has, all led by one broker.
    pub partitions: usize,
}

/// A broker that says what a test wants.
pub struct Broker {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    task: JoinHandle<()>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Broker {
    pub async fn start(codes: &[i16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Heard {
            codes: codes.to_vec(),
            leader: 1,
            named: ("127.0.0.1".to_owned(), address.port()),
            next: None,
            topic_error: 0,
            producer_error: 0,
            lowest_version: 0,
            wants_login: false,
            offered: String::new(),
            silent: Vec::new(),
            others: Vec::new(),
            leaders: Vec::new(),
            is_garbage: false,
            asked: Vec::new(),
            pieces: Vec::new(),
            producers: Vec::new(),
            named_producers: 0,
            partitions: 1,
            told: Vec::new(),
        }));
        let all = heard.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, all.clone()));
            }
        });
        Self { address, heard, task }
    }

    pub fn naming(self, host: &str) -> Self {
        self.change(|all| host.clone_into(&mut all.named.0));
        self
    }

    /// Another one leads when this one has refused some records.
    pub fn led_by(&self, other: &Self, after: usize) {
        let place = ("127.0.0.1".to_owned(), other.address.port());
        self.change(|all| all.next = Some((after, place)));
    }

    pub fn change(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.heard.lock().unwrap());
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("kafka://{}", self.address)
    }

    pub fn count(&self, call: Call) -> usize {
        self.heard.lock().unwrap().asked.iter().filter(|one| **one == call).count()
    }

    pub fn sequences(&self) -> Vec<i32> {
        self.pieces().into_iter().map(|(_, sequence, _)| sequence).collect()
    }

    pub fn pieces(&self) -> Vec<(i32, i32, i32)> {
        self.heard.lock().unwrap().pieces.clone()
    }

    /// Who sent each piece: 1 is the first producer.
    pub fn producers(&self) -> Vec<i64> {
        self.heard.lock().unwrap().producers.clone()
    }

    pub fn told(&self) -> Vec<u8> {
        self.heard.lock().unwrap().told.clone()
    }

    /// Ends it. Nobody listens at its address any more.
    pub async fn end(mut self) -> SocketAddr {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.address
    }
}

async fn serve(mut stream: TcpStream, heard: Arc<Mutex<Heard>>) {
    let mut is_in = false;
    while let Ok(length) = stream.read_i32().await {
        let mut request = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut request).await.unwrap();
        let answer = heard.lock().unwrap().answer(&request, &mut is_in);
        let Some(answer) = answer else { return };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

impl Heard {
    /// From now on it answers this to records.
    pub fn answer_always(&mut self, code: i16) {
        self.codes = vec![code];
    }

    /// The answer with its length in front; none ends the connection.
    fn answer(&mut self, request: &[u8], is_in: &mut bool) -> Option<Vec<u8>> {
        let mut fields = Fields::of(request);
        let named = (fields.int16().unwrap(), fields.int16().unwrap());
        let correlation = fields.int32().unwrap();
        assert_eq!(fields.text().unwrap(), "muster");
        let call = Call::ALL.into_iter().find(|call| call.number_and_version() == named).unwrap();
        self.asked.push(call);
        if self.silent.contains(&call) {
            return Some(Vec::new());
        }
        if self.is_garbage {
            return Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
        }
        let body = match call {
            Call::ApiVersions => answers::versions(self.lowest_version),
            Call::SaslHandshake => {
                let wanted = fields.text().unwrap();
                let code = match (self.wants_login, self.offered == wanted) {
                    (false, _) => 34,
                    (true, false) => 33,
                    (true, true) => 0,
                };
                answers::handshake(code, &self.offered)
            }
            Call::SaslAuthenticate => {
                self.told = fields.bytes().unwrap().to_vec();
                *is_in = true;
                answers::authenticated()
            }
            _ if self.wants_login && !*is_in => return None,
            Call::Metadata => self.metadata(),
            Call::InitProducerId => {
                self.named_producers += 1;
                answers::producer(self.producer_error, self.named_producers)
            }
            Call::Produce => {
                let mut told = Vec::new();
                for (piece, producer) in pieces(fields) {
                    self.pieces.push(piece);
                    self.producers.push(producer);
                    let code = match self.codes.len() {
                        1 => self.codes[0],
                        _ => self.codes.remove(0),
                    };
                    told.push((piece.0, code));
                }
                if told.iter().any(|(_, code)| *code == i16::MIN) {
                    return None;
                }
                answers::produced(&told)
            }
        };
        let length = i32::try_from(body.len() + 4).unwrap();
        Some([&length.to_be_bytes()[..], &correlation.to_be_bytes(), &body].concat())
    }

    /// Which broker leads which partition.
    fn metadata(&self) -> Vec<u8> {
        let place = match &self.next {
            Some((after, next)) if self.pieces.len() >= *after => next,
            _ => &self.named,
        };
        let others = self.others.iter().map(|(number, port)| (*number, "127.0.0.1", *port));
        let one = (1, place.0.as_str(), place.1);
        let brokers = std::iter::once(one).chain(others);
        let brokers: Vec<_> = brokers.map(|(id, at, port)| (id, at, port.into())).collect();
        let leaders = match &self.leaders[..] {
            [] => vec![self.leader; self.partitions],
            leaders => leaders.to_vec(),
        };
        answers::metadata(&brokers, self.topic_error, &leaders)
    }
}

/// The partition of each batch in a request to store them, the number of its first record, and how many
/// it has; and who sent it.
fn pieces(mut fields: Fields<'_>) -> Vec<((i32, i32, i32), i64)> {
    assert_eq!(fields.maybe_text(), Some(None));
    assert_eq!(fields.int16(), Some(-1), "acks");
    fields.int32().unwrap();
    let topics = fields.list(|topic| {
        assert_eq!(topic.text().unwrap(), "t");
        topic.list(|partition| {
            let (number, batch) = (partition.int32()?, partition.bytes()?);
            let count = i32::from_be_bytes(batch[57..61].try_into().unwrap());
            let last = i32::from_be_bytes(batch[23..27].try_into().unwrap());
            assert_eq!(last, count - 1);
            let producer = i64::from_be_bytes(batch[43..51].try_into().unwrap());
            let first = i32::from_be_bytes(batch[53..57].try_into().unwrap());
            Some(((number, first, count), producer))
        })
    });
    topics.unwrap().remove(0)
}

/// The bodies of answers.
pub mod answers {
    use super::super::super::{fields::put_text, messages::Call};

    fn concat(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    pub fn versions(lowest: i16) -> Vec<u8> {
        let mut body = 0_i16.to_be_bytes().to_vec();
        body.extend_from_slice(&6_i32.to_be_bytes());
        for call in Call::ALL {
            body.extend_from_slice(&call.number_and_version().0.to_be_bytes());
            body.extend_from_slice(&lowest.to_be_bytes());
            body.extend_from_slice(&12_i16.to_be_bytes());
        }
        body
    }

    pub fn handshake(code: i16, offered: &str) -> Vec<u8> {
        let mut body = concat(&[&code.to_be_bytes(), &1_i32.to_be_bytes()]);
        put_text(&mut body, offered);
        body
    }

    pub fn authenticated() -> Vec<u8> {
        concat(&[&0_i16.to_be_bytes(), &(-1_i16).to_be_bytes(), &0_i32.to_be_bytes()])
    }

    pub fn producer(code: i16, number: i64) -> Vec<u8> {
        let zero = 0_i32.to_be_bytes();
        concat(&[&zero, &code.to_be_bytes(), &number.to_be_bytes(), &0_i16.to_be_bytes()])
    }

    pub fn produced(told: &[(i32, i16)]) -> Vec<u8> {
        let mut body = 1_i32.to_be_bytes().to_vec();
        put_text(&mut body, "t");
        body.extend_from_slice(&i32::try_from(told.len()).unwrap().to_be_bytes());
        for (partition, code) in told {
            body.extend_from_slice(&partition.to_be_bytes());
            body.extend_from_slice(&code.to_be_bytes());
            body.extend_from_slice(&[0; 16]);
        }
        body.extend_from_slice(&[0; 4]);
        body
    }

    pub fn metadata(brokers: &[(i32, &str, i32)], error: i16, leaders: &[i32]) -> Vec<u8> {
        let count = |length: usize| i32::try_from(length).unwrap().to_be_bytes();
        let mut body = concat(&[&0_i32.to_be_bytes(), &count(brokers.len())]);
        for (number, host, port) in brokers {
            body.extend_from_slice(&number.to_be_bytes());
            put_text(&mut body, host);
            body.extend_from_slice(&port.to_be_bytes());
            put_text(&mut body, "rack");
        }
        put_text(&mut body, "cluster");
        body.extend_from_slice(&1_i32.to_be_bytes());
        body.extend_from_slice(&1_i32.to_be_bytes());
        body.extend_from_slice(&error.to_be_bytes());
        put_text(&mut body, "t");
        body.push(0);
        body.extend_from_slice(&count(leaders.len()));
        for (index, leader) in leaders.iter().enumerate().rev() {
            body.extend_from_slice(&0_i16.to_be_bytes());
            body.extend_from_slice(&count(index));
            body.extend_from_slice(&leader.to_be_bytes());
            body.extend_from_slice(&count(1));
            body.extend_from_slice(&1_i32.to_be_bytes());
            body.extend_from_slice(&count(0));
        }
        body
    }
}
