//! The writer over a ledger that is worse than reality.

mod doubt;
mod histories;
mod room;
mod standstill;

use super::*;
