//! Reads files that the user names in a helper thread: a pipe without a writer, or a mount that does not
//! answer, would block everything else, the signals too.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::timeout;

use super::failure::out_of_resources;
use super::mistakes;
use crate::blocking::{self, Purpose, Refused};
use crate::publisher::{Failure, PublishError};

/// The result of a function that reads files, if it comes in time.
pub async fn read<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PublishError> {
    read_one_of(read, || "trusted roots".to_owned()).await
}

/// Proof that the files could be read without hanging. It is good for one read by the SDK.
#[derive(Debug)]
pub struct Checked(());

/// Fails where the SDK could hang: it reads the files of configuration and tokens in the calling thread.
/// So each of them has to be a file that can be read to its end.
///
/// This does not notice a mount that stops answering just after it, before the SDK's own read.
pub async fn check(profile: Option<&str>) -> Result<Checked, PublishError> {
    let profile = profile.map(str::to_owned);
    // The file that is being read, for the error if it hangs.
    let now = Arc::<Mutex<PathBuf>>::default();
    let reading = now.clone();
    let look = move || {
        let odd = RefCell::new(None);
        let read = |path: &Path| {
            path.clone_into(&mut reading.lock().unwrap_or_else(PoisonError::into_inner));
            if may_hang(path) {
                odd.replace(Some(path.to_owned()));
            }
            mistakes::files::read(path)
        };
        // It looks at each file that the SDK would read.
        mistakes::look_with(profile.as_deref(), &read);
        odd.into_inner()
    };
    let name = || now.lock().unwrap_or_else(PoisonError::into_inner).display().to_string();
    match read_one_of(look, name).await? {
        None => Ok(Checked(())),
        Some(path) => {
            let what =
                format!("{} is not a regular file, and reading it could hang", path.display());
            let error = PublishError::new(Failure::Misconfigured, what);
            Err(error.advising("name a file in its place"))
        }
    }
}

async fn read_one_of<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
    name: impl FnOnce() -> String,
) -> Result<T, PublishError> {
    match timeout(READ_TIMEOUT, blocking::call(Purpose::Files, read)).await {
        Ok(Ok(result)) => Ok(result),
        // Earlier reads still hang: an outage of the disk, not a lack of threads.
        Ok(Err(busy @ Refused::Busy(..))) => Err(try_again(busy.to_string())),
        Ok(Err(refused)) => Err(out_of_resources(refused.to_string())),
        Err(_) => {
            let name = name();
            Err(try_again(format!("{name}: the disk does not answer within {READ_TIMEOUT:?}")))
        }
    }
}

fn try_again(causes: String) -> PublishError {
    PublishError::new(Failure::TryAgain, causes)
}

/// Whether a path is neither a file nor a directory, the read of which fails at once. `/dev/null` is
/// allowed: it is often named to have no such file.
fn may_hang(path: &Path) -> bool {
    let is_other = |path: &Path| {
        fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
    };
    // Links to it are allowed, too.
    is_other(path) && fs::canonicalize(path).is_ok_and(|path| path != Path::new("/dev/null"))
}

/// Shorter than an attempt of a send, which includes loading credentials: the attempt's timeout would
/// not name the file.
const READ_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::error::CredentialsError;
    use aws_sdk_cloudwatch::error::SdkError;

    use super::*;
    use crate::publisher::cloudwatch::failure::of_sdk;

    #[test]
    fn what_keeps_credentials_from_being_read_is_what_the_send_fails_with() {
        let refused = "no thread for reading files".to_owned();
        let error = PublishError::new(Failure::OutOfResources, refused);
        let of_credentials = CredentialsError::provider_error(error.clone());
        assert_eq!(of_sdk(&SdkError::construction_failure(of_credentials)), error);
    }
}
