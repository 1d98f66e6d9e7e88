//! What an error of the SDK means, and what to do about it.

use std::error::Error;

use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;

use super::capped::TooLong;
use super::dns::was_refused;
use crate::publisher::{Failure, PublishError};
use crate::shown::shown;

/// The failure behind an error of PutMetricData.
pub fn of_sdk(error: &SdkError<PutMetricDataError>) -> PublishError {
    if let Some(own) = find::<PublishError>(error) {
        return own.clone();
    }
    match (error.code(), error.raw_response()) {
        (Some(code), Some(response)) => {
            let status = response.status().as_u16();
            // It is kept as long as the outage lasts, and may be as long as an answer.
            of_code(&shown(code), &shown(error.message().unwrap_or("no message")), status)
        }
        (None, Some(response)) => of_status(response.status().as_u16(), &causes(error)),
        // No advice, because no user can correct it. Without advice it is retried until the
        // shutdown timeout.
        (_, None) if was_refused(error) => out_of_resources(causes(error)),
        (_, None) if find::<TooLong>(error).is_some() => PublishError {
            kind: Failure::TryAgain,
            causes: causes(error),
            advice: Some("check the server at this address"),
        },
        (_, None) => of_causes(causes(error)),
    }
}

/// No request was sent, because this machine refused a thread, descriptor or memory.
pub fn out_of_resources(causes: String) -> PublishError {
    PublishError { kind: Failure::OutOfResources, causes, advice: None }
}

/// The error of this type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.find_map(|error| error.downcast_ref())
}

/// An answer of the service. Codes come in two spellings, with and without `Exception`.
fn of_code(code: &str, message: &str, status: u16) -> PublishError {
    let (kind, advice) = match code.strip_suffix("Exception").unwrap_or(code) {
        "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "MissingParameter"
        | "MissingRequiredParameter"
        | "InvalidFormat"
        | "ValidationError"
        | "Validation"
        | "RequestEntityTooLarge" => (Failure::Rejected, None),
        "AccessDenied" | "UnauthorizedOperation" | "OptInRequired" => (
            Failure::Misconfigured,
            Some("add the permission cloudwatch:PutMetricData for this namespace"),
        ),
        "InvalidClientTokenId" | "UnrecognizedClient" | "MissingAuthenticationToken" => {
            (Failure::Misconfigured, Some("use credentials that are valid in this region"))
        }
        "ExpiredToken" => (Failure::TryAgain, Some("renew the credentials if nothing else does")),
        "SignatureDoesNotMatch"
        | "InvalidSignature"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => {
            (Failure::Misconfigured, Some("check this machine's clock and the secret access key"))
        }
        code if code.contains("Throttl") || status >= 500 || status == 429 => {
            (Failure::TryAgain, None)
        }
        _ => (Failure::Misconfigured, Some("check the endpoint and the region")),
    };
    PublishError { kind, causes: format!("{code}: {message} (HTTP {status})"), advice }
}

/// An answer that is not in the service's own format: something stands in between, or the
/// endpoint is another service's.
fn of_status(status: u16, causes: &str) -> PublishError {
    let (kind, advice) = match status {
        413 => (Failure::Rejected, None),
        200..300 => (Failure::TryAgain, Some("check for a proxy or login page on the way")),
        429 | 500.. | ..400 => (Failure::TryAgain, None),
        _ => (Failure::Misconfigured, Some("check the endpoint and the region")),
    };
    PublishError { kind, causes: format!("HTTP {status}: {causes}"), advice }
}

/// No answer: the request was not sent, or got lost. What the causes say is all there is: their types
/// are private to the libraries that they come from.
fn of_causes(causes: String) -> PublishError {
    let row = BY_WORDS.iter().find(|row| row.words.iter().any(|words| causes.contains(words)));
    match row {
        Some(ByWords { kind, advice, .. }) => {
            PublishError { kind: *kind, causes, advice: Some(advice) }
        }
        None => PublishError { kind: Failure::TryAgain, causes, advice: None },
    }
}

/// What a failure means that only the words of a library tell. The first row that fits counts.
struct ByWords {
    words: &'static [&'static str],
    kind: Failure,
    advice: &'static str,
}

const BY_WORDS: &[ByWords] = &[
    // aws-config and aws-credential-types: a provider, or the chain of them.
    ByWords {
        words: &["credentials", "the credential provider"],
        kind: Failure::TryAgain,
        advice: "set a task role, an instance role, a profile or AWS_ACCESS_KEY_ID",
    },
    // rustls: the certificate of the endpoint.
    ByWords {
        words: &["invalid peer certificate"],
        kind: Failure::Misconfigured,
        advice: "set SSL_CERT_FILE to the endpoint's root certificates, and check the clock",
    },
    // hyper-util: the answer of a proxy to CONNECT.
    ByWords {
        words: &["tunnel error"],
        kind: Failure::TryAgain,
        advice: "check HTTPS_PROXY and NO_PROXY",
    },
    // hyper-util, and getaddrinfo as std words its failure.
    ByWords {
        words: &["dns error", "lookup address"],
        kind: Failure::TryAgain,
        advice: "check the region, the endpoint and this machine's DNS settings",
    },
    // aws-sdk-cloudwatch: the rules of its endpoints.
    ByWords {
        words: &["region", "Region"],
        kind: Failure::Misconfigured,
        advice: "set --region or AWS_REGION",
    },
];

/// The error and all of its causes, outermost first, on one line. Some errors repeat their cause
/// in their own text; it is then said once.
pub fn causes(error: &dyn Error) -> String {
    let mut text = one_line(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = one_line(error);
        if !text.ends_with(&next) {
            text = text + ": " + &next;
        }
        cause = error.source();
    }
    text
}

fn one_line(error: &dyn Error) -> String {
    error.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts as the versions in Cargo.lock write them. Where one of them changes its words, this is
    /// the place.
    #[test]
    fn the_words_of_libraries_have_a_row() {
        for (text, advice) in [
            ("no providers in chain provided credentials", "set a task role"),
            ("an error occurred while loading credentials: no answer", "set a task role"),
            ("the credential provider was not enabled", "set a task role"),
            ("the credentials provider was not properly configured", "set a task role"),
            (
                "client error (Connect): invalid peer certificate: UnknownIssuer",
                "set SSL_CERT_FILE",
            ),
            (
                "invalid peer certificate: certificate expired: verification time 5",
                "set SSL_CERT_FILE",
            ),
            ("client error (Connect): tunnel error: unsuccessful", "check HTTPS_PROXY"),
            ("tunnel error: proxy authorization required", "check HTTPS_PROXY"),
            ("tunnel error: failed to create underlying connection", "check HTTPS_PROXY"),
            ("client error (Connect): dns error: no record", "check the region, the endpoint"),
            (
                "failed to lookup address information: Name or service not known",
                "check the region, the endpoint",
            ),
            ("Invalid Configuration: Missing Region", "set --region"),
        ] {
            let error = of_causes(text.to_owned());
            let is_it = error.advice.is_some_and(|told| told.starts_with(advice));
            assert!(is_it, "{text}: {error:?}");
        }
        let refused =
            "client error (Connect): tcp connect error: Connection refused (os error 111)";
        let error = of_causes(refused.to_owned());
        assert_eq!((error.kind, error.advice), (Failure::TryAgain, None));
    }
}
