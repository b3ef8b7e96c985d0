use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
};

use thiserror::Error;

/// The maximum length of a URL in a document, in bytes: what receivers and proxies accept.
const URL_BYTES_MAX: usize = 2_048;

/// The maximum length of a host name (RFC 1035, 2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// The maximum length of a part of a host name (RFC 1035, 2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// Where a URL leads: parsed, but not resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Whether the connection is within TLS.
    pub is_encrypted: bool,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// The path, with the query if there is one. It begins with a slash.
    pub path: String,
}

/// A host, as a name that must be resolved or as an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name in lower case, without a dot at its end.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// Why the server doesn't connect to a URL.
///
/// No variant holds an address or a time: who named the URL learns nothing about the server's own
/// network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressRefused {
    /// The text isn't a URL.
    #[error("it isn't a URL such as https://host/path: {0}")]
    Form(&'static str),
    /// The scheme is another one.
    #[error("its scheme must be {0}, or {1} where the settings allow the address")]
    Scheme(&'static str, &'static str),
    /// It holds a user or a password.
    #[error("it holds a user or a password; name a secret by reference instead")]
    UserInfo,
    /// The address is in a network that the settings don't allow.
    #[error("its address is in a network that propagation.allow in the settings doesn't hold")]
    Network,
    /// It would send in clear text to an address that the settings don't allow.
    #[error(
        "what isn't within TLS is only for addresses that propagation.allow in the settings holds"
    )]
    ClearText,
}

/// The schemes of a protocol's URLs, with their usual ports.
struct Schemes {
    encrypted: (&'static str, u16),
    clear: (&'static str, u16),
}

const HTTP: Schemes = Schemes { encrypted: ("https", 443), clear: ("http", 80) };
const NATS: Schemes = Schemes { encrypted: ("tls", 4222), clear: ("nats", 4222) };
const WEBSOCKET: Schemes = Schemes { encrypted: ("wss", 443), clear: ("ws", 80) };
const KAFKA: Schemes = Schemes { encrypted: ("kafkas", 9093), clear: ("kafka", 9092) };

/// The most brokers that a URL names. Two or three are usual: they name the others.
const BROKERS_MAX: usize = 16;

impl Destination {
    /// Parses a URL of HTTP strictly. What other programs would read in different ways is refused.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn parse(url: &str) -> Result<Self, AddressRefused> {
        Self::parse_as(url, &HTTP)
    }

    /// Parses the URL of a WebSocket in the same way: `wss://host/path` or `ws://host/path`.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn parse_websocket(url: &str) -> Result<Self, AddressRefused> {
        Self::parse_as(url, &WEBSOCKET)
    }

    /// Parses the URL of a NATS server in the same way: `tls://host` or `nats://host`.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn parse_nats(url: &str) -> Result<Self, AddressRefused> {
        let destination = Self::parse_as(url, &NATS)?;
        match destination.path.as_str() {
            "/" => Ok(destination),
            _ => Err(AddressRefused::Form("it has a path")),
        }
    }

    /// Parses the URL of a Kafka cluster in the same way: `kafkas://host` or `kafka://host`, with
    /// several brokers as `kafkas://a.example:9093,b.example:9093`.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn parse_kafka(url: &str) -> Result<Vec<Self>, AddressRefused> {
        let (scheme, brokers) =
            url.split_once("://").ok_or(AddressRefused::Form("it has no scheme"))?;
        if url.len() > URL_BYTES_MAX {
            return Err(AddressRefused::Form("it is longer than 2,048 characters"));
        }
        let brokers: Vec<&str> = brokers.split(',').collect();
        if brokers.len() > BROKERS_MAX {
            return Err(AddressRefused::Form("it names more than 16 brokers"));
        }
        let parse = |broker: &&str| {
            let destination = Self::parse_as(&format!("{scheme}://{broker}"), &KAFKA)?;
            match destination.path.as_str() {
                "/" => Ok(destination),
                _ => Err(AddressRefused::Form("it has a path")),
            }
        };
        brokers.iter().map(parse).collect()
    }

    /// Where a server leads that says its host and its port apart, as brokers of Kafka do it.
    ///
    /// # Errors
    /// See [`AddressRefused`].
    pub fn of_host(host: &str, port: i32, is_encrypted: bool) -> Result<Self, AddressRefused> {
        let wrong = AddressRefused::Form("its port isn't a number from 1 to 65535");
        let port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or(wrong)?;
        let host = match host.parse() {
            // Without a URL around it, it has no brackets.
            Ok(address) => Host::Address(IpAddr::V6(address)),
            Err(_) => host_of(host)?,
        };
        Ok(Self { is_encrypted, host, port, path: "/".to_owned() })
    }

    fn parse_as(url: &str, schemes: &Schemes) -> Result<Self, AddressRefused> {
        use AddressRefused::{Form, Scheme, UserInfo};
        let Schemes { encrypted, clear } = schemes;
        if url.len() > URL_BYTES_MAX {
            return Err(Form("it is longer than 2,048 characters"));
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err(Form("it holds a space, a backslash or a character that isn't ASCII"));
        }
        let (scheme, rest) = url.split_once("://").ok_or(Form("it has no scheme"))?;
        let is_encrypted = scheme.eq_ignore_ascii_case(encrypted.0);
        if !is_encrypted && !scheme.eq_ignore_ascii_case(clear.0) {
            return Err(Scheme(encrypted.0, clear.0));
        }
        if rest.contains('#') {
            return Err(Form("it has a fragment"));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UserInfo);
        }
        let (host, port) = split(authority)?;
        let usual = if is_encrypted { encrypted.1 } else { clear.1 };
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self {
            is_encrypted,
            host: host_of(host)?,
            port: port.unwrap_or(usual),
            path: format!("{slash}{path}"),
        })
    }

    /// Host and port as in the header `Host`: without the scheme's usual port.
    #[must_use]
    pub fn authority(&self) -> String {
        let usual = if self.is_encrypted { 443 } else { 80 };
        if self.port == usual {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(four)) => write!(f, "{four}"),
            Self::Address(IpAddr::V6(six)) => write!(f, "[{six}]"),
        }
    }
}

/// The host and the port of an authority.
fn split(authority: &str) -> Result<(&str, Option<u16>), AddressRefused> {
    let port_at = match authority.rfind(']') {
        Some(end) => authority[end..].find(':').map(|at| end + at),
        None => authority.find(':'),
    };
    let Some(at) = port_at else { return Ok((authority, None)) };
    let digits = &authority[at + 1..];
    let refused = AddressRefused::Form("its port isn't a number from 1 to 65535");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused);
    }
    match digits.parse::<u16>() {
        Ok(port) if port > 0 => Ok((&authority[..at], Some(port))),
        _ => Err(refused),
    }
}

fn host_of(text: &str) -> Result<Host, AddressRefused> {
    let refused = AddressRefused::Form;
    if let Some(rest) = text.strip_prefix('[') {
        let inner = rest.strip_suffix(']').ok_or(refused("its address of IPv6 has no ]"))?;
        let address = inner.parse().map_err(|_| refused("its address of IPv6 isn't one"))?;
        return Ok(Host::Address(IpAddr::V6(address)));
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    // As browsers do it: what ends with a number is an address, in whatever spelling.
    if last.starts_with("0x") || !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
    {
        let address = odd_ipv4(&name).ok_or(refused("its address of IPv4 isn't one"))?;
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(is_label) {
        return Err(refused("its host isn't a name of letters, digits and hyphens"));
    }
    Ok(Host::Name(name))
}

/// An address of IPv4 in one to four parts, each decimal, octal (`0`) or hexadecimal (`0x`). The
/// last part fills all bytes that are left.
fn odd_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(part).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|part| *part > 255) {
        return None;
    }
    let left = 4 - leading.len();
    if left < 4 && *last >= 1 << (8 * left) {
        return None;
    }
    let shifted = |(index, part): (usize, &u32)| part << (8 * (3 - index));
    let high: u32 = leading.iter().enumerate().map(shifted).sum();
    Some(Ipv4Addr::from(high | last))
}

fn part(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some("") => Some(0),
        Some(digits) => digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(digits, 16).ok())?,
        None if !text.bytes().all(|byte| byte.is_ascii_digit()) => None,
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}
