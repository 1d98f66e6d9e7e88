//! TLS of checks: a connection with it, to a server whose certificate is verified or not.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::blocking::{self, Purpose};
use crate::roots::Roots;

/// A connection with TLS.
pub type Stream = tokio_rustls::client::TlsStream<TcpStream>;

/// Whose certificates are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those for the host that a trusted root has signed.
    Verified,
    /// Any. It keeps out those who only listen, and not who answers in the server's place.
    Unverified,
}

/// Shakes hands. The error says what is wrong, without the address.
pub async fn connect(stream: TcpStream, host: &str, trust: Trust) -> Result<Stream, String> {
    let config = match trust {
        Trust::Verified => verified().await?,
        Trust::Unverified => unverified()?,
    };
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| format!("TLS: {host:?} is no name of a server"))?;
    let connected = TlsConnector::from(config).connect(name, stream).await;
    connected.map_err(|error| failure(&error))
}

/// Trusts the same roots as the publisher. They are read once, and all checks share them.
async fn verified() -> Result<Arc<ClientConfig>, String> {
    static VERIFIED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = VERIFIED.get() {
        return Ok(config.clone());
    }
    let config = blocking::call(Purpose::Files, trusting_roots).await;
    let config = config.map_err(|refused| format!("TLS: {refused}"))??;
    Ok(VERIFIED.get_or_init(|| config).clone())
}

fn trusting_roots() -> Result<Arc<ClientConfig>, String> {
    let roots = Roots::load().map_err(|error| format!("TLS: {error}"))?;
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(roots.certificates().iter().cloned());
    let config = builder()?.with_root_certificates(trusted).with_no_client_auth();
    Ok(Arc::new(config))
}

fn unverified() -> Result<Arc<ClientConfig>, String> {
    let builder = builder()?.dangerous().with_custom_certificate_verifier(Arc::new(Anyone));
    Ok(Arc::new(builder.with_no_client_auth()))
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_safe_default_protocol_versions().map_err(|error| format!("TLS: {error}"))
}

/// What went wrong; of a certificate also what to do.
fn failure(error: &io::Error) -> String {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => format!(
            "the server's certificate cannot be verified: let SSL_CERT_FILE name its authority, or \
             set tls: unverified ({why})"
        ),
        _ => format!("TLS failed: {error}"),
    }
}

/// Takes any certificate.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    /// That the server has the key of a certificate that anyone can make would prove nothing. And what
    /// MySQL makes for itself may be of a version that cannot be read here.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
