//! The errors of a server, and what to do about them.

use super::super::said;
use super::connection::{Parts, UNEXPECTED};

/// An error as the server sends it.
pub struct Failure {
    pub code: u64,
    message: Vec<u8>,
}

impl Failure {
    /// Of the packet behind its first byte.
    pub fn of(packet: &[u8]) -> Self {
        let mut parts = Parts(packet);
        let code = parts.number(2).unwrap_or_default();
        // Before it knows the client, a server leaves out the state.
        if parts.0.first() == Some(&b'#') {
            let _ = parts.bytes(6);
        }
        Self { code, message: parts.0.to_vec() }
    }

    /// What is wrong and what to do, before what the server says.
    pub fn text(&self, password: &str) -> String {
        let said = said(&self.message, Some(password));
        let meaning = match self.code {
            1045 | 1698 => {
                "access denied: user or password is wrong, or the user may not log in from here, or only \
                 with TLS"
            }
            1040 => "too many connections: raise max_connections, or close some",
            1203 | 1226 => "the user has as many connections as it may: raise its limit",
            1130 => "this machine may not connect: create the user for it, as NAME@HOST",
            1129 => "this machine is blocked after failed connections: run mysqladmin flush-hosts",
            1142 | 1227 => "the user lacks a privilege",
            1251 | 1275 | 1524 => {
                "the server cannot let the user in: create it with caching_sha2_password or \
                 mysql_native_password"
            }
            1820 | 1862 => "the password of the user has expired: set it anew",
            3118 | 4151 => "the user is locked: unlock it with ALTER USER",
            3159 => "the server wants TLS: set tls: verified",
            1053 => "the server is being shut down",
            _ => "the server answers with an error",
        };
        format!("{meaning} ({}: {said})", self.code)
    }
}

/// The packet, unless it is an error.
pub fn checked(packet: &[u8], password: &str) -> Result<(), String> {
    match packet.split_first() {
        Some((&ERROR, rest)) => Err(Failure::of(rest).text(password)),
        Some(_) => Ok(()),
        None => Err(UNEXPECTED.to_owned()),
    }
}

/// What a packet with an error begins with.
pub const ERROR: u8 = 0xff;
