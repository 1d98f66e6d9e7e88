//! The client that Python programs use: `statsd` of the Python Package Index.

use std::env;
use std::io::Write;
use std::process::Command;

use super::*;

/// A Python that has the client. Nothing, loudly, where there is none; where everything is meant to be
/// checked, that is a failure.
fn python() -> Option<String> {
    let python = env::var("STATSD_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let probe = Command::new(&python).args(["-c", "import statsd"]).output();
    if probe.as_ref().is_ok_and(|probe| probe.status.success()) {
        return Some(python);
    }
    let strict = env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(!strict, "CI is true, so this must run: {probe:?}");
    // Past the capture of the test's output.
    let _ = writeln!(
        std::io::stderr(),
        "\n*** SKIPPED: THE CLIENT OF PYTHON ***\nscripts/test.sh installs it, and STATSD_PYTHON names the Python\n"
    );
    None
}

#[test]
fn what_the_client_of_python_sends_is_understood() {
    let Some(python) = python() else { return };
    let listening = listening("period: 1", &[]);
    let script = format!(
        "import statsd\n\
         client = statsd.StatsClient('127.0.0.1', {}, prefix='web')\n\
         client.incr('requests')\n\
         client.incr('requests', 2, rate=1)\n\
         client.decr('requests')\n\
         client.gauge('depth', 70)\n\
         client.gauge('depth', -5, delta=True)\n\
         client.timing('took', 320)\n\
         client.set('users', 765)\n\
         with client.pipeline() as pipe:\n\
         \tpipe.incr('piped')\n\
         \tpipe.timing('took', 5.5)\n\
         with client.timer('block'):\n\
         \tpass\n",
        listening.port
    );
    let output = Command::new(python).args(["-c", &script]).output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    listening
        .cloudwatch
        .wait_until("all", |seen| seen.data.iter().any(|of| of.name == "web.block"));
    let data = listening.end();
    let sum = |name: &str| of(&data, name).iter().map(|of| of.set.expect("a set").sum).sum::<f64>();
    assert_eq!((sum("web.requests"), sum("web.users"), sum("web.piped")), (2.0, 1.0, 1.0));
    assert_eq!(of(&data, "web.depth").last().expect("a gauge").set.expect("a set").maximum, 65.0);
    let took: Vec<_> = of(&data, "web.took").iter().flat_map(|of| of.values.clone()).collect();
    assert_eq!(took, [5.5, 320.0]);
}
