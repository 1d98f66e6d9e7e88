//! Credentials that are not there yet, and services for them that hang.

use std::net::Ipv4Addr;
use std::sync::{Arc, OnceLock};

use crate::scene::Scene;
use support::http::{Reply, Request, Server};

impl Scene {
    /// No credentials anywhere.
    fn without_credentials(&mut self) {
        self.environment.push(("AWS_ACCESS_KEY_ID", None));
        self.environment.push(("AWS_SECRET_ACCESS_KEY", None));
        self.environment.push(("AWS_EC2_METADATA_DISABLED", Some("true".into())));
    }

    /// A service that answers like this until the fault ends. Returns its address.
    fn service(
        &mut self,
        broken: fn(&Request) -> Reply,
        whole: fn(&Request) -> Reply,
    ) -> (String, Arc<Server>) {
        let works = Arc::new(OnceLock::new());
        let lifted = Arc::clone(&works);
        let server = Server::start((Ipv4Addr::LOCALHOST, 0), move |request| match works.get() {
            Some(()) => whole(request),
            None => broken(request),
        });
        let server = Arc::new(server);
        self.parts.push(Box::new(Arc::clone(&server)));
        self.lift = Some(Box::new(move |_| lifted.set(()).expect("a fault ends once")));
        (format!("http://{}", server.address()), server)
    }

    fn hangs_on(&mut self, server: Arc<Server>) {
        self.under_way = Some(Box::new(move || {
            server.wait_until("a question", |log| !log.requests.is_empty());
        }));
    }
}

pub fn file_appears(scene: &mut Scene) {
    scene.without_credentials();
    let file = scene.folder.join("credentials");
    scene.environment.push(("AWS_SHARED_CREDENTIALS_FILE", Some(file.clone().into())));
    scene.lift = Some(Box::new(move |_| {
        // Renamed into place, so that nobody reads half of it.
        let text = "[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = secret\n";
        let new = file.with_extension("new");
        std::fs::write(&new, text).expect("the folder is writable");
        std::fs::rename(&new, &file).expect("the folder is writable");
    }));
}

pub fn role_appears(scene: &mut Scene) {
    scene.without_credentials();
    let (url, _) = scene.service(|_| Reply::status(404), role);
    scene.environment.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", Some(url.into())));
}

pub fn endpoint_hangs(scene: &mut Scene) {
    scene.without_credentials();
    let (url, server) = scene.service(|_| Reply::Silence, role);
    scene.environment.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", Some(url.into())));
    scene.hangs_on(server);
}

pub fn endpoint_is_endless(scene: &mut Scene) {
    scene.without_credentials();
    let (url, _) = scene.service(|_| Reply::Endless { promised: None }, role);
    scene.environment.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", Some(url.into())));
}

pub fn metadata_is_endless(scene: &mut Scene) {
    scene.without_credentials();
    scene.environment.retain(|(name, _)| *name != "AWS_EC2_METADATA_DISABLED");
    let (url, _) = scene.service(|_| Reply::Endless { promised: None }, metadata);
    scene.environment.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", Some(url.into())));
}

pub fn metadata_hangs(scene: &mut Scene) {
    scene.without_credentials();
    scene.environment.retain(|(name, _)| *name != "AWS_EC2_METADATA_DISABLED");
    // It is asked for the region as well.
    scene.environment.push(("AWS_REGION", None));
    let (url, server) = scene.service(|_| Reply::Silence, metadata);
    scene.environment.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", Some(url.into())));
    scene.hangs_on(server);
}

fn role(_: &Request) -> Reply {
    let expiration = std::time::SystemTime::now() + std::time::Duration::from_secs(6 * 60 * 60);
    let expiration = humantime::format_rfc3339_seconds(expiration);
    Reply::ok(format!(
        r#"{{"Code": "Success", "LastUpdated": "2026-01-01T00:00:00Z", "Type": "AWS-HMAC",
            "AccessKeyId": "ASIAROLE", "SecretAccessKey": "secret", "Token": "token",
            "Expiration": "{expiration}"}}"#
    ))
}

fn metadata(request: &Request) -> Reply {
    const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
    match request.line.as_str() {
        "PUT /latest/api/token" => Reply::ok("session").with_header(TTL, "21600"),
        "GET /latest/meta-data/placement/region" => Reply::ok("eu-west-1"),
        "GET /latest/meta-data/iam/security-credentials/" => Reply::ok("role"),
        "GET /latest/meta-data/iam/security-credentials/role" => role(request),
        _ => Reply::status(404),
    }
}
