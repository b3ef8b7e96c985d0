use std::collections::BTreeSet;

use muster_client::Client;
use muster_schema::nearest;
use muster_wire::{ErrorCode, log::LogPage};

use crate::Failure;

/// The most names that are kept: more are of no help to anybody.
const NAMES_MAX: usize = 1_000;

/// Whom the searched part of the log names.
#[derive(Default)]
pub(super) struct SeenActors(BTreeSet<String>);

impl SeenActors {
    pub fn add(&mut self, page: &LogPage) {
        for entry in &page.entries {
            if self.0.len() < NAMES_MAX {
                self.0.insert(entry.name.as_ref().unwrap_or(&entry.actor).clone());
            }
        }
    }

    /// Fails if nobody has this name: neither one of those who did something, nor a key.
    pub async fn check(mut self, client: &Client, who: &str) -> Result<(), Failure> {
        if let Ok(Ok(keys)) = client.keys(true).await.map(|answer| answer.read()) {
            for key in keys.keys {
                if key.id == who || key.name.as_deref() == Some(who) {
                    return Ok(());
                }
                self.0.extend(key.name);
            }
        }
        if self.0.contains(who) {
            return Ok(());
        }
        let what = format!("nobody called {who} did anything here");
        let failure = Failure::new(ErrorCode::NotFound, what);
        Err(match nearest(who, self.0.iter().map(String::as_str)) {
            Some(near) => failure.help(format!("did you mean {near}?")),
            None if self.0.is_empty() => failure.help("muster keys list shows who there is"),
            None => {
                let some: Vec<&str> = self.0.iter().take(10).map(String::as_str).collect();
                failure.help(format!("choose one of {}", some.join(", ")))
            }
        })
    }
}
