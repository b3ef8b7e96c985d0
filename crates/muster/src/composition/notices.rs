use std::{
    collections::BTreeMap,
    io,
    os::unix::net::{SocketAddr, UnixDatagram},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::AbortHandle, time::interval};

/// How often a start that takes long asks for more time.
const EXTENSION_REST: Duration = Duration::from_secs(10);

/// The time that it asks for then, which is longer than the pause between two requests.
const EXTENSION: Duration = Duration::from_secs(30);

/// What a supervisor such as systemd is told of this process, over the socket that `NOTIFY_SOCKET`
/// names (`sd_notify(3)`). Without the variable nobody is told.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    socket: Option<Arc<(UnixDatagram, SocketAddr)>>,
    /// How often the supervisor wants a sign of life; it ends a process that gives none.
    watchdog: Option<Duration>,
    /// Whether the server answers: it was told to be ready, and doesn't stop yet.
    is_serving: Arc<AtomicBool>,
}

/// Asks for more time until it is dropped.
pub(super) struct Starting(Option<AbortHandle>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Notices {
    /// To the socket that the environment names. A socket that can't be used is said in the log.
    pub fn of(environment: &BTreeMap<String, String>) -> Self {
        let named = environment.get("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = named.and_then(|name| {
            let opened = open(name);
            opened
                .inspect_err(|error| tracing::warn!(%error, name, "NOTIFY_SOCKET can't be used"))
                .ok()
        });
        let watchdog = watchdog(environment).filter(|_| socket.is_some());
        Self { socket: socket.map(Arc::new), watchdog, is_serving: Arc::default() }
    }

    /// The server reads its ledger. However long that takes, it isn't ended.
    pub fn starting(&self) -> Starting {
        if self.socket.is_none() {
            return Starting(None);
        }
        let (notices, extension) = (self.clone(), EXTENSION.as_micros());
        let task = tokio::spawn(async move {
            let mut asks = interval(EXTENSION_REST);
            loop {
                asks.tick().await;
                notices
                    .tell(&format!("EXTEND_TIMEOUT_USEC={extension}\nSTATUS=reading the ledger"));
            }
        });
        Starting(Some(task.abort_handle()))
    }

    /// The server answers at this address.
    pub fn ready(&self, address: &str) {
        let process = std::process::id();
        self.is_serving.store(true, Ordering::Relaxed);
        self.tell(&format!("READY=1\nMAINPID={process}\nSTATUS=serving {address}"));
    }

    /// The server reads files again, and has done so. While it starts or stops, nobody is told: a
    /// supervisor would take it for ready.
    pub fn reloaded(&self) {
        if !self.is_serving.load(Ordering::Relaxed) {
            return;
        }
        self.tell("RELOADING=1");
        self.tell("READY=1");
    }

    /// The server takes no more requests.
    pub fn stopping(&self) {
        self.is_serving.store(false, Ordering::Relaxed);
        self.tell("STOPPING=1\nSTATUS=finishing what was begun");
    }

    /// The server works.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// How often the server is to say that it works; none: nobody asks.
    pub const fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    fn tell(&self, what: &str) {
        let Some(socket) = &self.socket else { return };
        let (socket, address) = &**socket;
        if let Err(error) = socket.send_to_addr(what.as_bytes(), address) {
            tracing::debug!(%error, "the supervisor isn't told");
        }
    }
}

/// A name that begins with `@` is one of Linux' abstract names.
fn open(name: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        Some(name) => abstract_address(name)?,
        None if name.starts_with('/') => SocketAddr::from_pathname(name)?,
        None => return Err(io::ErrorKind::Unsupported.into()),
    };
    let socket = UnixDatagram::unbound()?;
    // A supervisor that hangs must not hold up the server.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &str) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Half of the time within which the supervisor wants a sign of life of this process.
fn watchdog(environment: &BTreeMap<String, String>) -> Option<Duration> {
    let number = |name: &str| environment.get(name)?.parse::<u64>().ok();
    let is_meant =
        number("WATCHDOG_PID").is_none_or(|process| process == u64::from(std::process::id()));
    let within = number("WATCHDOG_USEC").filter(|within| *within > 1 && is_meant)?;
    Some(Duration::from_micros(within / 2))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tells_the_socket_that_is_named_and_nobody_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        let notices = Notices::of(&environment(&[("NOTIFY_SOCKET", path.to_str().unwrap())]));
        notices.ready("http://127.0.0.1:8080");
        let mut bytes = [0; 256];
        let length = supervisor.recv(&mut bytes).unwrap();
        let told = std::str::from_utf8(&bytes[..length]).unwrap();
        assert!(told.starts_with("READY=1\n"), "{told}");
        for name in ["", "relative", "/nowhere/at/all"] {
            Notices::of(&environment(&[("NOTIFY_SOCKET", name)])).ready("nobody hears it");
        }
        Notices::of(&BTreeMap::new()).stopping();
    }

    #[test]
    fn reading_files_again_makes_nobody_ready_who_starts_or_stops() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).unwrap();
        supervisor.set_nonblocking(true).unwrap();
        let told = || {
            let mut bytes = [0; 256];
            let length = supervisor.recv(&mut bytes).ok()?;
            String::from_utf8_lossy(&bytes[..length]).lines().next().map(str::to_owned)
        };
        let notices = Notices::of(&environment(&[("NOTIFY_SOCKET", path.to_str().unwrap())]));
        notices.reloaded();
        assert_eq!(told(), None);
        notices.ready("http://127.0.0.1:8080");
        assert_eq!(told().as_deref(), Some("READY=1"));
        notices.reloaded();
        assert_eq!([told().as_deref(), told().as_deref()], [Some("RELOADING=1"), Some("READY=1")]);
        notices.stopping();
        assert_eq!(told().as_deref(), Some("STOPPING=1"));
        notices.reloaded();
        assert_eq!(told(), None);
    }

    #[test]
    fn gives_a_sign_of_life_twice_in_the_time_that_is_asked_for() {
        let own = std::process::id().to_string();
        let second = Some(Duration::from_millis(500));
        for (variables, expect) in [
            (&[("WATCHDOG_USEC", "1000000")] as &[_], second),
            (&[("WATCHDOG_USEC", "1000000"), ("WATCHDOG_PID", &own)], second),
            (&[("WATCHDOG_USEC", "1000000"), ("WATCHDOG_PID", "1")], None),
            (&[("WATCHDOG_USEC", "0")], None),
            (&[("WATCHDOG_USEC", "soon")], None),
            (&[], None),
        ] {
            assert_eq!(watchdog(&environment(variables)), expect, "{variables:?}");
        }
    }
}
