//! The files for TLS. Reading them blocks.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{CertificateError, InconsistentKeys, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::check::certificate::end;
use crate::check::tls::day;
use crate::config::TlsFiles;
use crate::permissions::writable_by_others;
use crate::shown::shown;

/// What was read.
pub struct Loaded {
    pub config: Arc<ServerConfig>,
    /// As they were before they were read.
    pub stamps: Stamps,
    /// What is most likely a mistake.
    pub warnings: Vec<String>,
}

/// By what a file is known to have changed: time, length, and number of each. Nothing of one that is not there.
pub type Stamps = [Option<(i64, i64, u64, u64)>; 3];

/// How the files are now.
pub fn stamps(files: &TlsFiles) -> Stamps {
    [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()].map(|path| {
        let of = fs::metadata(path?).ok()?;
        Some((of.mtime(), of.mtime_nsec(), of.len(), of.ino()))
    })
}

/// Reads all files. The error names the one that is wrong.
pub fn load(files: &TlsFiles) -> Result<Loaded, String> {
    let stamps = stamps(files);
    let (certificate, key) =
        (Named::new(CERTIFICATE, &files.certificate), Named::new(KEY, &files.key));
    let chain = certificate.certificates()?;
    certificate.require_unexpired(chain.first())?;
    let (private, warnings) = key.private_key()?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let builder = match &files.client_ca {
        Some(path) => {
            let roots = Arc::new(Named::new(CLIENT_CA, path).roots()?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            let verifier = verifier.map_err(|error| format!("TLS cannot be set up: {error}"))?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let config = builder.with_single_cert(chain, private).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            format!("{key} is not the key of the certificate in {}", certificate.name)
        }
        rustls::Error::InvalidCertificate(error) => certificate.unusable(&error),
        // What is wrong with a key may be quoted from it.
        _ => format!("{key} has no key of a kind that is known: expected ECDSA, Ed25519 or RSA"),
    });
    let mut config = config?;
    // A session that was taken up again would be of a certificate from before, or of a client that is trusted no more.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { config: Arc::new(config), stamps, warnings })
}

/// A file of an option.
struct Named<'a> {
    option: &'static str,
    path: &'a Path,
    name: String,
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.option, self.name)
    }
}

impl<'a> Named<'a> {
    fn new(option: &'static str, path: &'a Path) -> Self {
        Self { option, path, name: shown(&path.display().to_string()) }
    }

    fn read(&self) -> Result<(Vec<u8>, Metadata), String> {
        let failed = |error: io::Error| format!("{self} cannot be read: {error}");
        let metadata = fs::metadata(self.path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(format!("{self} is not a regular file"));
        }
        if let Some(problem) = writable_by_others(self.path, &metadata) {
            return Err(format!("{}: {problem}", self.option));
        }
        let mut bytes = Vec::new();
        let file = File::open(self.path).map_err(failed)?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
        match bytes.len() as u64 > LARGEST {
            true => Err(format!("{self}: expected at most {LARGEST} bytes")),
            false => Ok((bytes, metadata)),
        }
    }

    /// All certificates, at least one.
    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let (bytes, _) = self.read()?;
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
        match all {
            Ok(all) if all.is_empty() => Err(format!(
                "{self} has no certificate: expected PEM, which begins with -----BEGIN CERTIFICATE-----"
            )),
            Ok(all) => Ok(all),
            Err(error) => Err(format!("{self} is no valid PEM: {error}")),
        }
    }

    fn require_unexpired(&self, certificate: Option<&CertificateDer<'_>>) -> Result<(), String> {
        let end = certificate.and_then(|der| end(der));
        let end = end.ok_or_else(|| self.unusable(&CertificateError::BadEncoding))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        match u64::try_from(end).unwrap_or_default() {
            end if end <= now => Err(format!("{self} expired on {}: renew it", day(end))),
            _ => Ok(()),
        }
    }

    fn unusable(&self, error: &CertificateError) -> String {
        format!("{self} cannot be used ({error}): replace it")
    }

    /// The key, with what is most likely a mistake.
    fn private_key(&self) -> Result<(PrivateKeyDer<'static>, Vec<String>), String> {
        let (bytes, metadata) = self.read()?;
        let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
            format!(
                "{self} has no private key: expected PEM without a password, which begins with \
                 -----BEGIN PRIVATE KEY-----"
            )
        })?;
        let is_readable = metadata.permissions().mode() & 0o004 != 0;
        let warning = || {
            let Self { name, .. } = self;
            format!("any user can read the private key of the API in {name}: chmod o-r {name}")
        };
        Ok((key, is_readable.then(warning).into_iter().collect()))
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| match error {
                rustls::Error::InvalidCertificate(error) => self.unusable(&error),
                error => format!("{self} cannot be used ({error}): replace it"),
            })?;
        }
        Ok(roots)
    }
}

const CERTIFICATE: &str = "--api-tls-cert";
const KEY: &str = "--api-tls-key";
const CLIENT_CA: &str = "--api-client-ca";

/// Hundreds of certificates.
const LARGEST: u64 = 1 << 20;
