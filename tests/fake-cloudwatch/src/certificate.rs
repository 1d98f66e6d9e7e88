//! A certificate authority, made anew for each server, and the certificates that it shows.

use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// What the server shows to TLS clients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Certificate {
    /// For `localhost` and 127.0.0.1.
    Valid,
    /// For another name.
    WrongName,
    /// For `localhost` and 127.0.0.1, but only until the end of the year 2000.
    Expired,
    /// For `localhost` and 127.0.0.1, of an authority that is not the server's.
    UnknownIssuer,
}

/// The authority of one server, and what that shows at present.
pub(crate) struct Tls {
    authority: CertificateParams,
    authority_key: KeyPair,
    pub ca_pem: String,
    shown: Mutex<Arc<ServerConfig>>,
}

impl Tls {
    /// A new authority, and its certificate for a server.
    pub fn new(certificate: Certificate) -> Self {
        let (authority, authority_key) = authority();
        let ca =
            authority.self_signed(&authority_key).expect("the authority's parameters are complete");
        let shown = Mutex::new(certificate.issue(&authority, &authority_key));
        Self { authority, authority_key, ca_pem: ca.pem(), shown }
    }

    /// What new connections see from now on.
    pub fn show(&self, certificate: Certificate) {
        let issued = certificate.issue(&self.authority, &self.authority_key);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = issued;
    }

    /// The server's side of TLS.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn authority() -> (CertificateParams, KeyPair) {
    let key = KeyPair::generate().expect("ring makes a P-256 key");
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.distinguished_name.push(DnType::CommonName, authority_name(&key));
    (authority, key)
}

impl Certificate {
    /// The server's side of TLS.
    fn issue(self, authority: &CertificateParams, authority_key: &KeyPair) -> Arc<ServerConfig> {
        if self == Self::UnknownIssuer {
            let (authority, authority_key) = self::authority();
            return Self::Valid.issue(&authority, &authority_key);
        }
        let key = KeyPair::generate().expect("ring makes a P-256 key");
        let certificate = self
            .parameters()
            .signed_by(&key, &Issuer::from_params(authority, authority_key))
            .expect("the server's parameters are complete");

        let private_key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        // The provider is named, not taken from the process: a test may install another there.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has ciphers for TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private_key)
            .expect("the key belongs to the certificate");
        Arc::new(config)
    }

    fn parameters(self) -> CertificateParams {
        let names = match self {
            Self::Valid | Self::Expired | Self::UnknownIssuer => {
                vec!["localhost".to_owned(), "127.0.0.1".to_owned()]
            }
            Self::WrongName => vec!["other.example".to_owned()],
        };
        let mut parameters = CertificateParams::new(names).expect("the names are ASCII");
        if self == Self::Expired {
            parameters.not_before = date_time_ymd(2000, 1, 1);
            parameters.not_after = date_time_ymd(2000, 12, 31);
        }
        parameters
    }
}

/// Different for each authority. If two had one name, a client which trusts the other would find
/// a bad signature where in real life it finds an unknown issuer.
fn authority_name(key: &KeyPair) -> String {
    let start = key.public_key_raw().iter().skip(1).take(8);
    let digits: String = start.map(|byte| format!("{byte:02x}")).collect();
    format!("Fake CloudWatch CA {digits}")
}
