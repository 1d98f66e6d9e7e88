//! A preview of a file that is written for another run leaves nothing behind.

use support::command;

use super::*;

/// A file of a machine whose folders are those of these names here.
fn folder(more: &str) -> Folder {
    let folder = Folder::of(&[]);
    let [store, state] = ["var/history", "var/state"].map(|name| folder.path(name));
    let text = format!("store: {store}\nstate: {state}\nstore-size: 1MB\n{more}");
    folder.write("agent.yaml", text);
    folder
}

/// Whether the folders are there after a short run, and what standard error has, without the paths.
fn ran(folder: &Folder, more: &[&str], variable: Option<(&str, &str)>) -> ([bool; 2], String) {
    let mut command = command();
    command.args(["--period", "1", "--sample-interval", "0.1", "--once"]);
    command.args(["--config", &folder.path("agent.yaml")]).args(more).envs(variable);
    let (code, stdout, stderr) = outcome(&mut command);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("MemoryUtilization"), "{stdout}");
    let is_there = ["var/history", "var/state"].map(|name| fs::exists(folder.path(name)));
    (is_there.map(|is_there| is_there.expect("it can be asked")), folder.relative(&stderr))
}

const STORE: &str = "agent.yaml:1:8: store has no effect in a preview, which leaves no files behind: \
                     the history is in memory; to use the folder, add --store var/history\n";
const STATE: &str = "agent.yaml:2:8: state has no effect in a preview, which leaves no files behind: \
                     no changes are kept; to use the folder, add --state var/state\n";

#[test]
fn a_preview_that_is_typed_makes_no_folder_of_a_file() {
    let typed: [(&[&str], _); 2] = [
        (&["--dry-run"], None),
        // Both say it, and who types it wants a preview.
        (&["-d"], Some(("CLOUDWATCH_METRICS_AGENT_PUBLISH", "console"))),
    ];
    for (more, variable) in typed {
        let folder = folder("");
        let (is_there, stderr) = ran(&folder, more, variable);
        assert_eq!(is_there, [false, false], "{more:?}: {stderr}");
        for line in [STORE, STATE] {
            assert!(stderr.contains(line), "{more:?}: {stderr}");
        }
        assert!(!stderr.contains("store-size"), "{stderr}");
        let left: Vec<_> = fs::read_dir(folder.whole()).expect("a folder").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

#[test]
fn a_preview_uses_the_folders_that_are_typed() {
    let folder = folder("");
    let [store, state] = ["var/history", "var/state"].map(|name| folder.path(name));
    let (is_there, stderr) = ran(&folder, &["--dry-run", "--store", &store], None);
    assert_eq!(is_there, [true, false], "{stderr}");
    assert!(stderr.contains(STATE) && !stderr.contains(STORE), "{stderr}");
    let variable = ("CLOUDWATCH_METRICS_AGENT_STATE", &*state);
    let (is_there, stderr) = ran(&folder, &["--dry-run", "--store", "memory"], Some(variable));
    assert_eq!(is_there, [true, true], "{stderr}");
    assert!(!stderr.contains("has no effect in a preview"), "{stderr}");
}

/// A machine without AWS, whose agent keeps a history: the file says all of it.
#[test]
fn where_the_file_itself_publishes_nothing_its_folders_are_meant() {
    for line in ["publish: [console]\n", "dry-run: yes\n"] {
        let folder = folder(line);
        let (is_there, stderr) = ran(&folder, &[], None);
        assert_eq!(is_there, [true, true], "{line}: {stderr}");
        assert!(!stderr.contains("has no effect in a preview"), "{stderr}");
    }
    // That no preview is typed changes nothing of it.
    let (is_there, stderr) = ran(&folder("publish: [console]\n"), &["--dry-run=no"], None);
    assert_eq!(is_there, [true, true], "{stderr}");
    // Who publishes to the console alone keeps a history as well.
    let (is_there, stderr) = ran(&folder(""), &["--publish", "console"], None);
    assert_eq!(is_there, [true, true], "{stderr}");
}

#[test]
fn an_explanation_says_what_a_preview_would_do() {
    let folder = folder("");
    let config = folder.path("agent.yaml");
    let (code, stdout, _) = run(&["explain", "--dry-run", "--config", &config]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("history: in memory, up to 4 MB\n"), "{stdout}");
    assert!(folder.relative(&stdout).contains(&format!("warning: {STORE}")), "{stdout}");
    let (_, stdout, _) = run(&["explain", "--config", &config]);
    assert!(folder.relative(&stdout).contains("history: in var/history, up to 1 MB,"), "{stdout}");
}
