use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a server has open besides its clients' connections: the database with its readers,
/// the log, the lock, listeners, and what a request may open for a moment.
const OTHER_FILES: u64 = 96;

/// The fewest connections with which a server is of use.
const CONNECTIONS_MIN: u64 = 16;

/// How many connections a server may have. Raises the process's limit of open files as far as it
/// is needed and allowed: many systems start with 1,024, and leave it to programs to ask for more.
/// With fewer, the server would accept connections until none of its files can be opened any more.
pub(super) fn connections_max(setting: u32) -> u32 {
    let wanted = u64::from(setting);
    let allowed = raise(wanted + OTHER_FILES).saturating_sub(OTHER_FILES).max(CONNECTIONS_MIN);
    if allowed < wanted {
        tracing::warn!(
            connections = allowed,
            wanted,
            "the system lets this process open fewer files than limits.connections needs; raise its limit (ulimit -n, or LimitNOFILE= in systemd)"
        );
    }
    u32::try_from(allowed.min(wanted)).unwrap_or(setting)
}

/// Raises the limit of open files to this number, or as far as it may be raised. Answers the limit.
fn raise(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // No limit is as good as any.
    let Some(present) = current else { return u64::MAX };
    let aim = wanted.min(maximum.unwrap_or(u64::MAX));
    if present >= aim {
        return present;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(aim), maximum }) {
        Ok(()) => aim,
        Err(_) => present,
    }
}
