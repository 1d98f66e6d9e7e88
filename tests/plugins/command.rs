//! Plugins beside a command, in an agent that is process 1: no exit code is that of another.

use support::{Agent, namespace::in_a_pid_namespace};

use super::*;

#[test]
fn exit_codes_of_a_command_plugins_and_orphans_are_not_mixed_up() {
    let folder = plugins(&[("plugin", "(exit 9 &); exit 7")]);
    let check = |number| {
        format!(
            "  p{number}: {{type: agent.plugin, period: 1, publish: none, details: {{file: plugin}}}}\n"
        )
    };
    let checks: String = (0..20).map(check).collect();
    let config = Folder::of(&[("agent.yaml", &format!("checks:\n{checks}"))]);
    let mut command = support::command();
    command.args(["--dry-run", "--period=1", "--plugins", &folder.whole()]);
    command.args(["--config", &config.path("agent.yaml"), "--", "sh", "-c"]);
    command.arg("i=0; while [ $i -lt 300 ]; do (exit 8 &); sleep 0.01; i=$((i+1)); done; exit 5");
    let Some(mut command) = in_a_pid_namespace(&command) else { return };
    let agent = Agent::start(&mut command);
    let expected = "is unavailable: the plugin ended with exit code 7";
    agent.wait_for_log_lines(expected, 20);
    let ended = agent.wait().expect_code(5);
    let states: Vec<_> =
        ended.stderr.lines().filter(|line| line.contains(" is unavailable: ")).collect();
    assert!(states.iter().all(|line| line.ends_with(expected)), "{states:#?}");
}
