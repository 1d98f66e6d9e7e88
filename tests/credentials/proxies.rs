//! The proxy for HTTPS, and what must never go through one.

use std::net::Ipv4Addr;
use std::process::Command;
use std::thread;

use fake_cloudwatch::{Certificate, FakeCloudWatch, refused_url};

use crate::aws::{self, INSTANCE, TASK, TASK_PATH};
use crate::instance::assert_asked_for_everything;
use crate::runs::{agent, agent_for, failure, publishing_key};
use support::TemporaryFile;
use support::http::{Reply, Server};

/// Leads to this machine, and says that it cannot reach anything else.
pub fn proxy() -> Server {
    Server::start((Ipv4Addr::LOCALHOST, 0), |request| match request.line.strip_prefix("CONNECT ") {
        Some(target) if target.starts_with("localhost:") => Reply::Tunnel(target.to_owned()),
        _ => Reply::status(502),
    })
}

/// CloudWatch with TLS, and a proxy to it.
struct Https {
    cloudwatch: FakeCloudWatch,
    roots: TemporaryFile,
    proxy: Server,
}

impl Https {
    fn start() -> Self {
        let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
        let roots = TemporaryFile::new("roots.pem", cloudwatch.ca_pem().expect("TLS has a CA"));
        Self { cloudwatch, roots, proxy: proxy() }
    }

    /// The agent with a region and the roots to trust, without credentials.
    fn agent(&self) -> Command {
        let mut command = agent_for(&self.cloudwatch.url_by_name());
        command.env("SSL_CERT_FILE", self.roots.path());
        command
    }

    fn agent_with_credentials(&self) -> Command {
        let mut command = self.agent();
        with_key(&mut command).env("AWS_REGION", "eu-west-1");
        command
    }

    fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    fn assert_publishes(&self, command: &mut Command, key: &str) {
        assert_eq!(publishing_key(&self.cloudwatch, command), key);
    }

    /// All that the proxy was asked, each once.
    fn asked(self) -> Vec<String> {
        self.proxy.finish().lines().into_iter().map(str::to_owned).collect()
    }

    fn connect(&self) -> String {
        format!("CONNECT localhost:{}", self.cloudwatch.address().port())
    }
}

fn with_key(agent: &mut Command) -> &mut Command {
    agent
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "NeverShownStaticSecret")
}

pub fn each_variable_names_the_proxy_for_https() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let https = Https::start();
        let mut agent = https.agent_with_credentials();
        https.assert_publishes(agent.env(variable, https.proxy_url()), "AKIDEXAMPLE");
        let connect = https.connect();
        assert_eq!(https.asked(), [connect], "{variable}");
    }
}

pub fn the_proxy_needs_no_scheme() {
    let https = Https::start();
    let mut agent = https.agent_with_credentials();
    agent.env("HTTPS_PROXY", https.proxy.address().to_string());
    https.assert_publishes(&mut agent, "AKIDEXAMPLE");
    let connect = https.connect();
    assert_eq!(https.asked(), [connect]);
}

pub fn exceptions_go_direct() {
    for (variable, exceptions, is_direct) in [
        ("NO_PROXY", "localhost", true),
        ("no_proxy", "x.example, localhost", true),
        ("NO_PROXY", "localhost:PORT", true),
        ("NO_PROXY", "localhost:1,x.example:PORT", false),
    ] {
        let https = Https::start();
        let port = https.cloudwatch.address().port().to_string();
        let mut agent = https.agent_with_credentials();
        agent.env("HTTPS_PROXY", https.proxy_url());
        agent.env(variable, exceptions.replace("PORT", &port));
        https.assert_publishes(&mut agent, "AKIDEXAMPLE");
        let expected = if is_direct { Vec::new() } else { vec![https.connect()] };
        assert_eq!(https.asked(), expected, "{variable} {exceptions}");
    }
}

pub fn a_proxy_for_http_is_not_used_for_https() {
    let https = Https::start();
    let mut agent = https.agent_with_credentials();
    agent.env("HTTP_PROXY", https.proxy_url()).env("http_proxy", https.proxy_url());
    https.assert_publishes(&mut agent, "AKIDEXAMPLE");
    assert_eq!(https.asked(), [""; 0]);
}

pub fn the_password_reaches_the_proxy_and_nothing_else() {
    let https = Https::start();
    let mut agent = https.agent_with_credentials();
    agent.env("HTTPS_PROXY", with_password(&https.proxy_url()));
    https.assert_publishes(&mut agent, "AKIDEXAMPLE");
    let log = https.proxy.finish();
    assert!(!log.requests.is_empty());
    for request in log.requests {
        // user:NeverShownProxyPassword
        let expected = "Basic dXNlcjpOZXZlclNob3duUHJveHlQYXNzd29yZA==";
        assert_eq!(request.header("proxy-authorization"), Some(expected));
    }
}

fn with_password(url: &str) -> String {
    url.replace("http://", "http://user:NeverShownProxyPassword@")
}

/// Sets every variable that there is for a proxy.
fn all_to(proxy: &str, agent: &mut Command) {
    for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        agent.env(variable, proxy).env(variable.to_lowercase(), proxy);
    }
}

pub fn a_task_role_is_fetched_past_the_proxy() {
    let (https, ecs) = (Https::start(), aws::ecs());
    let mut agent = https.agent();
    agent.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", TASK_PATH).env("AWS_REGION", "eu-west-1");
    all_to(&https.proxy_url(), &mut agent);
    https.assert_publishes(&mut agent, TASK.key);
    assert_eq!(ecs.finish().lines(), ["GET /v2/credentials/x"]);
    let connect = https.connect();
    assert_eq!(https.asked(), [connect], "CloudWatch, and nothing else");
}

pub fn an_instance_role_is_fetched_past_the_proxy() {
    let (https, imds) = (Https::start(), aws::imds());
    let mut agent = https.agent();
    all_to(&https.proxy_url(), &mut agent);
    https.assert_publishes(&mut agent, INSTANCE.key);
    assert_asked_for_everything(&imds.finish());
    let connect = https.connect();
    assert_eq!(https.asked(), [connect], "CloudWatch, and nothing else");
}

/// Nothing of it leaves this machine, not even the question for the address: that is the proxy's.
pub fn the_endpoint_that_the_variables_ask_for_is_the_one_that_is_sent_to() {
    let vpc = "vpce-0123-example.monitoring.eu-west-1.vpce.amazonaws.com";
    let (vpc_url, other) = (format!("https://{vpc}"), "https://other.invalid".to_owned());
    let on = "true".to_owned();
    let (fips, dual) = (("AWS_USE_FIPS_ENDPOINT", &on), ("AWS_USE_DUALSTACK_ENDPOINT", &on));
    let (service, all) = ("AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL");
    let send = |region: &str, variables: &[(&str, &String)], host: &str| {
        let proxy = proxy();
        let mut agent = agent();
        with_key(&mut agent)
            .env("AWS_REGION", region)
            .env("HTTPS_PROXY", format!("http://{}", proxy.address()))
            .envs(variables.iter().copied());
        failure(&mut agent);
        assert_eq!(proxy.finish().lines(), [format!("CONNECT {host}:443")], "{region}");
    };
    // Side by side, because each fails only after its retries.
    thread::scope(|scope| {
        let case = |region, variables: Vec<_>, host| {
            scope.spawn(move || send(region, &variables, host));
        };
        case("eu-west-1", vec![], "monitoring.eu-west-1.amazonaws.com");
        case("us-east-1", vec![fips], "monitoring-fips.us-east-1.amazonaws.com");
        case("us-east-1", vec![dual], "monitoring.us-east-1.api.aws");
        case("us-east-1", vec![fips, dual], "monitoring-fips.us-east-1.api.aws");
        case("eu-west-1", vec![(all, &vpc_url)], vpc);
        case("eu-west-1", vec![(all, &other), (service, &vpc_url)], vpc);
    });
}

pub fn a_proxy_that_refuses_is_an_error_and_not_a_hang() {
    let https = Https::start();
    let mut agent = https.agent_with_credentials();
    let line = failure(agent.env("HTTPS_PROXY", with_password(&refused_url())));
    assert!(line.contains("refused"), "{line}");
    assert!(line.contains("check HTTPS_PROXY and NO_PROXY ("), "{line}");
    assert_eq!(https.cloudwatch.requests(), [], "it is not gone round");
}

pub fn a_proxy_that_is_no_url_is_named_by_its_variable() {
    for variable in ["HTTPS_PROXY", "all_proxy"] {
        for value in [
            ":// bad",
            "http://user:NeverShownProxyPassword@[bad",
            "http://user:NeverShownProxyPassword@bad:99999",
            "ftp://bad",
        ] {
            let https = Https::start();
            let line = failure(https.agent_with_credentials().env(variable, value));
            let expected = format!("{variable}: expected a URL such as http://proxy.example:3128");
            assert!(line.ends_with(&expected), "{value}: {line}");
            assert!(line.contains(" ERROR "), "somebody has to act: {line}");
            assert!(!line.contains("bad"), "{line}");
            assert_eq!(https.cloudwatch.requests(), [], "it is not gone round");
        }
    }
}
