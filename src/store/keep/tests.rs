//! The keeper among files that it cannot use for a while, by a clock that is moved.

use std::fs;
use std::path::Path;

use tokio::task::{LocalSet, yield_now};
use tokio::time::advance;

use super::*;
use crate::store::file_in;
use crate::store::head::VERSION;
use crate::store::verify::tests::{Folder, START_MS, described};

/// A keeper that runs, and what it needs to go on.
struct Running {
    writes: Writes,
    _alive: (mpsc::Sender<()>, Arc<()>),
}

impl Running {
    fn over(folder: &Path) -> Self {
        let mut store = Store::in_folder(folder, u64::MAX);
        let place = store.series(described("x")).expect("room");
        store.put(place, START_MS, 1.0, START_MS);
        let (alive, ended) = mpsc::channel(1);
        let (writes, asked) = mpsc::channel(MOST_ASKING);
        let still_alive = Arc::new(());
        let keeper = Keeper {
            store: Rc::new(RefCell::new(store)),
            sync: Duration::from_secs(3600),
            ended,
            is_alive: Arc::downgrade(&still_alive),
            not_before: None,
            asked,
            crowded: Rc::new(Notify::new()),
            said: None,
            clock: None,
            steady_since: Instant::now(),
            said_full: false,
        };
        tokio::task::spawn_local(keeper.run());
        Self { writes, _alive: (alive, still_alive) }
    }

    /// What it says when it has tried to open the file as it is now.
    async fn says(&self) -> Result<(), String> {
        let ask = async || {
            let (reply, answer) = oneshot::channel();
            self.writes.send(reply).await.expect("it runs");
            answer.await.expect("it answers")
        };
        // It opens the file before it waits for who asks, so that the second one comes after that.
        let _ = ask().await;
        ask().await
    }
}

/// Tells what a keeper says of a folder: at once, when `mended` has made the file usable, a second before the pause
/// ends, and then.
async fn around_the_pause(folder: &Path, mended: impl FnOnce()) -> [Result<(), String>; 4] {
    // Something always runs, so the clock does not go on by itself while a helper thread works.
    tokio::task::spawn_local(async {
        loop {
            yield_now().await;
        }
    });
    let keeper = Running::over(folder);
    let at_once = keeper.says().await;
    mended();
    let later = keeper.says().await;
    advance(REPLACE_AGAIN - Duration::from_secs(1)).await;
    let just_before = keeper.says().await;
    advance(Duration::from_secs(1)).await;
    [at_once, later, just_before, keeper.says().await]
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_that_was_not_replaced_is_tried_again_when_the_pause_ends() {
    let folder = Folder::new("pause-damaged");
    fs::create_dir(&folder.0).expect("a folder");
    fs::write(file_in(&folder.0), [b'x'; 9000]).expect("a file");
    let aside = |nth: u8| match nth {
        1 => folder.0.join("history.redb.damaged"),
        _ => folder.0.join(format!("history.redb.damaged.{nth}")),
    };
    (1..=9).for_each(|nth| fs::write(aside(nth), [nth]).expect("a file"));
    let mended = || fs::remove_file(aside(4)).expect("a file");
    let said = LocalSet::new().run_until(around_the_pause(&folder.0, mended)).await;
    let refused = said[0].clone().expect_err("there is no name for the damaged file");
    assert!(
        refused.ends_with("this is tried again after 10 minutes and at the next start"),
        "{refused}"
    );
    assert_eq!(said, [Err(refused.clone()), Err(refused.clone()), Err(refused), Ok(())]);
    assert_eq!(fs::read(aside(4)).ok(), Some(vec![b'x'; 9000]));
}

#[tokio::test(start_paused = true)]
async fn a_file_of_a_newer_version_is_opened_again_when_the_pause_ends() {
    let folder = Folder::new("pause-newer");
    let (disk, _) = Disk::open(&folder.0).expect("a new file");
    disk.write_version(VERSION + 1).expect("room");
    drop(disk);
    let mended = || fs::remove_file(file_in(&folder.0)).expect("a file");
    let said = LocalSet::new().run_until(around_the_pause(&folder.0, mended)).await;
    let refused = said[0].clone().expect_err("it is newer");
    assert!(refused.contains("which this version does not read"), "{refused}");
    assert_eq!(said, [Err(refused.clone()), Err(refused.clone()), Err(refused), Ok(())]);
    assert!(file_in(&folder.0).exists());
}
