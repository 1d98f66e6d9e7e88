//! Logging in.

use super::super::said;
use super::super::stream::Stream;
use super::connection::{Connection, NOT_MYSQL, Parts, UNEXPECTED};
use super::failure::checked;
use super::password;
use crate::check::tls::{Switches, Trust};

/// Who logs in.
pub struct Login {
    pub user: String,
    pub password: String,
    /// The name that a certificate has to be for.
    pub host: String,
    pub tls: Tls,
}

#[derive(Clone, Copy)]
pub enum Tls {
    Off,
    On(Trust),
}

/// How a server introduces itself.
struct Greeting {
    version: String,
    capabilities: u64,
    challenge: Vec<u8>,
    plugin: Vec<u8>,
}

impl Login {
    /// A connection that takes commands, and the version of the server.
    pub async fn enter(&self, stream: Stream) -> Result<(Connection, String), String> {
        let mut connection = Connection::of(stream);
        let greeting = connection.greeting().await?;
        checked(&greeting, &self.password)?;
        let greeting = Greeting::of(&greeting)?;
        if greeting.capabilities & NEEDED != NEEDED {
            return Err(format!("the server is too old: {}", greeting.version));
        }
        let mut capabilities = NEEDED;
        if let Tls::On(trust) = self.tls
            && !connection.stream().is_unix()
        {
            if greeting.capabilities & TLS == 0 {
                return Err(NO_TLS.to_owned());
            }
            capabilities |= TLS;
            connection.send(&introduction(capabilities)).await?;
            let change = async |stream: Stream| stream.with_tls(&self.host, trust, SWITCHES).await;
            connection = connection.over(change).await?;
        }
        // Where the server's own way is unknown here, the user's may be another: it then asks for that.
        let known = self.answer(&greeting.plugin, &greeting.challenge).ok();
        let (plugin, answer) = match known {
            Some(answer) => (&greeting.plugin[..], answer),
            None => (NATIVE, password::native(&self.password, &greeting.challenge)),
        };
        let mut response = introduction(capabilities);
        response.extend([self.user.as_bytes(), &[0, answer.len() as u8], &answer].concat());
        response.extend([plugin, &[0]].concat());
        connection.send(&response).await?;
        self.finish(&mut connection).await?;
        Ok((connection, greeting.version))
    }

    /// Answers what the server asks until it is content.
    async fn finish(&self, connection: &mut Connection) -> Result<(), String> {
        for _ in 0..MOST_QUESTIONS {
            let packet = connection.receive().await?;
            checked(&packet, &self.password)?;
            match &packet[..] {
                [0, ..] => return Ok(()),
                // It remembers the user, and says next that all is well.
                [MORE, 3] => {}
                [MORE, 4] => {
                    let stream = connection.stream();
                    if !stream.is_unix() && !stream.is_tls() {
                        decline(connection).await;
                        return Err(IN_CLEAR.to_owned());
                    }
                    connection.send(&[self.password.as_bytes(), &[0]].concat()).await?;
                }
                [SWITCH, rest @ ..] => {
                    let mut parts = Parts(rest);
                    let plugin = parts.until_zero().ok_or(OLD_PASSWORD)?;
                    let challenge = parts.0.strip_suffix(&[0]).unwrap_or(parts.0);
                    match self.answer(plugin, challenge) {
                        Ok(answer) => connection.send(&answer).await?,
                        Err(why) => {
                            decline(connection).await;
                            return Err(why);
                        }
                    }
                }
                _ => return Err(UNEXPECTED.to_owned()),
            }
        }
        Err(UNEXPECTED.to_owned())
    }

    /// What a plugin of the server is answered first.
    fn answer(&self, plugin: &[u8], challenge: &[u8]) -> Result<Vec<u8>, String> {
        match plugin {
            NATIVE => Ok(password::native(&self.password, challenge)),
            CACHING_SHA2 => Ok(password::caching_sha2(&self.password, challenge)),
            // The server asks the system who is at the other end.
            b"auth_socket" | b"unix_socket" => Ok(Vec::new()),
            other => Err(format!(
                "the server wants the user to log in with {:?}, which this check cannot: create a user \
                 with caching_sha2_password or mysql_native_password",
                said(other, Some(&self.password))
            )),
        }
    }
}

impl Greeting {
    fn of(packet: &[u8]) -> Result<Self, String> {
        Self::read(packet).ok_or_else(|| NOT_MYSQL.to_owned())
    }

    fn read(packet: &[u8]) -> Option<Self> {
        let mut parts = Parts(packet);
        if parts.number(1)? != PROTOCOL {
            return None;
        }
        let version = said(parts.until_zero()?, None);
        let _thread = parts.bytes(4)?;
        let mut challenge = parts.bytes(8)?.to_vec();
        let _filler = parts.bytes(1)?;
        let low = parts.number(2)?;
        // Older ones end here.
        let _charset_and_status = parts.bytes(3);
        let high = parts.number(2).unwrap_or_default();
        let length = parts.number(1).unwrap_or_default() as usize;
        let _reserved = parts.bytes(10);
        let rest = parts.bytes(length.saturating_sub(8).max(13)).unwrap_or_default();
        challenge.extend(rest.strip_suffix(&[0]).unwrap_or(rest));
        let plugin = parts.until_zero().unwrap_or(parts.0).to_vec();
        Some(Self { version, capabilities: low | high << 16, challenge, plugin })
    }
}

/// Sends an invalid answer, so that the server counts a failed login and not a broken connection. A server counts that as a wrong password, and an end without an answer as
/// a broken connection, after a hundred of which MySQL lets this machine in no more.
async fn decline(connection: &mut Connection) {
    if connection.send(&[0]).await.is_ok() {
        let _ = connection.receive().await;
    }
}

/// What the client can, before its name; all of it where it asks for TLS.
fn introduction(capabilities: u64) -> Vec<u8> {
    let mut packet = (capabilities as u32).to_le_bytes().to_vec();
    packet.extend(LARGEST_PACKET.to_le_bytes());
    packet.push(UTF8MB4);
    packet.extend([0; 23]);
    packet
}

const NATIVE: &[u8] = b"mysql_native_password";
const CACHING_SHA2: &[u8] = b"caching_sha2_password";

/// The version of the protocol since MySQL 3.21.
const PROTOCOL: u64 = 10;

/// Protocol 4.1, hashes for one challenge, and named ways to log in: since MySQL 5.5.7.
const NEEDED: u64 = 0x200 | 0x8000 | 0x8_0000;
const TLS: u64 = 0x800;

/// What packets begin with while somebody logs in.
const MORE: u8 = 1;
const SWITCH: u8 = 0xfe;

/// A switch to another way, a question of it, and that all is well; some ways ask twice.
const MOST_QUESTIONS: usize = 8;

/// What the server may send at once; it sends far less.
const LARGEST_PACKET: u32 = 1 << 24;

/// utf8mb4_general_ci, which all servers of these years have.
const UTF8MB4: u8 = 45;

/// How a user switches TLS.
const SWITCHES: Switches = Switches { any: "set tls: unverified", off: "set tls: off" };

const NO_TLS: &str = "the server offers no TLS: set it up there, or set tls: off";
const IN_CLEAR: &str = "caching_sha2_password: the server does not remember the user and wants the password itself, which \
    is not sent without TLS: set socket in place of host, or tls: verified";
const OLD_PASSWORD: &str = "the server wants a password of before MySQL 4.1, which is not safe: set the user's password anew";
