//! Gives the SDK's providers of credentials the agent's own name lookup. The SDK's would run in the runtime's threads, and the
//! runtime panics where the system refuses a thread.

use std::time::Duration;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use tokio::time::sleep;

use crate::blocking::was_refused;
use crate::lookup;

/// Looks up the name of the credentials endpoint. The SDK's provider does this once and keeps a
/// failure for good. So while the machine has no thread or descriptor for a lookup, this waits; the
/// caller's timeout ends it.
#[derive(Debug)]
pub struct PatientResolver;

impl ResolveDns for PatientResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            loop {
                match lookup::addresses(name).await {
                    Err(error) if was_refused(&error) => sleep(PAUSE).await,
                    found => return found.map_err(ResolveDnsError::new),
                }
            }
        })
    }
}

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::io;

    use rustix::io::Errno;

    use super::*;
    use crate::blocking::{Purpose, Refused};
    use crate::lookup::LookupError;

    #[test]
    fn what_is_refused_is_told_from_what_is_wrong_however_deep_it_lies() {
        let wrapped = |number: Errno| {
            let error = io::Error::from_raw_os_error(number.raw_os_error());
            ResolveDnsError::new(ResolveDnsError::new(error))
        };
        for number in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM] {
            assert!(was_refused(&wrapped(number)), "{number}");
        }
        for number in [Errno::CONNREFUSED, Errno::TIMEDOUT, Errno::NETUNREACH, Errno::NOENT] {
            assert!(!was_refused(&wrapped(number)), "{number}");
        }
        let again = || io::Error::from_raw_os_error(Errno::AGAIN.raw_os_error());
        for (error, refused) in [
            (LookupError::Refused(Refused::NoThread(Purpose::NameLookup, again())), true),
            (LookupError::Refused(Refused::Busy(Purpose::NameLookup, 4)), true),
            // The C library opens files and a socket for it.
            (
                LookupError::NotFound(
                    "x.example".to_owned(),
                    io::Error::from_raw_os_error(Errno::MFILE.raw_os_error()),
                ),
                true,
            ),
            // A name server that does not answer.
            (LookupError::NotFound("x.example".to_owned(), again()), false),
        ] {
            let text = error.to_string();
            assert_eq!(was_refused(&ResolveDnsError::new(error)), refused, "{text}");
        }
    }
}
