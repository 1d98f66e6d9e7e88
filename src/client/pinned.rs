//! TLS to an agent whose certificate is in a file: only to whoever has the key of just this certificate.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::blocking::{self, Purpose};
use crate::check::tls;
use crate::exchange::Connection;
use crate::shown::shown;

/// Secures a connection to the agent that has the first certificate of this file.
pub async fn secured(
    socket: TcpStream,
    address: SocketAddr,
    file: &Path,
) -> io::Result<Box<dyn Connection>> {
    let file = file.to_owned();
    let read = blocking::call(Purpose::Files, move || certificate(&file)).await;
    let known = read.map_err(io::Error::other)??;
    let builder = tls::builder().map_err(io::Error::other)?;
    let pinned = builder.dangerous().with_custom_certificate_verifier(Arc::new(Pinned(known)));
    let name = ServerName::from(address.ip());
    Ok(Box::new(TlsConnector::from(tls::finished(pinned)).connect(name, socket).await?))
}

fn certificate(file: &PathBuf) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(file).map_err(|error| {
        let name = shown(&file.display().to_string());
        io::Error::other(format!("{name}, of --api-tls-cert, has no certificate (PEM): {error}"))
    })
}

/// Takes just this certificate, whatever names and times it has: the file says whose it is.
#[derive(Debug)]
struct Pinned(CertificateDer<'static>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match *certificate == self.0 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = ring::default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = ring::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
