//! Fake servers, which do what real ones do not.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};

use super::said;
use super::stream::Stream;
use crate::model::{CheckType, Configured, Detail, Details, Findings, Quantity, Roots, Secret};

/// Where a fake listens.
pub enum Listening {
    Tcp(TcpListener),
    /// With the folder of its socket.
    Unix(UnixListener, support::tree::Tree),
}

impl Listening {
    pub async fn tcp() -> Self {
        Self::Tcp(TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port"))
    }

    pub fn unix() -> Self {
        let folder = support::tree::Tree::new("== here/\n");
        let listener = UnixListener::bind(folder.root().join("socket")).expect("a new socket");
        Self::Unix(listener, folder)
    }

    async fn accept(&self) -> Stream {
        match self {
            Self::Tcp(listener) => listener.accept().await.expect("it listens").0.into(),
            Self::Unix(listener, _) => listener.accept().await.expect("it listens").0.into(),
        }
    }
}

/// What a check finds at a server that does so with the first connection and then closes it. In the error
/// HERE stands for its address.
pub async fn run(
    of: &'static CheckType,
    listening: Listening,
    details: &[(&str, &str)],
    serve: impl AsyncFnOnce(&mut Stream),
) -> Result<Findings, String> {
    let detail = |(name, value): &(&str, &str)| {
        let value = (*value).to_owned();
        let detail = match *name {
            "password" => Detail::Secret(Secret(value)),
            _ => Detail::Text(value),
        };
        ((*name).to_owned(), detail)
    };
    let mut details = Details(details.iter().map(detail).collect());
    details.0.insert("timeout".to_owned(), Detail::Lasting(LIMIT));
    let address = match &listening {
        Listening::Tcp(listener) => {
            let address = listener.local_addr().expect("it is bound");
            details.0.insert("host".to_owned(), Detail::Text(address.ip().to_string()));
            details.0.insert("port".to_owned(), Detail::Number(f64::from(address.port())));
            address.to_string()
        }
        Listening::Unix(_, folder) => {
            let path = folder.root().join("socket").display().to_string();
            let key = if of.name == "agent.redis" { "host" } else { "socket" };
            details.0.insert(key.to_owned(), Detail::Text(path.clone()));
            path
        }
    };
    let mut check = Configured::of(of, details).open(&Roots::default());
    let serving = async {
        let mut stream = listening.accept().await;
        serve(&mut stream).await;
        drop(stream);
        pending::<Infallible>().await
    };
    let found = tokio::select! {
        found = check.run() => found,
        never = serving => match never {},
    };
    found.map_err(|error| error.replace(&address, "HERE"))
}

/// The numbers and texts that were found, as texts.
pub fn value(found: &Findings, name: &str) -> Option<String> {
    let value = found.values.iter().find(|value| value.name == name)?;
    Some(match &value.quantity {
        Quantity::Number(number) => number.to_string(),
        Quantity::Text(text) => text.clone(),
        Quantity::Many(many) => panic!("{name} is one value, and not {many:?}"),
    })
}

/// Why there is no value of this name.
pub fn absent<'a>(found: &'a Findings, name: &str) -> Option<&'a str> {
    found.absent.iter().find(|(absent, _)| *absent == name).map(|(_, reason)| &**reason)
}

/// Nothing, for good.
pub async fn silence(_: &mut Stream) {
    pending::<()>().await;
}

#[test]
fn what_a_server_said_is_cut_and_has_no_password() {
    assert_eq!(said(b"no hunter2\n\xff", Some("hunter2")), "no ***\\n\u{fffd}");
    assert_eq!(said(b"as it is", Some("")), "as it is");
    assert_eq!(said(&[b'x'; 999], None).len(), 120);
}

/// Short, because tests wait for it, and long enough for a connection on this machine.
const LIMIT: Duration = Duration::from_millis(500);
