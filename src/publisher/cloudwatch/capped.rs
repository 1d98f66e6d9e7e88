//! Bounds every answer that the SDK reads: of CloudWatch, of STS, and of the endpoints that hand out
//! credentials. The SDK collects an answer to its end before it looks at it, however long it is.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Uri;
use hyper::body::Body;

/// A connector whose answers are no longer than [`ANSWER_LIMIT`].
#[derive(Debug)]
pub struct Capped(pub SharedHttpConnector);

impl HttpConnector for Capped {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let address = address_of(request.uri());
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = answer.take_body();
            // An answer whose length is announced (content-length) and too long is not read at all.
            if body.size_hint().lower() > ANSWER_LIMIT as u64 {
                return Err(TooLong { address }.into());
            }
            match Limited::new(body, ANSWER_LIMIT).collect().await {
                Ok(body) => *answer.body_mut() = SdkBody::from(body.to_bytes()),
                Err(error) if error.is::<LengthLimitError>() => {
                    return Err(TooLong { address }.into());
                }
                Err(error) => return Err(ConnectorError::io(error)),
            }
            Ok(answer)
        })
    }
}

/// Scheme, host and port; nothing that may be a secret.
fn address_of(uri: &str) -> String {
    let uri = uri.parse::<Uri>().unwrap_or_default();
    let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
    let scheme = uri.scheme_str().unwrap_or_default();
    format!("{scheme}://{}{port}", uri.host().unwrap_or_default())
}

/// An answer was longer than [`ANSWER_LIMIT`].
#[derive(Debug)]
pub struct TooLong {
    address: String,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address } = self;
        write!(f, "the answer of {address} is over the limit of {ANSWER_LIMIT} bytes")
    }
}

impl std::error::Error for TooLong {}

impl From<TooLong> for ConnectorError {
    fn from(error: TooLong) -> Self {
        Self::other(error.into(), None)
    }
}

/// An answer of CloudWatch is some hundred bytes, credentials are some kilobytes. More than a
/// megabyte is not from such a service, and would fill the memory of a small container.
const ANSWER_LIMIT: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_password_and_no_path() {
        for (uri, address) in [
            (
                "https://monitoring.eu-west-1.amazonaws.com/service/x",
                "https://monitoring.eu-west-1.amazonaws.com",
            ),
            ("http://user:word@127.0.0.1:8080/x?token=y", "http://127.0.0.1:8080"),
            ("http://[fd00:ec2::254]/latest", "http://[fd00:ec2::254]"),
        ] {
            assert_eq!(address_of(uri), address);
        }
    }
}
