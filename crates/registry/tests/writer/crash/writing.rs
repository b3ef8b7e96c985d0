use std::io::Write as _;

use super::*;

/// Clients of the process that is killed.
const CLIENTS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above, in a process that is killed"]
async fn writes_until_killed() {
    let Ok(directory) = std::env::var("MUSTER_CRASH_DIRECTORY") else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (round, mut dice) =
        (number("MUSTER_CRASH_ROUND"), SeededRandom::new(number("MUSTER_CRASH_DICE")));
    let directory = Path::new(&directory);
    let ledger = ledger(directory);
    let registry = open_in(directory, &ledger, round << 8).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(write(registry.clone(), round, client, dice.draw())))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

/// Writes for as long as the process lives, and says what was acknowledged.
async fn write(registry: Registry, round: u64, client: u64, seed: u64) {
    let mut dice = SeededRandom::new(seed);
    for count in 0_u64.. {
        let marker = format!("{round}-{client}-{count}");
        let own = format!("own-{round}-{client}-{}", count / 3);
        let name = format!("/configs/app/entries/{own}");
        match dice.below(8) {
            0 => {
                // Documents that come, go, come back and are erased, of which nothing is kept.
                let doomed = format!("/configs/app/entries/doomed-{client}");
                let text = format!("[\"doomed-{marker}\"]");
                registry.submit(put(&doomed, &text), &by()).await.unwrap();
                registry.submit(delete(&doomed), &by()).await.unwrap();
                registry.submit(restore(&doomed), &by()).await.unwrap();
                registry.submit(purge(&doomed), &by()).await.unwrap();
            }
            1 | 2 => {
                let marker = format!("pair-{marker}");
                let command = pair(&own, &format!("twin-{client}"), &format!("[\"{marker}\"]"));
                acknowledge(&registry, command, &marker, 2).await;
            }
            3 => {
                let command = put("/configs/app/entries/hot", &format!("[\"{marker}\"]"));
                acknowledge(&registry, command, &marker, 1).await;
            }
            _ => {
                let command = put(&name, &format!("[\"{marker}\"]"));
                acknowledge(&registry, command, &marker, 1).await;
            }
        }
    }
}

async fn acknowledge(
    registry: &Registry,
    command: muster_catalog::command::Command,
    marker: &str,
    documents: usize,
) {
    let done = registry.submit(command, &by()).await.unwrap();
    // In one write, so that no other client's comes between.
    let line = format!("acknowledged {marker} {} {documents}.\n", done.position);
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}
