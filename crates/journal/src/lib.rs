//! The port to a ledger that lasts, its in-memory reference, its conformance suite and a faulty store.
