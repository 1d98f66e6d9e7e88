//! The commands that ask an agent which answers with TLS, or at all addresses of its machine.

use support::authority::Authority;
use support::{Ended, command, run};

use crate::tls::{END, START, Secure, TOKEN, TOKEN_VARIABLE};

/// Runs a command with the variables that a container shares with its probe.
fn asked(arguments: &[&str], address: &str, certificate: Option<&str>) -> Ended {
    let mut command = command();
    command.args(arguments).env("CLOUDWATCH_METRICS_AGENT_API", address).env(TOKEN_VARIABLE, TOKEN);
    if let Some(certificate) = certificate {
        command.env("CLOUDWATCH_METRICS_AGENT_API_TLS_CERT", certificate);
    }
    run(&mut command)
}

#[test]
fn commands_speak_tls_with_the_agent_that_has_the_certificate_and_with_no_other() {
    let secure = Secure::start("0.0.0.0", &[], true);
    let address = format!("0.0.0.0:{}", secure.port);
    let [own, _] = secure.authority.files("api");
    let other = Authority::new();
    other.certify("api", START, END);
    let [others, _] = other.files("api");
    let commands: [(&[&str], i32); 3] =
        [(&["ctl", "checks"], 3), (&["healthcheck"], 1), (&["query", "--list"], 1)];
    for (arguments, code) in commands {
        let ended = asked(arguments, &address, Some(&own));
        if arguments[0] == "query" {
            // It has no history, which the agent itself says.
            let ended = ended.expect_code(1);
            assert!(ended.stderr.contains("keeps no history"), "{}", ended.stderr);
        } else {
            ended.expect_code(0);
        }
        let ended = asked(arguments, &address, Some(&others)).expect_code(code);
        let cure = "--api-tls-cert has to name the certificate that the agent has";
        assert!(ended.stderr.contains(cure), "{arguments:?}: {}", ended.stderr);
        let ended = asked(arguments, &address, None).expect_code(code);
        let cure = "where the agent answers with TLS, name its certificate with --api-tls-cert";
        assert!(ended.stderr.contains(cure), "{arguments:?}: {}", ended.stderr);
        let missing = asked(arguments, &address, Some("/no/such.pem")).expect_code(code);
        assert!(missing.stderr.contains("/no/such.pem, of --api-tls-cert"), "{}", missing.stderr);
    }
    // With the chain and the root in one file it is the first one that counts.
    let all = [own.as_str(), &secure.authority.root()]
        .map(|path| std::fs::read_to_string(path).expect("PEM"));
    let both = secure.folder.write("both.pem", all.concat());
    let both = both.to_str().expect("text");
    asked(&["healthcheck", "--ready"], &address, Some(both)).expect_code(0);
}

#[test]
fn an_agent_at_all_addresses_without_tls_is_asked_at_this_machines_own() {
    let served = crate::tls::insecure();
    for address in [format!("0.0.0.0:{}", served.1), format!("127.0.0.1:{}", served.1)] {
        asked(&["healthcheck"], &address, None).expect_code(0);
        asked(&["ctl", "checks"], &address, None).expect_code(0);
    }
}
