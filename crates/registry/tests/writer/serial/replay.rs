use std::sync::atomic::AtomicBool;

use muster_catalog::command::Command;
use muster_registry::SubmitError;
use muster_words::Position;

use super::{clients::labelled, *};

/// A command as the ledger has it.
struct Accepted {
    label: String,
    moment: Moment,
    id: CommandId,
    end: Position,
}

/// A second registry, in which the commands come one after another at their recorded moments.
struct SerialReplay {
    registry: Registry,
    below: Arc<dyn Ledger>,
    /// Moment and id of the next command.
    next: Arc<std::sync::Mutex<(Moment, CommandId)>>,
    /// While it is on, nothing can be written, so that a command can be tried without effect.
    is_full: Arc<AtomicBool>,
}

impl SerialReplay {
    async fn new(genesis: &Accepted) -> Self {
        let next = Arc::new(std::sync::Mutex::new((genesis.moment, genesis.id)));
        let (of_now, of_ids) = (next.clone(), next.clone());
        let clock = Clock {
            now: Arc::new(move || of_now.lock().unwrap().0),
            command_id: Arc::new(move || of_ids.lock().unwrap().1),
        };
        let is_full = Arc::new(AtomicBool::new(false));
        let switch = is_full.clone();
        let faults = std::iter::repeat_with(move || match switch.load(Ordering::Relaxed) {
            true => AppendFault::Full,
            false => AppendFault::Pass,
        });
        let below: Arc<dyn Ledger> = Arc::new(MemoryLedger::new());
        let ledger: Arc<dyn Ledger> = Arc::new(FaultyLedger::new(below.clone(), faults));
        let settings = settings(Foundation::BuiltIn, clock);
        let registry = Registry::open(Box::new(LedgerHandle(ledger)), settings).await.unwrap();
        Self { registry, below, next, is_full }
    }

    /// Does an accepted command again.
    async fn accept(&self, accepted: &Accepted, sent: &Sent, number: u64) {
        *self.next.lock().unwrap() = (accepted.moment, accepted.id);
        let label = &accepted.label;
        let done = self.registry.submit(sent.command.clone(), &labelled(label)).await;
        let done = match done {
            Ok(done) => done,
            Err(error) => panic!("seed {number}, {label} at {}: {error:?}", accepted.end),
        };
        let answer = Ok((done.position, done.outcome, done.shows));
        assert_eq!(answer, sent.answer, "seed {number}, {label}");
    }

    /// Whether a command would be refused here. Of several reasons another may come first: what
    /// was found out at an older view isn't looked for again.
    async fn refuses(&self, command: &Command) -> bool {
        self.is_full.store(true, Ordering::Relaxed);
        let answer = self.registry.submit(command.clone(), &labelled("try")).await;
        self.is_full.store(false, Ordering::Relaxed);
        matches!(answer, Err(SubmitError::Refused(_)))
    }
}

async fn accepted(registry: &Registry) -> Vec<Accepted> {
    let mut found: Vec<Accepted> = Vec::new();
    loop {
        let after = found.last().map_or(Position::ZERO, |last| last.end);
        let page = registry.commands_after(after).await.unwrap();
        if page.is_empty() {
            return found;
        }
        found.extend(page.into_iter().map(|committed| {
            let entry = &committed.entries[0];
            Accepted {
                label: entry.request.clone().unwrap_or_default(),
                moment: entry.moment,
                id: entry.command,
                end: committed.position(),
            }
        }));
    }
}

/// Decides the accepted commands again in the ledger's order, each alone: every one is accepted
/// with the same answer and gives the same bytes. Every refusal would be given by some state
/// between its command's sending and its answer.
pub async fn check(ledger: &dyn Ledger, registry: &Registry, sent: Vec<Sent>, number: u64) {
    let mut order = accepted(registry).await.into_iter();
    let genesis = order.next().unwrap();
    let serial = SerialReplay::new(&genesis).await;
    let (done, mut refused): (Vec<_>, Vec<_>) =
        sent.into_iter().partition(|sent| sent.answer.is_ok());
    refused.retain(|sent| sent.answer != Err("contended"));
    let mut done: BTreeMap<String, Sent> =
        done.into_iter().map(|sent| (sent.label.clone(), sent)).collect();
    explain(&serial, &mut refused, genesis.end).await;
    for accepted in order {
        let sent = done.remove(&accepted.label);
        let Some(sent) = sent else {
            panic!("seed {number}: nobody was told of {}", accepted.label)
        };
        serial.accept(&accepted, &sent, number).await;
        explain(&serial, &mut refused, accepted.end).await;
    }
    assert_eq!(done.len(), 0, "seed {number}: acknowledged and not in the ledger");
    let (one, other) = (ledger.head().await, serial.below.head().await);
    assert_eq!(one.unwrap(), other.unwrap(), "seed {number}");
    assert_eq!(
        registry.catalog().first_difference(&serial.registry.catalog()),
        None,
        "seed {number}"
    );
    if let Some(left) = refused.first() {
        let (label, answer, window) = (&left.label, &left.answer, left.window);
        let command = &left.command.action;
        panic!("seed {number}, {label}: none in {window:?} refuses so: {answer:?}, {command:?}");
    }
    serial.registry.close().await;
}

/// Strikes out the refusals that this state would give.
async fn explain(serial: &SerialReplay, refused: &mut Vec<Sent>, at: Position) {
    let mut left = Vec::with_capacity(refused.len());
    for sent in refused.drain(..) {
        let is_within = sent.window.0 <= at && at <= sent.window.1;
        if !is_within || !serial.refuses(&sent.command).await {
            left.push(sent);
        }
    }
    *refused = left;
}
