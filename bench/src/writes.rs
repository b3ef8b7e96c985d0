//! Durable writes over HTTP: new documents in one group that is bound to a JSON Schema, against
//! one thread that appends and calls fdatasync, and against etcd under the same clients.

use std::sync::{Arc, atomic::AtomicU64};

use crate::{
    Outcome, floor,
    load::{Load, Until},
    order::Order,
    process::Running,
    ratio::{Report, Target, median},
    servers::{etcd, muster},
};

#[derive(Debug, Default)]
struct Rounds {
    floor: Vec<f64>,
    ours: Vec<f64>,
    p99: Vec<f64>,
    etcd: Vec<f64>,
    cpu: Vec<f64>,
}

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let server = muster::start(order, &order.scratch.join("writes"), None)?;
    muster::bind(&server)?;
    let other = match etcd::start(order) {
        Ok(other) => Some(other),
        Err(error) => {
            report.skip(&format!("writes against etcd: {error}"));
            None
        }
    };
    let ours = load(order, &server, muster::put);
    let theirs = other.as_ref().map(|other| load(order, other, etcd::put));
    report.say(&format!(
        "\nwrites: new documents of {} bytes, {} clients",
        muster::DOCUMENT_BYTES,
        order.clients
    ));
    if !order.warmup.is_zero() {
        ours.run(Until::Time(order.warmup))?;
        if let Some(theirs) = &theirs {
            theirs.run(Until::Time(order.warmup))?;
        }
    }
    let mut rounds = Rounds::default();
    for index in 1..=order.rounds {
        rounds.measure(order, (&server, &ours), theirs.as_ref())?;
        report.say(&format!("round {index}: {}", rounds.last()));
    }
    rounds.judge(report);
    Ok(())
}

fn load(order: &Order, server: &Running, write: crate::load::Write) -> Load {
    Load {
        address: server.address,
        clients: order.clients,
        write,
        next: Arc::new(AtomicU64::new(1)),
    }
}

impl Rounds {
    fn measure(
        &mut self,
        order: &Order,
        (server, ours): (&Running, &Load),
        theirs: Option<&Load>,
    ) -> Outcome {
        self.floor.push(floor::fdatasync(&order.scratch, order.round)?);
        let before = server.cpu_time()?;
        let loaded = ours.run(Until::Time(order.round))?;
        let spent = server.cpu_time()? - before;
        self.ours.push(loaded.rate());
        self.p99.push(loaded.p99());
        self.cpu.push(spent.as_secs_f64() * 1e6 / (loaded.rate() * loaded.time.as_secs_f64()));
        if let Some(theirs) = theirs {
            self.etcd.push(theirs.run(Until::Time(order.round))?.rate());
        }
        Ok(())
    }

    fn last(&self) -> String {
        let last = |values: &[f64]| values.last().copied().unwrap_or_default();
        format!(
            "fdatasync {:.0}/s, puts {:.0}/s, p99 {:.1} ms, {:.0} us of CPU a put, etcd {:.0}/s",
            last(&self.floor),
            last(&self.ours),
            last(&self.p99),
            last(&self.cpu),
            last(&self.etcd)
        )
    }

    fn judge(self, report: &mut Report) {
        let ratio =
            |others: &[f64]| median(self.ours.iter().zip(others).map(|(ours, other)| ours / other));
        report.result("writes: of fdatasync", ratio(&self.floor), "", Target::AtLeast(2.0));
        if !self.etcd.is_empty() {
            report.result("writes: of etcd", ratio(&self.etcd), "", Target::AtLeast(1.5));
        }
        report.result("writes: p99", median(self.p99), " ms", Target::Below(25.0));
        report.fact("writes: puts per second", &format!("{:.0}", median(self.ours)));
    }
}
