//! The meaning of the SDK's errors, and what to do about them.

use std::error::Error;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;

use super::http::{Step, TooLong, Unreached};
use super::mistaken::Mistaken;
use crate::blocking::was_refused;
use crate::publisher::{Failure, Place, PublishError};
use crate::shown::shown;

/// The failure behind an error of PutMetricData.
pub fn of_sdk(error: &SdkError<PutMetricDataError>) -> PublishError {
    // An error of `disk::check` comes back as a cause within the SDK's, by way of the credentials.
    if let Some(own) = find::<PublishError>(error) {
        return own.clone();
    }
    match (error.code(), error.raw_response()) {
        (Some(code), Some(response)) => {
            let status = response.status().as_u16();
            // `shown` shortens both: the text is kept as long as the outage lasts, and may be as long as
            // an answer.
            of_code(&shown(code), &shown(error.message().unwrap_or("no message")), status)
        }
        (None, Some(response)) => of_status(response.status().as_u16(), &causes(error)),
        // Without advice, because it may pass by itself. So the last send is also retried, until the
        // shutdown timeout.
        (_, None) if was_refused(error) => out_of_resources(causes(error)),
        (_, None) if find::<TooLong>(error).is_some() => {
            let error = PublishError::new(Failure::TryAgain, causes(error));
            error.advising("check the server at this address")
        }
        (_, None) => match find::<Mistaken>(error) {
            Some(mistaken) => PublishError {
                brief: Some(one_line(mistaken)),
                ..PublishError::new(Failure::TryAgain, causes(error)).advising(MISTAKEN).here()
            },
            None => PublishError { at: place_of(error), ..unanswered(error) },
        },
    }
}

/// No request was sent, because this machine refused a thread, descriptor or memory.
pub fn out_of_resources(causes: String) -> PublishError {
    PublishError::new(Failure::OutOfResources, causes)
}

/// Where a request without an answer failed.
fn place_of(error: &SdkError<PutMetricDataError>) -> Place {
    if find::<CredentialsError>(error).is_some() {
        return Place::Here;
    }
    // A proxy may be before the other endpoints, too: one failure of it tells nothing of this one.
    if matches!(find(error), Some(Unreached::Proxy(_))) {
        return Place::Endpoint;
    }
    match find::<io::Error>(error) {
        Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => Place::Refused,
        _ => Place::Endpoint,
    }
}

/// The error of this type among an error and its causes.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.find_map(|error| error.downcast_ref())
}

/// An answer of the service. Codes come in two spellings, with and without `Exception`.
fn of_code(code: &str, message: &str, status: u16) -> PublishError {
    let name = code.strip_suffix("Exception").unwrap_or(code);
    let (kind, advice) = match name {
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
        // The SDK does not retry this. The next period does, with credentials that may be renewed by then.
        "ExpiredToken" => (Failure::TryAgain, Some("renew the credentials if nothing else does")),
        // For a clock that is wrong by minutes, the SDK has already retried with the time of the answer's
        // header `Date`. So trying again does not help.
        "SignatureDoesNotMatch"
        | "InvalidSignature"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => {
            (Failure::Misconfigured, Some("check this machine's clock and the secret access key"))
        }
        // Throttling comes with status 400, as `Throttling` or `ThrottlingException`.
        code if code.contains("Throttl") || status >= 500 || status == 429 => {
            (Failure::TryAgain, None)
        }
        _ => (Failure::Misconfigured, Some("check the endpoint and the region")),
    };
    let causes = format!("{code}: {message} (HTTP {status})");
    let at = if OF_THE_SENDER.contains(&name) { Place::Here } else { Place::Endpoint };
    PublishError { advice, at, ..PublishError::new(kind, causes) }
}

/// What is wrong with the credentials or the clock of who sends, so that another endpoint would refuse it as well.
const OF_THE_SENDER: [&str; 5] = [
    "ExpiredToken",
    "SignatureDoesNotMatch",
    "InvalidSignature",
    "RequestExpired",
    "RequestTimeTooSkewed",
];

/// An answer that is not in the service's own format: it comes from a proxy or a login page, or the
/// endpoint is another service's.
fn of_status(status: u16, causes: &str) -> PublishError {
    let (kind, advice) = match status {
        // The same request would always be too large. Delivery sends rejected data in smaller parts.
        413 => (Failure::Rejected, None),
        200..300 => (Failure::TryAgain, Some("check for a proxy or login page on the way")),
        429 | 500.. | ..400 => (Failure::TryAgain, None),
        _ => (Failure::Misconfigured, Some("check the endpoint and the region")),
    };
    PublishError { advice, ..PublishError::new(kind, format!("HTTP {status}: {causes}")) }
}

/// No answer: the request was not sent, or got lost.
fn unanswered(error: &SdkError<PutMetricDataError>) -> PublishError {
    let (causes, innermost) = (causes(error), innermost(error));
    // The connections of a provider of credentials are no connections to the endpoint.
    let unreached = find::<Unreached>(error).filter(|_| find::<CredentialsError>(error).is_none());
    let (advice, brief) = match unreached {
        Some(Unreached::Lookup(_) | Unreached::Late(Step::Lookup)) => (Some(NO_ADDRESS), innermost),
        Some(Unreached::Tunnel(_) | Unreached::Late(Step::Tunnel)) => (Some(NO_TUNNEL), innermost),
        Some(Unreached::Proxy(of_proxy)) => match **of_proxy {
            Unreached::Tls(_) => return of_causes(causes, &innermost),
            _ => (Some(NO_TUNNEL), format!("the proxy cannot be reached: {innermost}")),
        },
        Some(Unreached::Tcp(_) | Unreached::Late(Step::Tcp | Step::Tls)) => {
            (None, format!("cannot connect to the endpoint: {innermost}{NO_CONNECTION}"))
        }
        Some(Unreached::Tls(_)) | None => return of_causes(causes, &innermost),
    };
    PublishError { brief: Some(brief), advice, ..PublishError::new(Failure::TryAgain, causes) }
}

const NO_ADDRESS: &str = "check the endpoint or region, and this machine's DNS settings";
const NO_TUNNEL: &str = "check HTTPS_PROXY and NO_PROXY";
/// It may pass.
const NO_CONNECTION: &str = "; if it stays, look at whether it runs there, and at routes, security groups, NAT and VPC endpoints";

/// Only the words of the causes say why: their types are private to their libraries.
fn of_causes(causes: String, innermost: &str) -> PublishError {
    let row = BY_WORDS.iter().find(|row| row.words.iter().any(|words| causes.contains(words)));
    match row {
        Some(ByWords { kind, advice, brief, .. }) => PublishError {
            brief: brief.map(|brief| {
                let brief = brief.replace("{attempts}", &failed_attempts(&causes));
                brief.replace("{cause}", innermost)
            }),
            advice: *advice,
            ..PublishError::new(*kind, causes)
        },
        None => PublishError::new(Failure::TryAgain, causes),
    }
}

/// The providers of credentials that were there and failed. The chain's text has a line for each.
fn failed_attempts(causes: &str) -> String {
    let is_there = |line: &&str| !NOT_THERE.iter().any(|end| line.ends_with(end));
    causes.split(" / ").skip(1).filter(is_there).map(|line| format!("; {line}")).collect()
}

/// How a line ends of a provider that nothing was set for.
const NOT_THERE: &[&str] = &[
    "was not enabled",
    "environment variable not set",
    "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
    "ECS provider not configured",
];

/// The meaning of a failure that only the words of a library show. The first row that fits counts.
struct ByWords {
    words: &'static [&'static str],
    kind: Failure,
    /// Nothing where it may pass by itself.
    advice: Option<&'static str>,
    /// What of the causes a user needs to know, where `{cause}` is the innermost, and `{attempts}` are the
    /// providers that have failed.
    brief: Option<&'static str>,
}

/// Each mistake has its own cure.
const MISTAKEN: &str = "correct the AWS settings";

const BY_WORDS: &[ByWords] = &[
    // Our own limit. It may pass by itself.
    ByWords {
        words: &["credentials were not found within"],
        kind: Failure::TryAgain,
        advice: None,
        brief: Some("{cause}"),
    },
    // aws-config: each provider was asked, and none has any.
    ByWords {
        words: &["no credentials found in chain"],
        kind: Failure::TryAgain,
        advice: Some(NO_CREDENTIALS),
        brief: Some("no AWS credentials found{attempts}"),
    },
    // aws-config and aws-credential-types: a provider.
    ByWords {
        words: &["credentials", "the credential provider"],
        kind: Failure::TryAgain,
        advice: Some(NO_CREDENTIALS),
        brief: Some("no AWS credentials: {cause}"),
    },
    // rustls: a server that answers in plain HTTP.
    ByWords {
        words: &["InvalidContentType"],
        kind: Failure::Misconfigured,
        advice: Some("use http://, or the port of the endpoint that speaks TLS"),
        brief: Some("{cause}"),
    },
    // rustls: the certificate of the endpoint.
    ByWords {
        words: &["invalid peer certificate"],
        kind: Failure::Misconfigured,
        advice: Some(
            "name the endpoint's root certificates with --ca-file or SSL_CERT_FILE, and check the clock",
        ),
        brief: Some("{cause}"),
    },
    // aws-sdk-cloudwatch: the rules of its endpoints.
    ByWords {
        words: &["region", "Region"],
        kind: Failure::Misconfigured,
        advice: Some(NO_REGION),
        brief: None,
    },
];

/// What to do where none are found.
pub const NO_REGION: &str = "set --region or AWS_REGION";
pub const NO_CREDENTIALS: &str =
    "set a task role, an instance role, a profile or AWS_ACCESS_KEY_ID";

/// The error and all of its causes, outermost first, on one line. An error that ends with the text of
/// its cause is not followed by it again.
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

/// The innermost cause that says more than the one around it.
fn innermost(error: &dyn Error) -> String {
    let mut text = one_line(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = one_line(error);
        if !text.ends_with(&next) {
            text = next;
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
    use aws_smithy_runtime_api::client::result::ConnectorError;

    use super::super::chain::TooLate;
    use super::*;
    use crate::lookup::LookupError;

    #[test]
    fn what_keeps_credentials_away_is_not_the_fault_of_the_endpoint() {
        let late = CredentialsError::provider_error(TooLate);
        let none = CredentialsError::not_loaded("no credentials found in chain");
        for (error, advice) in [(late, None), (none, Some(NO_CREDENTIALS))] {
            let error = of_sdk(&SdkError::construction_failure(error));
            let known = (error.kind, error.at, error.advice);
            assert_eq!(known, (Failure::TryAgain, Place::Here, advice), "{error}");
        }
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = of_sdk(&SdkError::construction_failure(refused));
        assert_eq!(error.at, Place::Refused);
    }

    #[test]
    fn a_connection_that_fails_has_its_own_cure() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let unknown = LookupError::NotFound("x.example".to_owned(), io::Error::other("no record"));
        for (unreached, advice, at) in [
            (Unreached::Lookup(unknown), Some(NO_ADDRESS), Place::Endpoint),
            (
                Unreached::Tunnel("the proxy answered 503".to_owned()),
                Some(NO_TUNNEL),
                Place::Endpoint,
            ),
            (
                Unreached::Proxy(Box::new(Unreached::Tcp(refused()))),
                Some(NO_TUNNEL),
                Place::Endpoint,
            ),
            (Unreached::Tcp(refused()), None, Place::Refused),
            (Unreached::Late(Step::Lookup), Some(NO_ADDRESS), Place::Endpoint),
            (Unreached::Late(Step::Tcp), None, Place::Endpoint),
            (Unreached::Late(Step::Tunnel), Some(NO_TUNNEL), Place::Endpoint),
            (Unreached::Late(Step::Tls), None, Place::Endpoint),
        ] {
            let text = format!("{unreached:?}");
            let error = of_sdk(&SdkError::dispatch_failure(ConnectorError::io(unreached.into())));
            assert_eq!(
                (error.kind, error.advice, error.at),
                (Failure::TryAgain, advice, at),
                "{text}"
            );
            let shown = error.to_string();
            let is_of_tcp = text.starts_with("Tcp") || ["Late(Tcp)", "Late(Tls)"].contains(&&*text);
            assert_eq!(shown.starts_with("cannot connect to the endpoint: "), is_of_tcp, "{shown}");
            assert!(!shown.contains("dispatch failure"), "{shown}");
        }
    }

    /// The texts as the versions in Cargo.lock write them. Where one of them changes its words, this is
    /// the place.
    #[test]
    fn the_words_of_libraries_have_a_row() {
        for (text, advice) in [
            ("no credentials found in chain", "set a task role"),
            ("an error occurred while loading credentials: no answer", "set a task role"),
            ("the credential provider was not enabled", "set a task role"),
            ("the credentials provider was not properly configured", "set a task role"),
            (
                "client error (Connect): invalid peer certificate: UnknownIssuer",
                "name the endpoint's root",
            ),
            (
                "invalid peer certificate: certificate expired: verification time 5",
                "name the endpoint's root",
            ),
            ("received corrupt message of type InvalidContentType", "use http://"),
            ("Invalid Configuration: Missing Region", "set --region"),
        ] {
            let error = of_causes(text.to_owned(), text);
            let is_it = error.advice.is_some_and(|told| told.starts_with(advice));
            assert!(is_it, "{text}: {error:?}");
        }
        let chain = "no credentials found in chain. Attempted: / Environment: the credential provider was \
            not enabled / Ec2InstanceMetadata: no answer";
        let brief = of_causes(chain.to_owned(), chain).brief;
        assert_eq!(
            brief.as_deref(),
            Some("no AWS credentials found; Ec2InstanceMetadata: no answer")
        );
    }
}
