use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use crate::Failure;

/// Reads an address to listen on: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, the name of
/// another host, or a port alone (`8080`, `:8080`). A port alone is one of this computer, because
/// whoever wants others to reach the server should have to say so.
///
/// # Errors
/// It isn't an address, or the host has none.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, Failure> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let wrong = |why: &str| {
        Failure::usage(format!("{text:?} isn't an address to listen on{why}"))
            .help("use an address and a port, such as --listen 127.0.0.1:8080, or a port alone")
    };
    let port: u16 = port.parse().map_err(|_| wrong(""))?;
    if host.is_empty() || host.eq_ignore_ascii_case("localhost") {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    let found = (host, port).to_socket_addrs().map_err(|error| wrong(&format!(": {error}")))?;
    found.min_by_key(SocketAddr::is_ipv6).ok_or_else(|| wrong(": the host has no address"))
}

/// An address at which this computer reaches a server that listens there.
pub(super) fn reachable(local: SocketAddr) -> SocketAddr {
    match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, local.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, local.port()).into(),
        _ => local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_every_way_to_name_a_port() {
        for (text, expect) in [
            ("127.0.0.1:9101", Some("127.0.0.1:9101")),
            ("0.0.0.0:9101", Some("0.0.0.0:9101")),
            ("[::1]:9101", Some("[::1]:9101")),
            (":9101", Some("127.0.0.1:9101")),
            ("9101", Some("127.0.0.1:9101")),
            ("localhost:9101", Some("127.0.0.1:9101")),
            ("Localhost:0", Some("127.0.0.1:0")),
            ("", None),
            ("localhost", None),
            ("127.0.0.1", None),
            ("127.0.0.1:99999", None),
            ("http://127.0.0.1:8080", None),
        ] {
            let found = listen_address(text).map(|address| address.to_string());
            assert_eq!(found.ok().as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn shows_an_address_that_can_be_asked() {
        for (local, expect) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("10.1.2.3:1", "10.1.2.3:1"),
            ("127.0.0.1:1", "127.0.0.1:1"),
        ] {
            let local: Option<SocketAddr> = local.parse().ok();
            assert_eq!(local.map(reachable).map(|it| it.to_string()).as_deref(), Some(expect));
        }
    }
}
