//! Durable writes over HTTP: new documents in one group that is bound to a JSON Schema, against
//! one thread that appends and calls fdatasync, and against etcd under the same clients.

use std::sync::{Arc, atomic::AtomicU64};

use crate::{
    Outcome, floor,
    load::{Load, StopCondition, Write},
    order::Order,
    process::Running,
    ratio::{EARLIER, NO_WORSE, Report, Target, median},
    servers::{etcd, muster},
    talk,
};

#[derive(Debug, Default)]
struct Rounds {
    floor: Vec<f64>,
    ours: Vec<f64>,
    p99: Vec<f64>,
    etcd: Vec<f64>,
    cpu: Vec<f64>,
    earlier: Vec<f64>,
    earlier_p99: Vec<f64>,
    earlier_cpu: Vec<f64>,
}

/// Who writes to which servers.
struct Loads<'a> {
    ours: (&'a Running, Load),
    etcd: Option<Load>,
    earlier: Option<(&'a Running, Load)>,
}

pub(crate) fn run(order: &Order, report: &mut Report) -> Outcome {
    let (server, write) = start(order)?;
    let other = match etcd::start(order) {
        Ok(other) => Some(other),
        Err(error) => {
            report.skip(&format!("writes against etcd: {error}"));
            None
        }
    };
    let before = before(order)?;
    let loads = Loads {
        ours: (&server, load(order, &server, write)),
        etcd: other.as_ref().map(|other| load(order, other, Arc::new(etcd::put))),
        earlier: before
            .as_ref()
            .map(|(server, write)| (server, load(order, server, write.clone()))),
    };
    report.say(&format!(
        "\nwrites: new documents of {} bytes, {} clients, with a key (etcd without)",
        muster::DOCUMENT_BYTES,
        order.clients
    ));
    if !order.warmup.is_zero() {
        let earlier = loads.earlier.as_ref().map(|(_, load)| load);
        for load in [Some(&loads.ours.1), loads.etcd.as_ref(), earlier].into_iter().flatten() {
            load.run(StopCondition::Time(order.warmup))?;
        }
    }
    let mut rounds = Rounds::default();
    for index in 1..=order.rounds {
        rounds.measure(order, &loads, index)?;
        report.say(&format!("round {index}: {}", rounds.last()));
    }
    rounds.judge(report);
    Ok(())
}

fn load(order: &Order, server: &Running, write: Write) -> Load {
    Load {
        address: server.address,
        clients: order.clients,
        write,
        next: Arc::new(AtomicU64::new(1)),
    }
}

/// A server with a bound group that requires a key, and what writes to it.
fn start(order: &Order) -> Outcome<(Running, Write)> {
    let server = muster::start(order, &order.scratch.join("writes"), None)?;
    muster::bind(&server)?;
    let key = talk::create_key(server.address)?;
    Ok((server, Arc::new(move |number| muster::put(number, Some(&key)))))
}

/// The earlier build, bound to the same schema.
fn before(order: &Order) -> Outcome<Option<(Running, Write)>> {
    let Some(earlier) = order.earlier() else { return Ok(None) };
    std::fs::create_dir_all(&earlier.scratch)?;
    start(&earlier).map(Some)
}

/// Puts a second, their 99th percentile in milliseconds, and microseconds of CPU time a put.
fn put(order: &Order, (server, load): &(&Running, Load)) -> Outcome<(f64, f64, f64)> {
    let before = server.cpu_time()?;
    let loaded = load.run(StopCondition::Time(order.round))?;
    let spent = server.cpu_time()? - before;
    let cpu = spent.as_secs_f64() * 1e6 / (loaded.rate() * loaded.time.as_secs_f64());
    Ok((loaded.rate(), loaded.p99(), cpu))
}

impl Rounds {
    /// Whoever comes first after another kind of load is slower by up to a fifth, so the two builds
    /// take turns at that.
    fn measure(&mut self, order: &Order, loads: &Loads<'_>, index: usize) -> Outcome {
        self.floor.push(floor::fdatasync(&order.scratch, order.round)?);
        if index.is_multiple_of(2) {
            self.measure_earlier(order, loads)?;
        }
        let (rate, p99, cpu) = put(order, &loads.ours)?;
        self.ours.push(rate);
        self.p99.push(p99);
        self.cpu.push(cpu);
        if let Some(etcd) = &loads.etcd {
            self.etcd.push(etcd.run(StopCondition::Time(order.round))?.rate());
        }
        if !index.is_multiple_of(2) {
            self.measure_earlier(order, loads)?;
        }
        Ok(())
    }

    fn measure_earlier(&mut self, order: &Order, loads: &Loads<'_>) -> Outcome {
        if let Some(earlier) = &loads.earlier {
            let (rate, p99, cpu) = put(order, earlier)?;
            self.earlier.push(rate);
            self.earlier_p99.push(p99);
            self.earlier_cpu.push(cpu);
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
        report.result("writes: of fdatasync", ratio(&self.floor), "", Target::AtLeast(2.6));
        if !self.etcd.is_empty() {
            report.result("writes: of etcd", ratio(&self.etcd), "", Target::AtLeast(2.0));
        }
        if !self.earlier.is_empty() {
            let what = format!("writes: of {EARLIER}");
            report.result(&what, ratio(&self.earlier), "", Target::AtLeast(NO_WORSE));
            let cpu = self.cpu.iter().zip(&self.earlier_cpu).map(|(ours, other)| other / ours);
            let what = format!("writes: CPU time a put, of {EARLIER}'s, inverted");
            report.result(&what, median(cpu), "", Target::AtLeast(NO_WORSE));
            let p99 = median(self.earlier_p99.iter().copied());
            report.fact(&format!("writes: p99 of {EARLIER}"), &format!("{p99:.2} ms"));
        }
        report.result("writes: p99", median(self.p99), " ms", Target::Below(25.0));
        report.fact("writes: puts per second", &format!("{:.0}", median(self.ours)));
    }
}
