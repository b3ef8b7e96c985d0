use std::{
    fmt,
    net::{AddrParseError, IpAddr},
    num::ParseIntError,
    str::FromStr,
};

use thiserror::Error;

/// A network of addresses, such as `10.0.0.0/8` or `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text isn't a network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NetworkError {
    /// What stands before the slash isn't an address.
    #[error("it has no address such as 10.0.0.0 or fd00:: before the slash")]
    Address(#[from] AddrParseError),
    /// What stands behind the slash isn't a number.
    #[error("it has no number of bits behind the slash")]
    Prefix(#[from] ParseIntError),
    /// An address has fewer bits.
    #[error("an address has only {bits} bits")]
    TooLong {
        /// The number of bits of an address.
        bits: u8,
    },
    /// The address isn't the network's first one, so another network may be meant.
    #[error("the network begins at {first}")]
    NotFirst {
        /// The network's first address.
        first: IpAddr,
    },
}

impl Network {
    /// A network whose address is its first one.
    pub(super) const fn of(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix }
    }

    /// Whether an address is in the network.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        bits(self.address) == bits(address) && first(address, self.prefix) == self.address
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Parses `ADDRESS/BITS`, or one address.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address.parse::<IpAddr>()?, Some(prefix.parse::<u8>()?)),
            None => (text.trim().parse::<IpAddr>()?, None),
        };
        let bits = bits(address);
        let prefix = prefix.unwrap_or(bits);
        if prefix > bits {
            return Err(NetworkError::TooLong { bits });
        }
        let first = first(address, prefix);
        if first != address {
            return Err(NetworkError::NotFirst { first });
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The first address of the network of an address.
fn first(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
            IpAddr::V4((u32::from(four) & mask).into())
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - prefix.min(128)).unwrap_or(0);
            IpAddr::V6((u128::from(six) & mask).into())
        }
    }
}
