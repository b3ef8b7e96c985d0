use muster_client::Client;
use muster_words::Xid;

use crate::{Context, Failure, OwnCode};

/// Runs a publication that the registry holds, or all of them.
pub(super) async fn run(
    context: &Context,
    client: &Client,
    name: Option<&str>,
    is_trial: bool,
) -> Result<(), Failure> {
    for xid in named(client, name).await? {
        let outcome = client.run_publication(&xid, is_trial).await?.read()?;
        super::show(context, &outcome)?;
    }
    Ok(())
}

/// The publications with this name: an xid, its last step, or its group and its last step.
pub(in crate::commands) async fn named(
    client: &Client,
    name: Option<&str>,
) -> Result<Vec<Xid>, Failure> {
    let list = client.publications().await?.read()?;
    let all: Vec<Xid> = list.publications.iter().filter_map(|one| one.xid.parse().ok()).collect();
    let wanted = |xid: &Xid| {
        let text = xid.to_string();
        let steps: Vec<&str> = text.split('/').collect();
        let short = [steps.get(2), steps.get(4)].map(|step| step.copied().unwrap_or_default());
        name.is_none_or(|name| {
            let name = name.trim_matches('/');
            text.trim_matches('/') == name || short[1] == name || short.join("/") == name
        })
    };
    let found: Vec<Xid> = all.iter().filter(|xid| wanted(xid)).cloned().collect();
    let listed = || {
        let names = all.iter().map(|xid| xid.to_string().trim_start_matches('/').to_owned());
        names.collect::<Vec<_>>().join(", ")
    };
    match (found.len(), name) {
        (0, None) => Err(Failure::new(OwnCode::NoFile, "the registry holds no publication").help(
            "publish to a folder with --to FOLDER; \"Publish to a folder, a bucket and a CDN\" in Muster's documentation shows how to put a publication",
        )),
        (0, Some(name)) => {
            let what = format!("there is no publication {name}");
            let help = if all.is_empty() { String::new() } else { format!("there are {}", listed()) };
            Err(Failure::new(OwnCode::NoFile, what).help_some((!help.is_empty()).then_some(help)))
        }
        (1, _) | (_, None) => Ok(found),
        (_, Some(name)) => {
            Err(Failure::usage(format!("several publications are called {name}")).help(listed()))
        }
    }
}
