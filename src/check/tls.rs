//! TLS to the servers of checks, with the roots that CloudWatch is trusted by.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::publisher::cloudwatch::trusted_roots;

/// TLS over a stream to the server of a name or an address, and the certificates that it showed, its own
/// first. `is_verified` is whether they have to be valid and of that name. The error is a sentence.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    name: &str,
    is_verified: bool,
) -> Result<(TlsStream<S>, Vec<CertificateDer<'static>>), String> {
    // A name may end in a dot, and certificates have none.
    let server = ServerName::try_from(name.trim_end_matches('.').to_owned());
    let server = server.map_err(|_| format!("{name:?} is no name that a certificate can have"))?;
    let config = if is_verified { verified().await? } else { unverified()? };
    match TlsConnector::from(config).connect(server, stream).await {
        Ok(stream) => {
            let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
            let shown = shown.iter().cloned().map(CertificateDer::into_owned).collect();
            Ok((stream, shown))
        }
        Err(error) => {
            if is_verified {
                // The user may correct the roots.
                *VERIFIED.lock().await = None;
            }
            Err(in_words(&error, name))
        }
    }
}

/// With the trusted roots, which are some hundred kilobytes: all checks share them.
static VERIFIED: Mutex<Option<Arc<ClientConfig>>> = Mutex::const_new(None);

async fn verified() -> Result<Arc<ClientConfig>, String> {
    // Held while they are read, so that they are read once.
    let mut shared = VERIFIED.lock().await;
    if let Some(config) = &*shared {
        return Ok(config.clone());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted_roots().await?);
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().map_err(cannot_be_set_up)?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let config = without_resumption(config);
    *shared = Some(config.clone());
    Ok(config)
}

fn unverified() -> Result<Arc<ClientConfig>, String> {
    static UNVERIFIED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = UNVERIFIED.get() {
        return Ok(config.clone());
    }
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions().map_err(cannot_be_set_up)?;
    let any = Arc::new(AnyCertificate(provider()));
    let builder = builder.dangerous().with_custom_certificate_verifier(any);
    let config = without_resumption(builder.with_no_client_auth());
    Ok(UNVERIFIED.get_or_init(|| config).clone())
}

/// With sessions that are taken up again, no certificate would be looked at but the first.
fn without_resumption(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

fn cannot_be_set_up(error: impl Error) -> String {
    format!("TLS cannot be set up: {error}")
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Takes any certificate whose key the server has.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Why a connection could not be secured, and what to do about it.
fn in_words(error: &io::Error, name: &str) -> String {
    let cause = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(error)) => {
            format!("{}, or set verify: no", of_certificate(error, name))
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            "the server speaks no TLS at this port: correct the port, or switch TLS off".to_owned()
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("the server refused the TLS handshake: {alert:?}")
        }
        Some(rustls::Error::PeerIncompatible(_)) => {
            format!("the server speaks neither TLS 1.2 nor TLS 1.3 as needed here: {error}")
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection during the TLS handshake".to_owned()
        }
        _ => format!("the TLS handshake failed: {error}"),
    }
}

fn of_certificate(error: &CertificateError, name: &str) -> String {
    match error {
        CertificateError::ExpiredContext { time, not_after } => {
            let since = time.as_secs().saturating_sub(not_after.as_secs());
            format!(
                "the certificate of {name} expired on {}, {} ago: renew it",
                day(not_after.as_secs()),
                amount(since)
            )
        }
        CertificateError::Expired => format!("the certificate of {name} has expired: renew it"),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "the certificate of {name} is not valid before {}: correct this machine's clock or the certificate",
            day(not_before.as_secs())
        ),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = match presented.split_at_checked(MOST_NAMES) {
                Some((first, [_, ..])) => format!("{} and others", first.join(", ")),
                _ if presented.is_empty() => "no name".to_owned(),
                _ => presented.join(", "),
            };
            format!(
                "the certificate is not of {name}: it is of {}: correct the name or the certificate",
                names.replace("DnsName(", "").replace("IpAddress(", "").replace([')', '"'], "")
            )
        }
        CertificateError::UnknownIssuer => format!(
            "the certificate of {name} is of an issuer that is not trusted here: add its root to the system's or to SSL_CERT_FILE"
        ),
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => format!(
            "the certificate of {name} is that of an authority, as self-signed ones often are: give the server one without CA:TRUE"
        ),
        other => format!("the certificate of {name} is not valid ({other}): replace it"),
    }
}

/// The day of a time.
fn day(seconds: u64) -> String {
    let time: SystemTime = UNIX_EPOCH + Duration::from_secs(seconds);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.chars().take("2026-01-31".len()).collect()
}

fn amount(seconds: u64) -> String {
    let (amount, word) = match seconds {
        0..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if amount == 1 { format!("1 {word}") } else { format!("{amount} {word}s") }
}

/// How many names of a certificate an error shows.
const MOST_NAMES: usize = 3;
