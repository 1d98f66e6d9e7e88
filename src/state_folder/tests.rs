use std::os::unix::fs::PermissionsExt;

use super::*;

/// A folder of one test, which is not there yet.
fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("state-{name}-{}", std::process::id()))
}

fn text(of: &str) -> Result<Option<Vec<u8>>, String> {
    Ok(Some(of.as_bytes().to_vec()))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is there").flatten();
    let names = entries.map(|entry| entry.file_name().to_str().expect("UTF-8").to_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_written_is_read_again_by_the_owner_alone() {
    let folder = folder("whole");
    let state = StateFolder::open(&folder.join("deep")).await.expect("it opens");
    assert_eq!(state.read("a").await, Ok(None));
    for of in ["one", "two"] {
        state.write("a", of).await.expect("it is written");
        assert_eq!(state.read("a").await, text(of));
    }
    let mode = fs::metadata(folder.join("deep/a")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let second = StateFolder::open(&folder.join("deep")).await.expect_err("it is in use");
    assert!(second.ends_with("another agent uses it"), "{second}");
    drop(state);
    assert!(StateFolder::open(&folder.join("deep")).await.is_ok());
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).expect("rights");
    let open = StateFolder::open(&folder).await.expect_err("all can write to it");
    assert!(open.contains("chmod o-w"), "{open}");
    fs::remove_dir_all(&folder).expect("it is removed");
}

#[tokio::test]
async fn a_write_that_was_given_up_undoes_no_later_one() {
    let folder = folder("late");
    let state = StateFolder::open(&folder).await.expect("it opens");
    // Its thread hangs until the others are done.
    let (slow, slow_append) = (state.turn("a"), state.turn("b"));
    state.write("a", "new").await.expect("it is written");
    state.append("b", "new\n".to_owned()).await.expect("it is written");
    write(&folder, "a", "old", &slow).expect("it goes on");
    let appended = slow_append.take(|| append(&folder.join("b"), "old\n"));
    assert!(!appended.expect("it goes on"));
    assert_eq!((state.read("a").await, state.read("b").await), (text("new"), text("new\n")));
    state.write("a", "newer").await.expect("it is written");
    assert_eq!(state.read("a").await, text("newer"));
    assert_eq!(names(&folder), ["a", "b", "lock"]);
    fs::remove_dir_all(&folder).expect("it is removed");
}

#[tokio::test]
async fn rests_of_a_crash_are_removed_and_nothing_else() {
    let folder = folder("rests");
    drop(StateFolder::open(&folder).await.expect("it opens"));
    for name in ["a.json.1.new", "a.json.17.new", "a.json", "mine.new", "new", "b.x.new"] {
        fs::write(folder.join(name), "rest").expect("it is written");
    }
    let state = StateFolder::open(&folder).await.expect("it opens");
    assert_eq!(names(&folder), ["a.json", "b.x.new", "lock", "mine.new", "new"]);
    state.write("a.json", "new").await.expect("it is written");
    assert_eq!(state.read("a.json").await, text("new"));
    fs::remove_dir_all(&folder).expect("it is removed");
}

#[tokio::test]
async fn what_is_put_aside_takes_the_place_of_no_other_and_else_stays() {
    let folder = folder("aside");
    let state = StateFolder::open(&folder).await.expect("it opens");
    for number in 1..=9 {
        state.write("a", number.to_string()).await.expect("it is written");
        let name = match number {
            1 => "a.damaged".to_owned(),
            number => format!("a.damaged.{number}"),
        };
        assert_eq!(state.put_aside("a").await, Ok(name.clone()));
        assert_eq!(state.read("a").await, Ok(None));
        assert_eq!(state.read(&name).await, text(&number.to_string()));
    }
    state.write("a", "last").await.expect("it is written");
    let full = state.put_aside("a").await.expect_err("no name is free");
    assert!(full.ends_with("there are 9 files a.damaged already: remove them"), "{full}");
    let refused = state.write("a", "other").await.expect_err("it could not be put aside");
    assert!(refused.contains("nothing is written over a, which"), "{refused}");
    assert!(state.append("a", "more".to_owned()).await.is_err());
    assert_eq!((state.read("a").await, state.takes("a")), (text("last"), false));
    state.write("b", "other").await.expect("others are written");
    fs::remove_dir_all(&folder).expect("it is removed");
}

#[tokio::test]
async fn what_could_not_be_read_again_is_not_written() {
    let folder = folder("large");
    let state = StateFolder::open(&folder).await.expect("it opens");
    let most = usize::try_from(LARGEST).expect("it is small");
    state.write("a", "x".repeat(most)).await.expect("it is written");
    assert_eq!(state.read("a").await.map(|read| read.map(|text| text.len())), Ok(Some(most)));
    let more = state.write("a", "x".repeat(most + 1)).await.expect_err("it is too much");
    assert!(more.contains("a would have 16777217 bytes, and only 16777216 are read"), "{more}");
    assert_eq!(state.read("a").await.map(|read| read.map(|text| text.len())), Ok(Some(most)));
    fs::remove_dir_all(&folder).expect("it is removed");
}

#[tokio::test]
async fn a_folder_that_anyone_may_write_to_is_not_read() {
    let folder = folder("open");
    assert_eq!(read_of_other(&folder, "a").await, Ok(None));
    let state = StateFolder::open(&folder).await.expect("it opens");
    state.write("a", "one").await.expect("it is written");
    assert_eq!(read_of_other(&folder, "a").await, text("one"));
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o702)).expect("rights");
    let open = read_of_other(&folder, "a").await.expect_err("all can write to it");
    assert!(open.contains("chmod o-w"), "{open}");
    fs::remove_dir_all(&folder).expect("it is removed");
}
