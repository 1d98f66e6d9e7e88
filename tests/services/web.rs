//! An nginx for the tests.

use support::authority::Authority;
use support::server::free_port;

use crate::program::{Folder, Server, output};

/// One that listens with and without TLS, with an expired certificate too.
pub struct Nginx {
    pub plain: u16,
    pub tls: u16,
    pub expired: u16,
    pub authority: Authority,
    _server: Server,
    _folder: Folder,
}

/// How long the page is that is larger than what is read.
pub const HUGE: usize = 3 << 20;

impl Nginx {
    pub fn start() -> Self {
        let (folder, authority) = (Folder::new(), Authority::new());
        authority.certify("good", "20200101000000Z", END);
        authority.certify("expired", "20200101000000Z", "20200201000000Z");
        let [plain, tls, expired] = [(); 3].map(|()| free_port());
        folder.write("huge", vec![b'x'; HUGE]);
        folder.write("index.html", "<h1>status: fine</h1>\n");
        let hashed = output("openssl", "openssl", &folder, &["passwd", "-apr1", "hunter2"]);
        folder.write("users", format!("joe:{hashed}"));
        let file = |name: &str| authority.0.path(name);
        let server = |port: u16, name: &str| {
            let [pem, key] = ["pem", "key"].map(|of| file(&format!("{name}.{of}")));
            format!(
                "listen 127.0.0.1:{port} ssl; ssl_certificate {pem}; ssl_certificate_key {key};"
            )
        };
        let configuration = CONFIGURATION
            .replace("{folder}", &folder.path(""))
            .replace("{plain}", &format!("listen 127.0.0.1:{plain};"))
            .replace("{tls}", &server(tls, "good"))
            .replace("{expired}", &server(expired, "expired"))
            .replace("{tls_port}", &tls.to_string());
        let configuration = folder.write("nginx.conf", configuration);
        let args = ["-c", &configuration, "-p", &folder.path("")];
        let server = Server::start("/usr/sbin/nginx", "nginx-light", &args, &[plain, tls, expired]);
        Self { plain, tls, expired, authority, _server: server, _folder: folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("url=http://127.0.0.1:{}{path}", self.plain)
    }
}

/// When the certificate ends that is valid.
const END: &str = "20490101000000Z";

/// The same in seconds since 1970.
pub const END_SECONDS: f64 = 2_493_072_000.0;

const CONFIGURATION: &str = "\
daemon off;
master_process off;
pid {folder}pid;
error_log {folder}errors;
events {}
http {
  access_log off;
  client_body_temp_path {folder}body;
  proxy_temp_path {folder}proxy;
  fastcgi_temp_path {folder}fastcgi;
  uwsgi_temp_path {folder}uwsgi;
  scgi_temp_path {folder}scgi;
  root {folder};
  absolute_redirect off;
  server {
    {plain}
    location = /loop { return 302 /loop; }
    location = /moved { return 301 /index.html; }
    location = /tls { return 301 https://localhost:{tls_port}/index.html; }
    location = /echo { return 200 \"$http_authorization$http_x_key$request_method\"; }
    location = /broken { return 503; }
    location = /secret { auth_basic x; auth_basic_user_file {folder}users; try_files /index.html =404; }
    location = /status { stub_status; }
    location = /slow { alias {folder}huge; limit_rate 1k; }
  }
  server {
    {tls}
    location = /echo { return 200 \"none:$http_authorization$http_x_key\"; }
    location = /downgrade { return 302 http://localhost:1/; }
  }
  server { {expired} }
}
";
