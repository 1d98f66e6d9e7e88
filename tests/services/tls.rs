//! Certificates, made by openssl.

use crate::program::{Folder, output};

/// The folder of an authority of its own.
pub struct Authority(pub Folder);

impl Authority {
    pub fn new() -> Self {
        let folder = Folder::new();
        folder.write("index.txt", "");
        folder.write("serial", "01\n");
        folder.write("ca.cnf", CONFIGURATION);
        let authority = Self(folder);
        authority
            .openssl(&[&["req", "-x509", "-out", "ca.pem", "-keyout", "ca.key"], NEW].concat());
        authority
    }

    /// Makes NAME.pem and NAME.key: a certificate for `localhost` that is valid in this time.
    pub fn certify(&self, name: &str, start: &str, end: &str) {
        let [request, key] = ["csr", "key"].map(|of| format!("{name}.{of}"));
        self.openssl(&[&["req", "-out", &request, "-keyout", &key], NEW].concat());
        let out = format!("{name}.pem");
        let sign = ["ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", "server"];
        let files = ["-in", &request, "-out", &out, "-startdate", start, "-enddate", end];
        self.openssl(&[&sign[..], &files].concat());
    }

    /// The file of its root.
    pub fn root(&self) -> String {
        self.0.path("ca.pem")
    }

    fn openssl(&self, args: &[&str]) {
        output("openssl", "openssl", &self.0, args);
    }
}

const NEW: &[&str] =
    &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Test"];

const CONFIGURATION: &str = "\
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
subjectAltName = DNS:localhost, DNS:other.example
";
