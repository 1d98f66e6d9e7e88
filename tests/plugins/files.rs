//! Which files are run, and what is said of those that are not.

use std::os::unix::fs::symlink;

use super::*;

/// The status of a file that is not run, with the folder left out.
fn status(folder: &Folder, file: &str) -> String {
    let (object, _) = result_of(&mut check(folder, file, &[]));
    folder.relative(object["status"].as_str().expect("a text"))
}

#[test]
fn only_a_file_of_the_folder_is_run_and_the_rest_is_told_with_its_cure() {
    let folder = plugins(&[("good", "echo metric a int 1"), ("plain", "echo"), ("open", "echo")]);
    mode(folder.path("plain"), 0o644);
    mode(folder.path("open"), 0o757);
    mode(folder.write("text", "echo no first line\n"), 0o755);
    mode(folder.write("lost", "#!/no/such/interpreter\n"), 0o755);
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    symlink("/bin/true", folder.path("out")).expect("a link");
    symlink("good", folder.path("alias")).expect("a link");
    for (file, expected) in [
        ("nope", "no plugin \"nope\" in .; there are: alias, good, lost, open, out, text"),
        ("out", "out leads to a file outside of the folder of plugins"),
        ("folder", "folder is not a regular file"),
        ("open", "any user can write to open, so it is not used: chmod o-w open"),
        (
            "plain",
            "cannot run plain: Permission denied (os error 13): make it executable, by chmod +x",
        ),
        (
            "text",
            "cannot run text: Exec format error (os error 8): a script needs a first line such as #!/bin/sh",
        ),
        (
            "lost",
            "cannot run lost: No such file or directory (os error 2): the interpreter in its first line is not there, or that line ends in CR LF",
        ),
    ] {
        assert_eq!(status(&folder, file), expected);
    }
    for file in ["../good", "/bin/true", "..", "good/"] {
        let output = check(&folder, file, &[]).output().expect("the binary starts");
        let expected = format!(
            "file {file:?}: expected the name of a file in the folder of --plugins, without a path\n"
        );
        assert_eq!(String::from_utf8(output.stderr).expect("UTF-8"), expected);
        assert_eq!(output.status.code(), Some(2));
    }
    assert_eq!(status(&folder, "alias"), "success");
    mode(folder.whole(), 0o777);
    assert_eq!(status(&folder, "good"), "any user can write to ., so it is not used: chmod o-w .");
}

#[test]
fn a_program_of_another_user_is_not_run() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a file to another user");
        return;
    }
    let folder = plugins(&[("good", "echo metric a int 1")]);
    std::os::unix::fs::chown(folder.path("good"), Some(65534), None).expect("by root");
    let expected = "user 65534 owns good, so it is not used: chown root good";
    assert_eq!(status(&folder, "good"), expected);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let mut command = support::command();
    command.args(["check", "agent.plugin", "--output=json", "file=x", "--plugins=/no/such/folder"]);
    let (object, _) = result_of(&mut command);
    assert_eq!(
        object["status"],
        "the folder of plugins /no/such/folder cannot be read: No such file or directory (os error 2); --plugins names another"
    );
    let output =
        support::command().args(["check", "agent.plugin", "file=x", "--plugins=x"]).output();
    let output = output.expect("the binary starts");
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(error, "--plugins \"x\": expected a path that begins with /\n");
}

#[test]
fn the_files_that_can_be_run_are_the_targets() {
    let folder = plugins(&[("b", "echo"), ("a", "echo"), ("plain", "echo")]);
    mode(folder.path("plain"), 0o644);
    let mut command = support::command();
    command.args(["check", "agent.plugin", "--targets", "--plugins", &folder.whole()]);
    let output = command.output().expect("the binary starts");
    assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), "a\nb\n");
}
