//! A client that trusts the server's authority gets through, if the certificate is good.

mod client;

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use client::{Client, Reply, body, datum, request};
use fake_cloudwatch::{Answer, Certificate, FakeCloudWatch};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};

#[test]
fn a_valid_certificate_serves_both_names() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let port = cloudwatch.address().port();
    assert_eq!(cloudwatch.url(), format!("https://127.0.0.1:{port}"));
    assert_eq!(cloudwatch.url_by_name(), format!("https://localhost:{port}"));

    assert_eq!(put(&cloudwatch, &trust(&cloudwatch), "127.0.0.1", 1.0).unwrap().status, 200);
    assert_eq!(put(&cloudwatch, &trust(&cloudwatch), "localhost", 2.0).unwrap().status, 200);
    assert_eq!(cloudwatch.data(), [datum(1.0), datum(2.0)]);
}

#[test]
fn another_authority_is_not_trusted() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    let other = FakeCloudWatch::start_tls(Certificate::Valid);

    assert_eq!(refusal(&cloudwatch, &trust(&other)), CertificateError::UnknownIssuer);
    assert_eq!(cloudwatch.requests(), []);
}

#[test]
fn a_wrong_name_is_refused() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::WrongName);

    let refusal = refusal(&cloudwatch, &trust(&cloudwatch));
    assert!(matches!(refusal, CertificateError::NotValidForNameContext { .. }), "{refusal:?}");
    assert_eq!(cloudwatch.requests(), []);
}

#[test]
fn an_expired_certificate_is_refused() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Expired);

    let refusal = refusal(&cloudwatch, &trust(&cloudwatch));
    assert!(matches!(refusal, CertificateError::ExpiredContext { .. }), "{refusal:?}");
    assert_eq!(cloudwatch.requests(), []);
}

#[test]
fn an_unknown_issuer_is_not_the_servers_authority() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::UnknownIssuer);

    assert_eq!(refusal(&cloudwatch, &trust(&cloudwatch)), CertificateError::UnknownIssuer);
}

#[test]
fn another_certificate_can_be_shown() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Expired);
    let roots = trust(&cloudwatch);
    assert!(put(&cloudwatch, &roots, "localhost", 1.0).is_err());

    cloudwatch.show(Certificate::Valid);
    assert_eq!(put(&cloudwatch, &roots, "localhost", 2.0).unwrap().status, 200);
    assert_eq!(cloudwatch.data(), [datum(2.0)]);
}

#[test]
fn reset_works_below_tls() {
    let cloudwatch = FakeCloudWatch::start_tls(Certificate::Valid);
    cloudwatch.answer_next(Answer::TakeThenReset);

    let error = put(&cloudwatch, &trust(&cloudwatch), "localhost", 1.0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(cloudwatch.data(), [datum(1.0)]);
}

#[test]
fn plain_http_has_no_authority() {
    let cloudwatch = FakeCloudWatch::start();

    assert_eq!(cloudwatch.ca_pem(), None);
    assert_eq!(cloudwatch.url(), format!("http://{}", cloudwatch.address()));
}

fn trust(cloudwatch: &FakeCloudWatch) -> RootCertStore {
    let pem = cloudwatch.ca_pem().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    roots
}

fn refusal(cloudwatch: &FakeCloudWatch, roots: &RootCertStore) -> CertificateError {
    let error = put(cloudwatch, roots, "127.0.0.1", 1.0).unwrap_err();
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(rustls::Error::InvalidCertificate(refusal)) => refusal.clone(),
        other => panic!("expected a bad certificate, found {other:?} in {error:?}"),
    }
}

fn put(
    cloudwatch: &FakeCloudWatch,
    roots: &RootCertStore,
    name: &str,
    value: f64,
) -> io::Result<Reply> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket: TcpStream = Client::connect(cloudwatch.address()).stream;
    let mut client = Client { stream: StreamOwned::new(session, socket) };
    io::Write::write_all(&mut client.stream, &request(&body(value), ""))?;
    client.reply()
}
