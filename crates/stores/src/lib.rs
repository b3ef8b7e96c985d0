//! Ledgers that last: one file per engine.
