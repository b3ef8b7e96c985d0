//! What a connection goes on with after an answer that switches protocols (RFC 9110, 7.8).
//!
//! The HTTP library has an upgrade of its own, but hands the connection to another task, which no
//! order of the server would reach. Here the connection's own task goes on with it, so everything
//! still counts that bounds a connection: its place among all, slow readers, the server's end.

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, header};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::response_body::InFlightRequest;

/// A connection's bytes in both directions.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// Another protocol for the rest of a connection.
#[async_trait]
pub(crate) trait Upgrade: Send {
    /// Speaks it to its end. The caller closes the connection.
    async fn speak(self: Box<Self>, stream: &mut dyn Duplex);
}

/// Where a route leaves the protocol that it has agreed to. It is an extension of requests whose
/// connection can be upgraded, and of no other.
#[derive(Clone, Default)]
pub(crate) struct UpgradeSlot(Arc<Mutex<SlotContents>>);

#[derive(Default)]
struct SlotContents {
    upgrade: Option<Box<dyn Upgrade>>,
    /// The request lasts as long as what it began.
    in_flight: Option<InFlightRequest>,
}

/// An upgraded connection's protocol, with the request that began it.
pub(crate) struct Upgraded {
    pub upgrade: Box<dyn Upgrade>,
    pub in_flight: Option<InFlightRequest>,
}

impl UpgradeSlot {
    /// Leaves a protocol, for an answer with status 101.
    pub(crate) fn leave(&self, upgrade: impl Upgrade + 'static) {
        self.0.lock().upgrade = Some(Box::new(upgrade));
    }

    /// Keeps the request until the protocol ends.
    pub(crate) fn keep(&self, in_flight: InFlightRequest) {
        self.0.lock().in_flight = Some(in_flight);
    }

    /// Takes what was left.
    pub(crate) fn take(&self) -> Option<Upgraded> {
        let SlotContents { upgrade, in_flight } = std::mem::take(&mut *self.0.lock());
        Some(Upgraded { upgrade: upgrade?, in_flight })
    }
}

/// Whether a request asks to go on as a WebSocket. Servers may ignore other upgrades, and do.
pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let names = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    let mut names = names.flat_map(|names| names.split(','));
    names.any(|name| name.trim().eq_ignore_ascii_case("websocket"))
}
