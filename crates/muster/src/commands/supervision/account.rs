use std::process::{Command, Stdio};

use crate::{Failure, OwnCode};

/// Whether the user of this process may do everything on this computer.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Checks that there is a user of this name.
///
/// # Errors
/// There is none.
pub(super) fn check_account(name: &str, data: &str) -> Result<(), Failure> {
    let mut asked = Command::new("id");
    asked.args(["-u", "--", name]).stdin(Stdio::null());
    match asked.output() {
        Ok(output) if !output.status.success() => {
            let what = format!("there is no user {name} to run the server as");
            Err(Failure::new(OwnCode::NoAccount, what).help(format!(
                "useradd --system --user-group --home-dir {data} --shell /usr/sbin/nologin {name} \
                 makes it; or name another with --run-as"
            )))
        }
        // Where it can't be asked, the supervisor says it.
        _ => Ok(()),
    }
}
