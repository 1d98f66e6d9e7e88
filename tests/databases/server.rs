//! A real server on loopback with its files in a temporary folder, which ends with the test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use support::Output;
use support::tree::Tree;

/// A server that runs. It is killed when it is dropped, and then its folder goes.
pub struct Server {
    child: Child,
    outputs: [Output; 2],
    pub folder: Tree,
    pub port: u16,
}

impl Server {
    /// Starts a server, and waits until a line of it has this text.
    pub fn start(mut command: Command, folder: Tree, port: u16, ready: &str) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it was looked for before");
        let stdout = Output::collect(child.stdout.take().expect("a pipe"));
        let stderr = Output::collect(child.stderr.take().expect("a pipe"));
        let server = Self { child, outputs: [stdout, stderr], folder, port };
        // One of the two, and a server that ends at once has said why in the other.
        let is_on_stdout = ready == REDIS_READY;
        server.outputs[usize::from(!is_on_stdout)].wait_for(ready, 1);
        server
    }

    /// The path of its unix socket.
    pub fn socket(&self) -> String {
        self.folder.root().join("socket").display().to_string()
    }

    pub fn port(&self) -> String {
        self.port.to_string()
    }

    /// Stops it, so that it answers nothing.
    pub fn hang(&self) {
        self.signal(Signal::STOP);
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is this process's child");
    }

    /// Ends it; its port is free then, and its socket without a server.
    pub fn end(&mut self) {
        // Fails where it has ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// The line of a Redis server that takes connections.
pub const REDIS_READY: &str = "Ready to accept connections";

/// The path of a program, some of which are for the administrator.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    let missing = || format!("{name} is missing: install the package {package}");
    found.ok_or_else(missing).expect("it is installed")
}

/// The standard output of a tool that has to succeed.
pub fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it was looked for before");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).expect("the tools write text")
}

/// Makes an authority, `ca.pem`, and a certificate of it for 127.0.0.1, `server.pem` with `server.key`.
pub fn certificates(folder: &Tree) {
    let openssl = program("openssl", "openssl");
    let run = |arguments: &str| {
        let mut command = Command::new(&openssl);
        command.args(arguments.split(' ')).current_dir(folder.root());
        output(&mut command)
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    run(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"));
    run(&format!("req {key} -keyout server.key -out server.csr -subj /CN=db"));
    folder.change("== names\nsubjectAltName=IP:127.0.0.1\n");
    run("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -extfile names -out server.pem -days 2");
}
