use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use muster_journal::{Epoch, MarksError};

use super::*;

/// Clients of the process that is killed.
const CLIENTS: u64 = 4;

/// Writes down what it takes. Each line is one write, so that a kill leaves it whole or not at all.
struct DiaryFollower(File);

fn diary(directory: &Path) -> File {
    File::options().append(true).create(true).open(directory.join(DIARY)).unwrap()
}

fn note(mut diary: &File, line: &str) {
    diary.write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[async_trait]
impl Follower for DiaryFollower {
    async fn take(&mut self, command: &CommittedCommand) -> Result<(), FollowerError> {
        note(&self.0, &format!("take {}", command.position()));
        // A follower waits for something with each command.
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), FollowerError> {
        Ok(())
    }
}

/// Marks that write down what was saved.
struct DiaryMarks {
    marks: SqliteMarks,
    diary: File,
}

#[async_trait]
impl Marks for DiaryMarks {
    async fn load(&self, name: &Id) -> Result<Option<Head>, MarksError> {
        self.marks.load(name).await
    }

    async fn claim(&self, name: &Id) -> Result<Epoch, MarksError> {
        self.marks.claim(name).await
    }

    async fn save(&self, name: &Id, epoch: Epoch, mark: Head) -> Result<(), MarksError> {
        self.marks.save(name, epoch, mark).await?;
        note(&self.diary, &format!("saved {}", mark.position));
        Ok(())
    }

    async fn names(&self) -> Result<Vec<Id>, MarksError> {
        self.marks.names().await
    }

    async fn forget(&self, name: &Id) -> Result<(), MarksError> {
        self.marks.forget(name).await
    }
}

/// Lets a follower run that keeps a diary.
pub async fn follow(directory: &Path, registry: &Registry) -> Followers {
    let marks = SqliteMarks::open(&directory.join("followers.db")).unwrap();
    let marks: Arc<dyn Marks> = Arc::new(DiaryMarks { marks, diary: diary(directory) });
    let directory: PathBuf = directory.to_owned();
    let make: MakeFollower = Box::new(move || {
        let diary = diary(&directory);
        note(&diary, "begin");
        Box::new(DiaryFollower(diary))
    });
    let running = Followers::open(registry, &marks, LIMITS, vec![(id("search"), make)]).await;
    running.start().await;
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above, in a process that is killed"]
async fn follows_until_killed() {
    let Ok(directory) = std::env::var("MUSTER_FOLLOWER_DIRECTORY") else { return };
    let round: u64 = std::env::var("MUSTER_FOLLOWER_ROUND").unwrap().parse().unwrap();
    let directory = Path::new(&directory);
    let ledger = ledger(directory);
    let registry = open_in(directory, &ledger, round << 8).await;
    let _running = follow(directory, &registry).await;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| tokio::spawn(write_on(registry.clone(), round, client)))
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

/// Writes for as long as the process lives.
async fn write_on(registry: Registry, round: u64, client: u64) {
    for count in 0_u64.. {
        let (one, other) = (format!("e-{client}-{}", count % 40), format!("f-{client}"));
        let text = format!("[\"{round}-{client}-{count}\"]");
        let command = match count % 5 {
            0 => pair(&one, &other, &text),
            _ => put(&format!("/configs/app/entries/{one}"), &text),
        };
        registry.submit(command, &by()).await.unwrap();
        let mut out = std::io::stdout().lock();
        out.write_all(b"written\n").unwrap();
        out.flush().unwrap();
    }
}
