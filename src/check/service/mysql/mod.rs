//! `agent.mysql`: what a MySQL or MariaDB server counts of itself.
//!
//! The protocol is spoken here: of it, logging in and a query without parameters are needed, and a client
//! library is some sixty times as large.

mod connection;
mod failure;
mod login;
mod metrics;
mod password;
mod queries;
#[cfg(test)]
mod tests;

use self::login::{Login, Tls};
use super::stream::{Address, Server};
use crate::check::tls::Trust;
use crate::model::{
    Check, CheckType, Details, Discovers, Findings, Form, Opening, Running, Setting,
};

pub const TYPE: CheckType = CheckType {
    name: "agent.mysql",
    about: "What a MySQL or MariaDB server counts of its connections, its queries and its memory",
    settings: &[
        Setting {
            name: "host",
            form: Form::Text,
            about: "The name or address of the server",
            is_required: false,
            example: "127.0.0.1",
        },
        Setting {
            name: "socket",
            form: Form::Text,
            about: "The path of the unix socket of the server; it wins over host",
            is_required: false,
            example: "/run/mysqld/mysqld.sock",
        },
        Setting {
            name: "port",
            form: Form::Whole(1, 65535),
            about: "The port of the server; 3306 by default",
            is_required: false,
            example: "3306",
        },
        Setting {
            name: "user",
            form: Form::Text,
            about: "The user to log in as, without privileges; for replication it needs REPLICATION CLIENT, in MariaDB \
                REPLICA MONITOR",
            is_required: true,
            example: "monitor",
        },
        Setting {
            name: "password",
            form: Form::Secret,
            about: "The password of the user; none by default, as where the system's user logs in by the socket",
            is_required: false,
            example: "${MYSQL_PASSWORD}",
        },
        Setting {
            name: "tls",
            form: Form::Word(&["off", "verified", "unverified"]),
            about: "TLS to host. verified: the certificate is for host and signed by a trusted root. unverified: any \
                certificate, so a program that pretends to be the server may get the password. off, the default: the \
                password is sent only as a hash for this login, with which some logins of caching_sha2_password fail",
            is_required: false,
            example: "verified",
        },
        Setting {
            name: "timeout",
            form: Form::LastingMilliseconds(100.0, 600_000.0),
            about: "How long connecting and the answers may take; 5000 ms by default",
            is_required: false,
            example: "5000",
        },
    ],
    one_of: &["host", "socket"],
    metrics: metrics::METRICS,
    discovers: Discovers::Nothing,
    targets: None,
    open: |of: &Opening| Box::new(Mysql::of(of.details)),
};

struct Mysql {
    server: Server,
    login: Login,
}

impl Mysql {
    fn of(details: &Details) -> Self {
        let host = details.text("host").unwrap_or_default();
        let port = details.number("port").map_or(DEFAULT_PORT, |port| port as u16);
        let address = match details.text("socket") {
            Some(path) => Address::Unix(path.into()),
            None => Address::Tcp(host.to_owned(), port),
        };
        let tls = match details.text("tls") {
            Some("verified") => Tls::On(Trust::Verified),
            Some("unverified") => Tls::On(Trust::Unverified),
            _ => Tls::Off,
        };
        let login = Login {
            user: details.text("user").unwrap_or_default().to_owned(),
            password: details.secret("password").unwrap_or_default().to_owned(),
            host: host.to_owned(),
            tls,
        };
        Self { server: Server::of(address, details), login }
    }

    async fn ask(&self) -> Result<Findings, String> {
        let talk = async |stream| {
            let (mut connection, version) = self.login.enter(stream).await?;
            let found = queries::findings(&mut connection, &version).await;
            // Without a word the server would count this client as one that was lost.
            connection.quit().await;
            found
        };
        self.server.ask(talk).await
    }
}

impl Check for Mysql {
    fn run(&mut self) -> Running<'_> {
        Box::pin(self.ask())
    }
}

const DEFAULT_PORT: u16 = 3306;
