//! The heart: opens a ledger, replays it, prepares, decides, appends and publishes.
