//! `agent.apache`, with Apache itself.

use support::server::{free_port, wait_until};

use crate::program::{Folder, Ran, Server, check};

struct Apache {
    port: u16,
    _server: Server,
    _folder: Folder,
}

impl Apache {
    fn start(extended: &str) -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let text = CONFIGURATION.replace("{folder}", &folder.path(""));
        let text = text.replace("{port}", &port.to_string()).replace("{extended}", extended);
        let file = folder.write("apache.conf", text);
        // In one process, which the test ends.
        let server = Server::start("/usr/sbin/apache2", "apache2", &["-X", "-f", &file], &[port]);
        Self { port, _server: server, _folder: folder }
    }

    fn check(&self, path: &str) -> Ran {
        check(&["agent.apache", &format!("url=http://127.0.0.1:{}{path}", self.port)], &[])
    }
}

const CONFIGURATION: &str = "\
ServerRoot {folder}
PidFile {folder}pid
ErrorLog {folder}errors
ServerName localhost
Listen 127.0.0.1:{port}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule status_module /usr/lib/apache2/modules/mod_status.so
ExtendedStatus {extended}
<Location /server-status>
  SetHandler server-status
</Location>
";

const EXTENDED: &[&str] = &[
    "total_accesses",
    "total_kbytes",
    "bytes_per_second",
    "bytes_per_request",
    "cpu_load",
    "requests_per_second",
];

#[test]
fn all_that_apache_counts_is_read() {
    let apache = Apache::start("On");
    let first = apache.check("/server-status?auto").available();
    let second = apache.check("/server-status?auto").available();
    // Apache knows no rates in its first second.
    wait_until("rates", || apache.check("/server-status?auto").available().number("uptime") >= 1.0);
    let later = apache.check("/server-status?auto").available();
    // A request counts when it has been answered; the one that waited for the port had none.
    assert_eq!(second.number("total_accesses"), first.number("total_accesses") + 1.0);
    assert!(second.number("total_kbytes") >= first.number("total_kbytes"));
    for name in ["uptime", "bytes_per_second", "bytes_per_request", "requests_per_second"] {
        assert!(later.number(name) >= 0.0, "{name}");
    }
    // One process has 25 threads, and this request is with one of them; one may still close another.
    assert_eq!(second.number("busy_workers") + second.number("idle_workers"), 25.0);
    assert_eq!(
        (second.number("sending"), second.number("waiting")),
        (1.0, second.number("idle_workers"))
    );
    assert!(second.number("open") > 0.0);
    assert_eq!(second.metric("total_accesses")["kind"], "counter");
}

#[test]
fn what_needs_extended_status_is_absent_without_it() {
    let apache = Apache::start("Off");
    let ran = apache.check("/server-status?auto").available();
    for name in EXTENDED {
        assert_eq!(ran.absent(name), "the server has ExtendedStatus Off: set it to On", "{name}");
    }
    assert!(ran.number("uptime") >= 0.0);
    assert!(ran.number("busy_workers") >= 1.0);
}

#[test]
fn the_page_for_people_and_a_wrong_path_are_errors_with_the_cure() {
    let apache = Apache::start("On");
    for (path, expected) in [
        ("/server-status", "/server-status is the status page for people: add ?auto to url"),
        ("/status?auto", "/status?*** answers 404 Not Found: correct url"),
    ] {
        let ran = apache.check(path);
        assert!(ran.unavailable().ends_with(expected), "{ran:?}");
    }
}
