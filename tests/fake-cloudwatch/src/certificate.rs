//! A certificate authority and a server certificate, made anew for each server.

use std::sync::Arc;

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
}

impl Certificate {
    /// The authority's certificate in PEM, and the server's side of TLS.
    pub(crate) fn issue(self) -> (String, Arc<ServerConfig>) {
        let authority_key = KeyPair::generate().expect("ring makes a P-256 key");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, authority_name(&authority_key));
        let ca =
            authority.self_signed(&authority_key).expect("the authority's parameters are complete");

        let key = KeyPair::generate().expect("ring makes a P-256 key");
        let certificate = self
            .parameters()
            .signed_by(&key, &Issuer::from_params(&authority, &authority_key))
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
        (ca.pem(), Arc::new(config))
    }

    fn parameters(self) -> CertificateParams {
        let names = match self {
            Self::Valid | Self::Expired => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
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
