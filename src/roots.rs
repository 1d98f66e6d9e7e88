//! The trusted roots of TLS: named by the user, found in the system, or bundled with the binary.

mod pem;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use log::{debug, warn};
use rustls::client::ClientConfig;
use rustls::crypto::ring;
use rustls::{ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_pki_types::CertificateDer;
use webpki_roots::TLS_SERVER_ROOTS;

use self::pem::{Content, certificates};
use crate::blocking::was_refused;
use crate::config::CaFile;
use crate::sorted::{sort, sort_by};

/// Certificates that are trusted, and their source.
#[derive(Debug, Default)]
pub struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    /// Whether those that are bundled with the binary are trusted, of which it has only what counts.
    are_bundled: bool,
    /// For people.
    owner: String,
    /// Files and certificates that cannot be used, with the reason.
    skipped: Vec<String>,
}

/// Why there are no roots that may be trusted.
#[derive(Debug)]
pub struct Unusable {
    text: String,
    /// Whether nothing is wrong but that this machine has no descriptor or memory to spare.
    pub passes: bool,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Roots {
    /// Those of a file of authorities, where one is named; else those of the variables or the system.
    pub fn load_for(ca_file: Option<&CaFile>) -> Result<Self, Unusable> {
        match ca_file {
            Some(file) => Self::of_file(file),
            None => Self::load(),
        }
    }

    /// The authorities of a file, of which there has to be one.
    fn of_file(CaFile { path, origin }: &CaFile) -> Result<Self, Unusable> {
        let mut all = Self { owner: format!("{origin} {path:?}"), ..Self::default() };
        all.add_named(origin, path.as_os_str(), Self::add_file)?;
        Ok(all)
    }

    /// The roots that `SSL_CERT_FILE` and `SSL_CERT_DIR` name, each of which has to give some. If
    /// neither is set, the system's roots. If the system has none, as in an empty image, Mozilla's roots
    /// of the time when this was built.
    ///
    /// The SDK could load them, but it would keep the certificates for good beside what it makes of
    /// them, and read files twice that a directory holds twice.
    pub fn load() -> Result<Self, Unusable> {
        match Self::named(named(FILE), named(DIRECTORIES))? {
            Some(roots) => Ok(roots),
            None => Ok(Self::of_the_system()?.unwrap_or_else(Self::bundled)),
        }
    }

    /// Warns of what was skipped. This is not part of loading, which runs in a helper thread: the live
    /// view makes room only for lines of the main thread.
    pub fn warn(&self) {
        debug!("trusted roots: {self}");
        for skipped in &self.skipped {
            warn!("trusted roots: {skipped}");
        }
    }

    /// Whether one of the variables is set.
    pub fn are_named() -> bool {
        [FILE, DIRECTORIES].iter().any(|variable| named(variable).is_some())
    }

    /// Whether the file of authorities and each of the variables that are set give roots. In files, of which a bundle
    /// has hundreds, the first one is enough: a start waits for this.
    pub fn check(ca_file: Option<&CaFile>) -> Result<(), Unusable> {
        let file = named(FILE).filter(|file| !begins_with_root(Path::new(file)));
        Self::named(file, named(DIRECTORIES))?;
        let ca_file = ca_file.filter(|file| !begins_with_root(&file.path));
        ca_file.map_or(Ok(()), |file| Self::of_file(file).map(drop))
    }

    /// The roots of the two variables. `None` if neither is set.
    fn named(
        file: Option<OsString>,
        directories: Option<OsString>,
    ) -> Result<Option<Self>, Unusable> {
        let mut all = Self::default();
        let mut owners = Vec::new();
        if let Some(value) = file {
            owners.push(format!("{FILE} {value:?}"));
            all.add_named(FILE, &value, Self::add_file)?;
        }
        if let Some(value) = directories {
            owners.push(format!("{DIRECTORIES} {value:?}"));
            all.add_named(DIRECTORIES, &value, |roots, paths| {
                let paths = env::split_paths(paths).filter(|path| !path.as_os_str().is_empty());
                let read = paths.map(|path| roots.add_directory(&path));
                // Reads all of them, and keeps the first error.
                read.fold(Ok(()), io::Result::and)
            })?;
        }
        all.owner = owners.join(" and ");
        sort_by(&mut all.certificates, |a, b| a.as_ref().cmp(b.as_ref()));
        // A directory often holds the same roots twice: as single files, and in a bundle.
        all.certificates.dedup();
        Ok(Some(all).filter(|_| !owners.is_empty()))
    }

    /// Adds the roots that a variable or an option names. There has to be at least one.
    fn add_named(
        &mut self,
        variable: &'static str,
        value: &OsStr,
        add: impl Fn(&mut Self, &Path) -> io::Result<()>,
    ) -> Result<(), Unusable> {
        // Apart from `self`, because each of the two variables has to give roots of its own.
        let mut found = Self::default();
        let read = add(&mut found, Path::new(value));
        if found.certificates.is_empty() {
            let reason = match found.skipped.is_empty() {
                true => "expected directories with PEM certificate files".to_owned(),
                false => some(&found.skipped),
            };
            let passes = read.is_err_and(|error| was_refused(&error));
            let text = format!(
                "{variable} {value:?} has no trusted root: {reason}; correct it, or unset {variable} to use the system's roots"
            );
            return Err(Unusable { text, passes });
        }
        self.certificates.append(&mut found.certificates);
        self.skipped.append(&mut found.skipped);
        Ok(())
    }

    /// Adds the certificates of a file. Unusable certificates are noted in `skipped`. It is an error
    /// only if the file itself cannot be read.
    fn add_file(&mut self, path: &Path) -> io::Result<()> {
        // Anything but a file, such as a pipe without a writer, could block the start.
        let kind = fs::metadata(path).map(|metadata| metadata.file_type());
        let bytes = match kind {
            Ok(kind) if kind.is_dir() => {
                let cure = format!("name it in {DIRECTORIES}");
                self.skipped.push(format!("{} is a directory: {cure}", path.display()));
                return Ok(());
            }
            Ok(kind) if !kind.is_file() => {
                self.skipped.push(format!("{} is not a regular file", path.display()));
                return Ok(());
            }
            kind => kind.and_then(|_| read(path, LONGEST_FILE)).inspect_err(|error| {
                self.skipped.push(format!("{} cannot be read: {error}", path.display()));
            })?,
        };
        match certificates(&bytes) {
            Content::Certificates { mut usable, unusable } => {
                self.certificates.append(&mut usable);
                if unusable > 0 {
                    let certificates = format!("{unusable} certificates in {}", path.display());
                    self.skipped.push(format!("{certificates} are damaged or not supported"));
                }
            }
            Content::Other(reason) => {
                self.skipped.push(format!("{} {}", path.display(), reason.text(path)));
            }
        }
        Ok(())
    }

    /// Adds the certificates of all files of a directory.
    fn add_directory(&mut self, path: &Path) -> io::Result<()> {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.inspect_err(|error| {
            self.skipped.push(format!("{} cannot be read: {error}", path.display()));
        })?;
        // `openssl rehash` puts links to the same files beside them, named by a hash.
        let files = entries.iter().filter_map(|entry| fs::canonicalize(entry.path()).ok());
        let mut files: Vec<_> = files.filter(|file| file.is_file()).collect();
        sort(&mut files);
        files.dedup();
        if files.is_empty() {
            self.skipped.push(format!("{} has no files", path.display()));
        }
        files.iter().map(|file| self.add_file(file)).fold(Ok(()), io::Result::and)
    }

    /// The system's roots: those in its bundle, or if that has none, all that can be found. If they exist
    /// and only cannot be opened now, no others may replace them.
    fn of_the_system() -> Result<Option<Self>, Unusable> {
        let refused = |text| Unusable { text: format!("trusted roots: {text}"), passes: true };
        let mut roots = Self::default();
        if let Some(bundle) = bundle() {
            // `add_file` has noted any other error in `skipped`.
            if let Some(error) = roots.add_file(&bundle).err().filter(|e| was_refused(e)) {
                return Err(refused(format!("{} cannot be read: {error}", bundle.display())));
            }
            roots.owner = format!("the system, {}", bundle.display());
        }
        if roots.certificates.is_empty() {
            let found = rustls_native_certs::load_native_certs();
            if let Some(error) = found.errors.iter().find(|error| was_refused(*error)) {
                return Err(refused(error.to_string()));
            }
            roots.owner = "the system".to_owned();
            roots.skipped.extend(found.errors.iter().map(ToString::to_string));
            roots.certificates = found.certs;
            // They are counted.
            roots.certificates.retain(|root| pem::is_usable(root));
        }
        Ok(Some(roots).filter(|roots| !roots.certificates.is_empty()))
    }

    fn bundled() -> Self {
        Self {
            certificates: Vec::new(),
            are_bundled: true,
            owner: "Mozilla, bundled: the system has none".to_owned(),
            skipped: Vec::new(),
        }
    }

    /// How many they are, and whose.
    pub fn origin(&self) -> String {
        let bundled = if self.are_bundled { TLS_SERVER_ROOTS.len() } else { 0 };
        format!("{} of {}", self.certificates.len() + bundled, self.owner)
    }

    /// What was named or found and cannot be used, as far as there is any.
    pub fn skipped(&self) -> Option<String> {
        (!self.skipped.is_empty()).then(|| format!("skipped: {}", some(&self.skipped)))
    }

    /// All of them, as TLS takes them.
    pub fn trusted(&self) -> RootCertStore {
        let mut trusted = RootCertStore::empty();
        trusted.add_parsable_certificates(self.certificates.iter().cloned());
        if self.are_bundled {
            trusted.extend(TLS_SERVER_ROOTS.iter().cloned());
        }
        trusted
    }
}

/// The beginning of every client of TLS: versions and ciphers, whoever is trusted.
pub fn client() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_safe_default_protocol_versions()
}

impl fmt::Display for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())?;
        match self.skipped() {
            Some(skipped) => write!(f, "; {skipped}"),
            None => Ok(()),
        }
    }
}

/// Whether the first part of a file has a certificate that can be used. Nothing is told of one that has not.
fn begins_with_root(path: &Path) -> bool {
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file && read(path, FIRST_PART).is_ok_and(|bytes| pem::has_certificate(&bytes))
}

fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(most.min(FIRST_PART) as usize);
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first few, and how many more there are.
fn some(skipped: &[String]) -> String {
    let text = skipped.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    match skipped.len().saturating_sub(SHOWN) {
        0 => text,
        more => format!("{text}; and {more} more"),
    }
}

/// The value of a variable that is set to something.
fn named(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}

/// The file that all trusted roots of the system are in.
#[cfg(target_os = "linux")]
fn bundle() -> Option<PathBuf> {
    openssl_probe::probe().cert_file
}

/// Elsewhere the roots lie in a store of the system's own.
#[cfg(not(target_os = "linux"))]
fn bundle() -> Option<PathBuf> {
    None
}

/// Mozilla's roots are 0.2 MB, and 1 MB with all of their comments. The rest of a longer file is not
/// read.
const LONGEST_FILE: u64 = 16 << 20;

/// A certificate has 1 to 3 kB of text, and in some files as much in front of it.
const FIRST_PART: u64 = 16 << 10;

/// How many problems a text names. A directory may hold hundreds of other files.
const SHOWN: usize = 3;

const FILE: &str = "SSL_CERT_FILE";
const DIRECTORIES: &str = "SSL_CERT_DIR";
