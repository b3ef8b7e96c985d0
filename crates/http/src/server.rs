//! Accepts connections and bounds what each may cost: how long a head may take, how long a
//! connection may idle, how slowly a client may read, how many there may be.

mod connection;
mod head;
mod serve;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch::Receiver,
    time::{Instant, MissedTickBehavior},
};

#[cfg(feature = "fuzzing")]
pub use head::read_head;
use muster_wire::{ErrorKind, Problem};

use self::serve::ConnectionServer;
use crate::{
    Front, ServerLimits, Tls,
    connections::{ConnectionOrder, Connections},
    problem::refusal_bytes,
};

/// Where the server is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// It takes connections and requests.
    #[default]
    Running,
    /// It takes no new ones; idle connections and streams end, requests in flight get their time.
    Draining,
    /// Everything ends now.
    Stopping,
}

/// An address that is taken while nothing listens on it yet, so that who connects is refused.
pub struct ReservedAddress(TcpSocket);

impl ReservedAddress {
    /// Takes an address.
    ///
    /// # Errors
    /// It can't be had: in use, or not this computer's.
    pub fn take(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // Connections of an earlier server that are still closing are no reason to wait.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }

    /// Begins to listen. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// Another program was faster.
    pub fn listen(self, limits: ServerLimits) -> io::Result<Server> {
        Ok(Server { listener: self.0.listen(BACKLOG)?, limits, tls: None })
    }
}

/// How many connections the system keeps that weren't accepted yet.
const BACKLOG: u32 = 1_024;

/// A listening socket that isn't served yet.
pub struct Server {
    listener: TcpListener,
    limits: ServerLimits,
    tls: Option<Tls>,
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// The address can't be had: in use, or not this computer's.
    pub async fn bind(address: SocketAddr, limits: ServerLimits) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, limits, tls: None })
    }

    /// Speaks TLS and nothing else.
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The address that it listens on, with the port that was chosen where 0 was asked for.
    ///
    /// # Errors
    /// The system doesn't say.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `phase` says otherwise, and returns when the last connection is gone: at once
    /// where nothing is in flight, after [`ServerLimits::drain_grace`] at the latest, or as soon
    /// as the phase is [`Phase::Stopping`].
    pub async fn serve(self, front: Arc<Front>, phase: Receiver<Phase>) {
        let limits = Arc::new(self.limits);
        let connections = Connections::new(Arc::clone(&limits));
        front.metrics().count_connections(&connections);
        let server = Arc::new(ConnectionServer::new(front, limits, phase.clone(), self.tls));
        accept_while_running(self.listener, &server, &connections, phase.clone()).await;
        drain(&server, &connections, phase).await;
    }
}

/// Takes connections until the phase changes; the listener is closed then.
async fn accept_while_running(
    listener: TcpListener,
    server: &Arc<ConnectionServer>,
    connections: &Arc<Connections>,
    phase: Receiver<Phase>,
) {
    let leaving = left_running(phase);
    tokio::pin!(leaving);
    let mut sweep = tokio::time::interval(server.limits.sweep_interval);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut leaving => return,
            _ = sweep.tick() => connections.sweep(),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(stream, peer, server, connections),
                Err(error) => after_accept_error(&error, connections).await,
            },
        }
    }
}

/// Serves a connection in a task of its own. Where there are as many as may be, those that have
/// idled longest make room; where none is idle, the newcomer is told that the server is busy.
fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    server: &Arc<ConnectionServer>,
    connections: &Arc<Connections>,
) {
    if connections.is_full() && !connections.evict_idle() {
        // Within TLS it would cost more to say so than to serve it.
        if !server.is_secure() {
            refuse(&stream);
        }
        return;
    }
    // A small answer must not wait for the acknowledgement of the one before (Nagle, RFC 896).
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let slot = connections.enter();
    let server = Arc::clone(server);
    tokio::spawn(async move { server.serve(stream, peer, slot.watch()).await });
}

/// A connection that ended before it was accepted is no fault of ours; a lack of file descriptors
/// or memory passes when connections end, so idle ones are ended and a moment is waited.
async fn after_accept_error(error: &io::Error, connections: &Connections) {
    let passing = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::Interrupted,
    ];
    if passing.contains(&error.kind()) {
        return;
    }
    tracing::warn!(%error, "connections can't be accepted for the moment");
    connections.evict_idle();
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Tells a newcomer that there is no room. It may have sent its request already: what is here of
/// it is read, because closing with unread bytes would take the answer back.
fn refuse(stream: &TcpStream) {
    let problem = Problem::new(ErrorKind::ServerBusy).subject("/");
    if stream.try_write(&refusal_bytes(&problem)).is_ok() {
        let _ = stream.try_read(&mut [0; 4096]);
    }
}

async fn drain(server: &ConnectionServer, connections: &Connections, phase: Receiver<Phase>) {
    connections.order_all(ConnectionOrder::Drain);
    let mut sweep = tokio::time::interval(server.limits.sweep_interval);
    let deadline = tokio::time::sleep_until(Instant::now() + server.limits.drain_grace);
    let stopping = stopping(phase);
    tokio::pin!(deadline, stopping);
    loop {
        tokio::select! {
            () = connections.emptied() => return,
            () = &mut stopping => break,
            () = &mut deadline => break,
            _ = sweep.tick() => connections.sweep(),
        }
    }
    connections.order_all(ConnectionOrder::Close);
    connections.emptied().await;
}

/// Waits until the server is to stop. Where nobody is left to say so, it stops.
async fn left_running(mut phase: Receiver<Phase>) {
    let _ = phase.wait_for(|phase| *phase != Phase::Running).await;
}

/// Waits until the server is to stop at once. Where nobody is left to say so, what is in flight
/// still gets its time.
async fn stopping(mut phase: Receiver<Phase>) {
    if phase.wait_for(|phase| *phase == Phase::Stopping).await.is_err() {
        std::future::pending::<()>().await;
    }
}
