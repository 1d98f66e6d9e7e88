//! Faults of the endpoint and of the way to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use fake_cloudwatch::{Answer, Certificate, FakeCloudWatch, Refused};

use crate::log::name_of_otlp;
use crate::names;
use crate::scene::{Scene, Stream};
use support::http::{Reply, Server};

impl Scene {
    /// The endpoint answers so until the fault ends.
    pub fn answers(&mut self, answer: Answer) {
        self.server().answer_always(answer.clone());
        self.answer = answer;
        self.lift = Some(Box::new(|scene| scene.answer = Answer::Take));
    }

    /// The summaries go to standard output.
    pub fn dry_run(&mut self, stdout: Stream) {
        self.arguments.push("--dry-run".into());
        self.stdout = stdout;
        self.cloudwatch = None;
        if stdout == Stream::Full {
            self.lift = Some(Box::new(Scene::read_on));
        }
    }

    fn listens_later(&mut self, certificate: Option<Certificate>) -> SocketAddr {
        let refused = Refused::start().expect("127.0.0.1 has a free port");
        let address = refused.address();
        self.cloudwatch = None;
        self.lift = Some(Box::new(move |scene| {
            scene.cloudwatch = Some(refused.serve(certificate).expect("the port is ours"));
        }));
        address
    }

    /// The endpoint has TLS with this certificate, and its authority is trusted.
    fn https(&mut self, certificate: Certificate) {
        let cloudwatch = FakeCloudWatch::start_tls(certificate);
        self.url = cloudwatch.url_by_name();
        self.trust(cloudwatch.ca_pem().expect("TLS has a CA"));
        self.cloudwatch = Some(cloudwatch);
    }

    fn trust(&mut self, pem: &str) {
        let roots = self.folder.join("roots.pem");
        std::fs::write(&roots, pem).expect("the folder is writable");
        self.environment.push(("SSL_CERT_FILE", Some(roots.into())));
    }
}

pub fn refused(scene: &mut Scene) {
    scene.url = format!("http://{}", scene.listens_later(None));
}

/// Of all data that come, the first maximum of CPU is never taken, nor any other of its moment.
pub fn rejects_one(scene: &mut Scene) {
    let poison = Arc::new(OnceLock::new());
    let answer = Answer::reject_where(move |datum| {
        let is_it = datum.name == POISON || name_of_otlp(&datum.name) == Some(POISON);
        is_it && *poison.get_or_init(|| datum.timestamp) == datum.timestamp
    });
    scene.server().answer_always(answer.clone());
    scene.answer = answer;
}

/// The metric of the datum that is never taken.
pub const POISON: &str = "MaxMemoryUtilization";

pub fn tls(scene: &mut Scene, certificate: Certificate) {
    scene.https(certificate);
    scene.lift = Some(Box::new(|scene| scene.server().show(Certificate::Valid)));
}

/// The system has no roots, so the bundled ones are used; no endpoint of a test is among those.
pub fn no_roots(scene: &mut Scene) {
    scene.https(Certificate::Valid);
    scene.environment.push(("SSL_CERT_FILE", None));
    // Where systems have their roots; links lead from one to another.
    scene.after_mounting(
        "for folder in /etc/ssl /etc/pki /usr/lib/ssl /usr/share/ssl /usr/local/ssl; do \
         test ! -d $folder || mount -t tmpfs none $folder; done",
    );
}

/// The endpoint has a name that the name server treats as this kind says.
pub fn name(scene: &mut Scene, kind: &str) -> String {
    let name = names::new(kind);
    let port = scene.server().address().port();
    scene.url = format!("http://{name}:{port}");
    if kind == names::SILENT {
        let name = name.clone();
        scene.under_way = Some(Box::new(move || names::wait_for_question(&name)));
    }
    let resolved = name.clone();
    scene.lift = Some(Box::new(move |_| names::resolve(&resolved)));
    name
}

pub fn proxy_refuses(scene: &mut Scene) {
    scene.https(Certificate::Valid);
    let refused = Refused::start().expect("127.0.0.1 has a free port");
    let port = refused.address().port();
    scene.environment.push(("HTTPS_PROXY", Some(format!("http://127.0.0.1:{port}").into())));
    scene.lift = Some(Box::new(move |scene| {
        drop(refused);
        scene.parts.push(Box::new(Server::start((Ipv4Addr::LOCALHOST, port), tunnel)));
    }));
}

pub fn proxy_502(scene: &mut Scene) {
    scene.https(Certificate::Valid);
    let works = Arc::new(OnceLock::new());
    let lifted = Arc::clone(&works);
    let proxy = Server::start((Ipv4Addr::LOCALHOST, 0), move |request| match works.get() {
        Some(()) => tunnel(request),
        None => Reply::status(502),
    });
    let url = format!("http://{}", proxy.address());
    scene.environment.push(("HTTPS_PROXY", Some(url.into())));
    scene.parts.push(Box::new(proxy));
    scene.lift = Some(Box::new(move |_| lifted.set(()).expect("a fault ends once")));
}

fn tunnel(request: &support::http::Request) -> Reply {
    let target = request.line.strip_prefix("CONNECT ").expect("only HTTPS goes through it");
    Reply::Tunnel(target.to_owned())
}
