//! Certificates, made by openssl.

use std::process::{Command, Stdio};

use crate::folder::Folder;

/// The folder of an authority of its own.
pub struct Authority(pub Folder);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    pub fn new() -> Self {
        let folder = Folder::of(&[]);
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
        self.certify_key(name, NEW, start, end);
    }

    /// The same with a key that these arguments make, of a client or a server.
    pub fn certify_key(&self, name: &str, new: &[&str], start: &str, end: &str) {
        let [request, key] = ["csr", "key"].map(|of| format!("{name}.{of}"));
        self.openssl(&[&["req", "-out", &request, "-keyout", &key], new].concat());
        let out = format!("{name}.pem");
        let sign = ["ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", "server"];
        let files = ["-in", &request, "-out", &out, "-startdate", start, "-enddate", end];
        self.openssl(&[&sign[..], &files].concat());
    }

    /// The file of its root.
    pub fn root(&self) -> String {
        self.0.path("ca.pem")
    }

    /// The file of a certificate, and that of its key.
    pub fn files(&self, name: &str) -> [String; 2] {
        ["pem", "key"].map(|of| self.0.path(&format!("{name}.{of}")))
    }

    fn openssl(&self, args: &[&str]) {
        let mut command = Command::new("openssl");
        command.args(args).current_dir(self.0.whole()).stdin(Stdio::null());
        let output = command.output().expect("openssl runs: install it");
        assert!(output.status.success(), "openssl {args:?}: {output:?}");
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
