//! The certificates of a file in PEM, in the forms that OpenSSL reads.

use std::borrow::Cow;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};

/// The content of a file that should hold certificates.
#[derive(Debug, PartialEq)]
pub enum Content {
    /// Certificates, and how many more cannot be used. One at least can.
    Certificates {
        usable: Vec<CertificateDer<'static>>,
        unusable: usize,
    },
    Other(Reason),
}

/// Why there is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Empty,
    /// One certificate as bytes, not as text.
    Der,
    /// Certificates that are all damaged or not supported.
    Damaged,
    None,
}

impl Reason {
    /// What is wrong with a file, after its name, and the cure.
    pub fn text(self, path: &Path) -> String {
        match self {
            Self::Empty => "is empty: expected certificates in PEM".to_owned(),
            Self::Der => format!(
                "is in DER: expected PEM; convert it with \
                 openssl x509 -inform der -in {0} -out {0}.pem",
                path.display()
            ),
            Self::Damaged => "has only certificates that are damaged or not supported".to_owned(),
            Self::None => {
                "has no certificate: expected PEM with a line -----BEGIN CERTIFICATE-----"
                    .to_owned()
            }
        }
    }
}

/// The certificates of a file's bytes.
pub fn certificates(bytes: &[u8]) -> Content {
    if bytes.is_empty() {
        return Content::Other(Reason::Empty);
    }
    let (mut usable, mut unusable) = (Vec::new(), 0);
    for found in CertificateDer::pem_slice_iter(&plain(bytes)) {
        match usable_of(found) {
            Some(root) => usable.push(root),
            None => unusable += 1,
        }
    }
    match (usable.is_empty(), unusable) {
        (false, _) => Content::Certificates { usable, unusable },
        (true, 0) if is_usable(&CertificateDer::from(bytes)) => Content::Other(Reason::Der),
        (true, 0) => Content::Other(Reason::None),
        (true, _) => Content::Other(Reason::Damaged),
    }
}

/// Whether one of the certificates of a file's bytes can be used.
pub fn has_certificate(bytes: &[u8]) -> bool {
    let has =
        |text: &[u8]| CertificateDer::pem_slice_iter(text).any(|found| usable_of(found).is_some());
    // Hardly any file has another label, and to look for those takes ten times as long as for the first certificate.
    has(bytes) || has(&plain(bytes))
}

fn usable_of(
    found: Result<CertificateDer<'static>, pem::Error>,
) -> Option<CertificateDer<'static>> {
    found.ok().map(without_attributes).filter(is_usable)
}

/// Whether TLS can use a root.
pub fn is_usable(root: &CertificateDer<'_>) -> bool {
    webpki::anchor_from_trusted_cert(root).is_ok()
}

/// The text with the usual label in place of the older ones and without byte order marks, which
/// editors put at the start, so that they are in the middle where files were joined.
fn plain(bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = String::from_utf8_lossy(bytes);
    let is_odd = [MARK, TRUSTED, X509].iter().any(|odd| text.contains(odd));
    if !is_odd {
        return Cow::Borrowed(bytes);
    }
    let plain = text.replace(MARK, "").replace(TRUSTED, USUAL).replace(X509, USUAL);
    Cow::Owned(plain.into_bytes())
}

/// The certificate alone: OpenSSL's trusted ones have attributes of trust behind it.
fn without_attributes(root: CertificateDer<'static>) -> CertificateDer<'static> {
    match length(&root) {
        Some(length) if length < root.len() => root[..length].to_vec().into(),
        _ => root,
    }
}

/// How long the sequence is that some DER begins with, with its own header.
fn length(der: &[u8]) -> Option<usize> {
    let (&[SEQUENCE, first], rest) = der.split_first_chunk()? else { return None };
    if first < LONG {
        return Some(2 + usize::from(first));
    }
    let count = usize::from(first - LONG);
    // Four bytes are enough for any certificate, and more could overflow the shifts below.
    let digits = rest.get(..count).filter(|digits| digits.len() <= size_of::<u32>())?;
    let length = digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit));
    length.checked_add(2 + count)
}

const MARK: &str = "\u{feff}";
const TRUSTED: &str = " TRUSTED CERTIFICATE-----";
const X509: &str = " X509 CERTIFICATE-----";
const USUAL: &str = " CERTIFICATE-----";

/// The tag of a sequence.
const SEQUENCE: u8 = 0x30;

/// From this value on, the first byte of a length is this plus the number of bytes of the length (X.690).
const LONG: u8 = 0x80;

#[cfg(test)]
mod tests {
    use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        let base64 = base64(der);
        format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
    }

    /// RFC 4648, section 4.
    fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |three: &[u8]| -> String {
            let known = three.len();
            let bits = three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
            let bits = bits << (8 * (3 - known));
            let letter = |place: usize| char::from(LETTERS[bits >> (18 - 6 * place) & 63]);
            (0..4).map(|place| if place <= known { letter(place) } else { '=' }).collect()
        };
        bytes.chunks(3).map(group).collect()
    }

    fn usable(text: &str) -> Vec<CertificateDer<'static>> {
        match certificates(text.as_bytes()) {
            Content::Certificates { usable, unusable: 0 } => usable,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn the_forms_that_openssl_reads() {
        let [a, b] = [&TLS_SERVER_ROOT_CERTS[0], &TLS_SERVER_ROOT_CERTS[1]];
        let usual = pem("CERTIFICATE", a);
        let trusted = [&**b, &[0x30, 0x03, 0x0c, 0x01, b'x']].concat();
        let trusted = pem("TRUSTED CERTIFICATE", &trusted);
        let both = vec![a.clone(), b.clone()];
        assert_eq!(
            usable(&format!("\u{feff}{usual}")),
            std::slice::from_ref(a),
            "a byte order mark"
        );
        assert_eq!(usable(&format!("{usual}\u{feff}{trusted}")), both, "joined files");
        assert_eq!(usable(&format!("# a comment\n{usual}{trusted}")), both);
        assert_eq!(usable(&(usual.clone() + &pem("X509 CERTIFICATE", b))), both);
        assert_eq!(usable(&usual.replace('\n', "\r\n")), std::slice::from_ref(a));
    }

    #[test]
    fn what_holds_no_certificate_says_why() {
        let root = &TLS_SERVER_ROOT_CERTS[0];
        let damaged = pem("CERTIFICATE", &root[..100]);
        for (bytes, reason) in [
            (&b""[..], Reason::Empty),
            (root, Reason::Der),
            (b"hello", Reason::None),
            (b"\x30\x82\x01", Reason::None),
            (pem("PRIVATE KEY", root).as_bytes(), Reason::None),
            (damaged.as_bytes(), Reason::Damaged),
        ] {
            assert_eq!(certificates(bytes), Content::Other(reason));
            assert!(!has_certificate(bytes));
        }
    }

    #[test]
    fn one_damaged_certificate_costs_no_other() {
        let root = &TLS_SERVER_ROOT_CERTS[0];
        let text = pem("CERTIFICATE", &root[..100]) + &pem("CERTIFICATE", root);
        let expected = Content::Certificates { usable: vec![root.clone()], unusable: 1 };
        assert_eq!(certificates(text.as_bytes()), expected);
        assert!(has_certificate(text.as_bytes()));
    }
}
