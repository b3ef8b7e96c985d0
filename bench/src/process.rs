//! Servers as processes of their own: started, waited for, measured and ended.

use std::{
    fs::{self, File},
    io,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{Outcome, machine, talk};

/// Looks at whether a server answers this often, so that its start is measured finely.
const POLL: Duration = Duration::from_millis(1);

/// A server that runs until this goes.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    pub address: SocketAddr,
    /// From the start of the process until its first good answer.
    pub took: Duration,
}

/// A server to be started.
pub(crate) struct Start<'a> {
    pub program: &'a Path,
    pub arguments: Vec<String>,
    pub address: SocketAddr,
    /// What it answers 200 to, once it is there; none: it is there when it can be connected to.
    pub probe: Option<&'a str>,
    /// The core that it is kept on.
    pub core: Option<usize>,
    /// Where what it says goes.
    pub log: PathBuf,
    pub patience: Duration,
}

/// An address on this computer that nobody listens on.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

impl Start<'_> {
    /// Starts it and waits until it answers.
    pub(crate) fn run(self) -> Outcome<Running> {
        let log = File::create(&self.log)?;
        let mut command = on_core(self.program, self.core)?;
        command.args(&self.arguments).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let child = command.spawn()?;
        let mut running =
            Running { child, log: self.log, address: self.address, took: Duration::ZERO };
        while started.elapsed() < self.patience {
            let is_there = match self.probe {
                Some(path) => {
                    talk::get(self.address, path).is_ok_and(|answer| answer.status == 200)
                }
                None => TcpStream::connect(self.address).is_ok(),
            };
            if is_there {
                running.took = started.elapsed();
                return Ok(running);
            }
            if let Some(status) = running.child.try_wait()? {
                let said = fs::read_to_string(&running.log).unwrap_or_default();
                return Err(format!("{} ended ({status}): {said}", self.program.display()).into());
            }
            std::thread::sleep(POLL);
        }
        Err(format!("{} didn't answer in {:?}", self.program.display(), self.patience).into())
    }
}

/// A program, kept on one core where there are more.
pub(crate) fn on_core(program: &Path, core: Option<usize>) -> Outcome<Command> {
    let Some(core) = core.filter(|core| *core < machine::cores()) else {
        return Ok(Command::new(program));
    };
    // It becomes the program that it is told to start, so the process id stays.
    let mut command = Command::new(machine::TASKSET.find()?);
    command.arg("-c").arg(core.to_string()).arg(program);
    Ok(command)
}

impl Running {
    /// CPU time of the process with all its threads and children, user and system.
    pub(crate) fn cpu_time(&self) -> Outcome<Duration> {
        let mut ticks = 0;
        for process in self.processes() {
            ticks += ticks_of(process)?;
        }
        // Linux counts in hundredths of a second here, whatever its timer does (man 5 proc).
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Waits until it uses next to no CPU time: what it does after a load has ended.
    pub(crate) fn rest(&self) -> Outcome {
        let until = Instant::now() + Duration::from_secs(120);
        while Instant::now() < until {
            let before = self.cpu_time()?;
            std::thread::sleep(Duration::from_millis(500));
            if self.cpu_time()? - before <= Duration::from_millis(10) {
                return Ok(());
            }
        }
        Err("a server doesn't come to rest".into())
    }

    /// Bytes of memory that are the process's own and not a file's.
    pub(crate) fn memory(&self) -> Outcome<u64> {
        memory_of(self.child.id())
    }

    fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        std::iter::once(own).chain(children).collect()
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Outcome {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(())
    }
}

/// Bytes of memory that are a process's own and not a file's.
pub(crate) fn memory_of(process: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes.ok_or("the system tells no memory")?.parse()?;
    Ok(kibibytes * 1024)
}

/// User and system time of a process, fields 14 and 15 of its `stat` (man 5 proc).
pub(crate) fn ticks_of(process: u32) -> Outcome<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let behind_name = stat.rsplit_once(") ").ok_or("the system tells no times")?.1;
    let mut fields = behind_name.split(' ').skip(11);
    let mut next = || -> Outcome<u64> { Ok(fields.next().ok_or("no times")?.parse()?) };
    Ok(next()? + next()?)
}

impl Drop for Running {
    fn drop(&mut self) {
        // A server with a child of its own (nginx) ends it only when asked.
        if matches!(self.child.try_wait(), Ok(None)) {
            let id = self.child.id().to_string();
            let _ = Command::new("kill").arg("-TERM").arg(id).status();
        }
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
