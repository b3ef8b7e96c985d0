use muster_client::Client;
use muster_wire::publications::{PublicationOutcome, PublicationStatus};
use muster_words::Xid;
use serde_json::json;

use crate::{
    Context, Failure, OwnCode,
    output::{
        Table,
        numbers::{counted, separated},
    },
};

/// Runs a publication that the registry holds, or all of them.
pub(super) async fn run(
    context: &Context,
    client: &Client,
    name: Option<&str>,
    is_trial: bool,
) -> Result<(), Failure> {
    let all = named(client, name).await?;
    if name.is_none() {
        return run_all(context, client, &all, is_trial).await;
    }
    for xid in &all {
        super::show(context, &run_one(client, xid, is_trial).await?)?;
    }
    Ok(())
}

async fn run_one(
    client: &Client,
    xid: &Xid,
    is_trial: bool,
) -> Result<PublicationOutcome, Failure> {
    Ok(client.run_publication(xid, is_trial).await?.read()?)
}

/// Runs each publication, whatever becomes of the others, and fails at the end if one failed.
async fn run_all(
    context: &Context,
    client: &Client,
    all: &[Xid],
    is_trial: bool,
) -> Result<(), Failure> {
    let screen = &context.screen;
    let (mut values, mut failed) = (Vec::new(), Vec::new());
    for xid in all {
        let name = xid.to_string();
        let name = name.trim_start_matches('/');
        let problem = match run_one(client, xid, is_trial).await {
            Ok(outcome) => {
                if screen.is_table() {
                    super::print(context, &outcome)?;
                }
                values.push(serde_json::to_value(&outcome).unwrap_or_default());
                super::unpurged(&outcome)
            }
            Err(failure) => {
                values.push(json!({"to": xid.to_string(), "error": failure.json()}));
                Some(failure)
            }
        };
        if let Some(failure) = problem {
            let help = failure.help_text().map(|help| format!("; {help}")).unwrap_or_default();
            failed.push(format!("{name}: {}{help}", failure.what()));
        }
    }
    if !screen.is_table() {
        screen.value(&json!({"publications": values}))?;
    }
    if failed.is_empty() {
        return Ok(());
    }
    let what = format!(
        "{} of {} failed",
        separated(failed.len() as u64),
        counted(all.len(), "publication", "publications")
    );
    Err(Failure::new(OwnCode::NotPublished, what)
        .lines(failed)
        .help("correct what the lines name, then publish again; muster publish --list shows how each stands"))
}

/// Lists the publications that the registry holds, and how each stands.
pub(super) async fn list(
    context: &Context,
    client: &Client,
    name: Option<&str>,
) -> Result<(), Failure> {
    let mut list = client.publications().await?.read()?;
    if name.is_some() {
        let wanted = named(client, name).await?;
        let is_wanted =
            |one: &PublicationStatus| one.xid.parse().is_ok_and(|xid: Xid| wanted.contains(&xid));
        list.publications.retain(is_wanted);
    }
    let screen = &context.screen;
    if !screen.is_table() {
        return screen.value(&serde_json::to_value(&list).unwrap_or_default());
    }
    if list.publications.is_empty() {
        screen.note("no publications");
        return Ok(());
    }
    let headings =
        ["publication", "destination", "channel", "published", "position", "when", "problem"];
    let mut table = Table::new(headings).numbers(4);
    for one in list.publications {
        let when = if one.on_change { "each change" } else { "by hand" };
        table.row([
            one.xid.trim_start_matches('/').to_owned(),
            one.destination.unwrap_or_default(),
            one.channel.unwrap_or_default(),
            one.tag.unwrap_or_default(),
            one.position.map(separated).unwrap_or_default(),
            when.to_owned(),
            one.error.unwrap_or_default(),
        ]);
    }
    screen.write(table.render(screen).as_bytes())
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
