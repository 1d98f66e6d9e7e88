//! TLS to the servers of checks, with the roots that CloudWatch is trusted by.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::ring;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct,
    SignatureScheme, WantsVerifier,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::blocking::{self, Purpose};
use crate::roots::{self, Roots};

/// Whose certificates are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those for the host that a trusted root has signed.
    Verified,
    /// Any. It keeps out those who only listen, and not who answers in the server's place.
    Unverified,
}

impl Trust {
    /// Of the detail `verify`, which is on unless it is switched off.
    pub fn of(is_verified: bool) -> Self {
        if is_verified { Self::Verified } else { Self::Unverified }
    }
}

/// How a user switches it, for errors.
#[derive(Clone, Copy, Debug)]
pub struct Switches {
    /// To take any certificate, such as `set verify: no`.
    pub any: &'static str,
    /// To do without TLS, such as `set tls: no`.
    pub off: &'static str,
}

/// TLS over a stream to the server of a name or an address. The error is a sentence, without the address.
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    name: &str,
    trust: Trust,
    switches: Switches,
) -> Result<TlsStream<S>, String> {
    // A name may end in a dot, and certificates have none.
    let server = ServerName::try_from(name.trim_end_matches('.').to_owned());
    let server = server.map_err(|_| format!("{name:?} is no name that a certificate can have"))?;
    let config = match trust {
        Trust::Verified => verified().await?,
        Trust::Unverified => unverified()?,
    };
    let connected = TlsConnector::from(config).connect(server, stream).await;
    match connected {
        Ok(stream) => Ok(stream),
        Err(error) => {
            if rustls_error(&error)
                == Some(&rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))
            {
                // The user may add its root.
                *VERIFIED.lock().await = None;
            }
            Err(in_words(&error, name, switches))
        }
    }
}

/// The certificate of the server itself.
pub fn certificate<S>(stream: &TlsStream<S>) -> Option<CertificateDer<'static>> {
    let shown = stream.get_ref().1.peer_certificates()?;
    shown.first().cloned().map(CertificateDer::into_owned)
}

/// With the trusted roots, which are some hundred kilobytes: all checks share them.
static VERIFIED: Mutex<Option<Arc<ClientConfig>>> = Mutex::const_new(None);

async fn verified() -> Result<Arc<ClientConfig>, String> {
    // Held while they are read, so that they are read once.
    let mut shared = VERIFIED.lock().await;
    if let Some(config) = &*shared {
        return Ok(config.clone());
    }
    let config = blocking::call(Purpose::Files, trusting_roots).await;
    let config = config.map_err(cannot_be_set_up)??;
    *shared = Some(config.clone());
    Ok(config)
}

fn trusting_roots() -> Result<Arc<ClientConfig>, String> {
    let roots = Roots::load().map_err(cannot_be_set_up)?;
    Ok(finished(builder()?.with_root_certificates(roots.trusted())))
}

fn unverified() -> Result<Arc<ClientConfig>, String> {
    static UNVERIFIED: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = UNVERIFIED.get() {
        return Ok(config.clone());
    }
    let anyone = builder()?.dangerous().with_custom_certificate_verifier(Arc::new(Anyone));
    Ok(UNVERIFIED.get_or_init(|| finished(anyone)).clone())
}

pub fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, String> {
    roots::client().map_err(cannot_be_set_up)
}

/// With sessions that are taken up again, no certificate would be looked at but the first.
pub fn finished(builder: ConfigBuilder<ClientConfig, WantsClientCert>) -> Arc<ClientConfig> {
    let mut config = builder.with_no_client_auth();
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

fn cannot_be_set_up(error: impl Display) -> String {
    format!("TLS cannot be set up: {error}")
}

/// Takes any certificate.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
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

    /// That the server has the key of a certificate that anyone can make would prove nothing. And what
    /// MySQL makes for itself may be of a version that cannot be read here.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Why a connection could not be secured, and what to do about it.
fn in_words(error: &io::Error, name: &str, switches: Switches) -> String {
    match rustls_error(error) {
        Some(rustls::Error::InvalidCertificate(error)) => {
            format!("{}, or {}", of_certificate(error, name), switches.any)
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            format!("no TLS at this port: correct the port, or {}", switches.off)
        }
        Some(rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)) => {
            "no TLS version in common with the server: expected 1.2 or 1.3".to_owned()
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("the server refused the TLS handshake: {alert:?}")
        }
        Some(rustls::Error::PeerIncompatible(_)) => {
            format!("no TLS version or cipher in common with the server: {error}")
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection during the TLS handshake".to_owned()
        }
        _ => format!("the TLS handshake failed: {error}"),
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|error| error.downcast_ref())
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
                "the certificate is for {}, not for {name}: correct the name or the certificate",
                names.replace("DnsName(", "").replace("IpAddress(", "").replace([')', '"'], "")
            )
        }
        CertificateError::UnknownIssuer => format!(
            "the issuer of the certificate of {name} is not trusted: add its root to the system's or to SSL_CERT_FILE"
        ),
        CertificateError::Other(why) if is_authority(&*why.0) => format!(
            "the certificate of {name} is a CA certificate (CA:TRUE), as self-signed ones often are: use one without CA:TRUE"
        ),
        other => format!("the certificate of {name} is not valid ({other}): replace it"),
    }
}

/// Whether the certificate is one that signs others.
fn is_authority(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// The day of a time, in seconds since 1970.
pub fn day(seconds: u64) -> String {
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
