use std::sync::Arc;

use muster_http::{LiveProviders, PROVIDERS_FOLLOWER, ProviderFollower};
use muster_publisher::Publisher;
use muster_registry::{FollowerLimits, Followers, MakeFollower, Registry};
use muster_search::{FOLLOWER, TextFollower, TextIndex};
use muster_stores::Store;
use muster_words::Id;

use super::{assembly::OpenOptions, directory::Directory, site};
use crate::{Failure, OwnCode};

/// The file of the index of words in the data directory.
const FILE: &str = "search.db";

/// The followers of a registry, and the index of words that one of them keeps.
#[derive(Default)]
pub(super) struct FollowedTexts {
    pub followers: Followers,
    pub index: Option<Arc<TextIndex>>,
}

/// Opens the index of words with its follower, and the follower that makes AI providers live. Only a server has them: a command that opens the data
/// directory itself ends before it could catch up.
///
/// # Errors
/// The index or the marks of followers can't be opened.
pub(super) async fn open(
    store: &Arc<dyn Store>,
    directory: Option<&Directory>,
    (registry, publisher, providers): (&Registry, &Arc<Publisher>, &LiveProviders),
    open_options: &OpenOptions,
) -> Result<FollowedTexts, Failure> {
    if open_options.connections_max == 0 {
        return Ok(FollowedTexts::default());
    }
    let failed = |what: String| {
        Failure::new(OwnCode::System, what)
            .help("check that the data directory can be written; search.db in it can be removed")
    };
    let id = registry.view().id().clone();
    let index = match directory {
        None => TextIndex::in_memory(&id),
        Some(directory) => TextIndex::open(&directory.path().join(FILE), &id),
    };
    let index = Arc::new(index.map_err(|error| failed(error.to_string()))?);
    let marks = store.marks().map_err(|error| failed(error.to_string()))?;
    #[expect(clippy::unwrap_used, reason = "a literal that is an id")]
    let name: Id = FOLLOWER.parse().unwrap();
    if index.is_new() {
        // What was followed before is in no index any more.
        let forgotten = marks.forget(&name).await;
        forgotten.map_err(|error| failed(error.to_string()))?;
    }
    let make: MakeFollower = {
        let (registry, index) = (registry.clone(), index.clone());
        Box::new(move || Box::new(TextFollower::new(registry.clone(), index.clone())))
    };
    #[expect(clippy::unwrap_used, reason = "a literal that is an id")]
    let of_providers: Id = PROVIDERS_FOLLOWER.parse().unwrap();
    let make_live: MakeFollower = {
        let providers = providers.clone();
        Box::new(move || Box::new(ProviderFollower(providers.clone())))
    };
    let mut all = vec![(name, make), (of_providers, make_live)];
    all.extend(site::follower(registry, publisher));
    let followers = Followers::open(registry, &marks, FollowerLimits::default(), all).await;
    Ok(FollowedTexts { followers, index: Some(index) })
}
