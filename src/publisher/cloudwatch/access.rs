//! Requests that the SDK does not know, over the connections that it has: with the same trusted roots, proxy,
//! name lookup and limits, and where that is asked for signed with the credentials of the same chain.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_cloudwatch::config::{ProvideCredentials, Region};
use aws_sdk_cloudwatch::error::SdkError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

use super::client::{Client, Found, nobody};
use super::explain;
use super::{address, dates, failure, transport};
use crate::clock::{Exchange, now_ms};
use crate::config::Aws;
use crate::publisher::{Fact, Failure, PublishError, Retries};

/// Where requests go out, as soon as one does.
#[derive(Debug)]
pub struct Access {
    client: Client,
    connector: Option<SharedHttpConnector>,
    aws: Option<OfAws>,
}

/// What is of AWS alone.
#[derive(Debug)]
struct OfAws {
    region: Region,
    /// The address of CloudWatch in this region, without a path.
    address: Option<String>,
    chain: super::chain::Chain,
    credentials: Option<Credentials>,
}

/// A request with a body.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    pub url: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// Whether it is signed, and as of when.
    pub signed_at: Option<SystemTime>,
}

/// An answer with what counts of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub retry_after: Option<String>,
    pub body: Vec<u8>,
    /// What it tells of the clock of the endpoint.
    pub clock: Option<Exchange>,
}

impl Access {
    pub fn new(aws: Aws) -> Self {
        let client = Client::new(aws, Retries::default());
        Self { client, connector: None, aws: None }
    }

    /// The region and the address of CloudWatch there.
    pub async fn cloudwatch(&mut self) -> Result<(String, String), PublishError> {
        let aws = match self.aws.take() {
            Some(aws) => aws,
            None => self.find().await?,
        };
        let aws = self.aws.insert(aws);
        let address = aws.address.clone().ok_or_else(|| {
            let region = &aws.region;
            PublishError::new(Failure::Misconfigured, format!("no CloudWatch endpoint in {region}"))
        })?;
        Ok((aws.region.to_string(), address))
    }

    /// Finds credentials, where there are none yet or they are about to end.
    pub async fn authenticate(&mut self) -> Result<(), PublishError> {
        if self.aws.is_none() {
            self.aws = Some(self.find().await?);
        }
        let Some(aws) = &mut self.aws else { return Ok(()) };
        let is_old = |of: &Credentials| {
            of.expiry().is_some_and(|end| end < SystemTime::now() + BEFORE_THE_END)
        };
        if aws.credentials.as_ref().is_none_or(is_old) {
            let found = aws.chain.provide_credentials().await;
            let found = found.map_err(|error| {
                let error = SdkError::construction_failure(error);
                failure::of_sdk(&error)
            });
            aws.credentials = Some(found?);
        }
        Ok(())
    }

    /// Region, address, credentials, trusted roots and proxy, as far as they count.
    pub async fn facts(&self, is_aws: bool, is_signed: bool) -> Vec<Fact> {
        if !is_aws {
            return explain::facts_of_transport(self.client.ca_file()).await;
        }
        let mut facts = explain::facts(&self.client, false).await;
        facts.retain(|fact| fact.name != "call" && (is_signed || fact.name != "credentials"));
        facts
    }

    /// Forgets what was found, so that the next request sees what the user has corrected.
    pub fn forget(&mut self) {
        (self.connector, self.aws) = (None, None);
    }

    /// Sends a request once.
    pub async fn post(&mut self, post: Post<'_>) -> Result<Answer, PublishError> {
        let signature = match post.signed_at {
            Some(at) => {
                self.authenticate().await?;
                self.signature(&post, at)?
            }
            None => Vec::new(),
        };
        let connector = match &self.connector {
            Some(connector) => connector.clone(),
            None => self.connect().await?,
        };
        let mut request = HttpRequest::new(SdkBody::from(post.body.to_vec()));
        let invalid = |error: &dyn std::fmt::Display| {
            PublishError::new(Failure::Misconfigured, format!("cannot make the request: {error}"))
        };
        request.set_method("POST").map_err(|error| invalid(&error))?;
        request.set_uri(post.url.to_owned()).map_err(|error| invalid(&error))?;
        // Without it an empty body would have no length, and some servers want one (status 411).
        let length = post.body.len().to_string();
        let length = ("content-length", &*length);
        let headers = post.headers.iter().chain([&length]);
        let headers = headers.map(|(name, value)| ((*name).to_owned(), *value));
        let signature = signature.iter().map(|(name, value)| (name.clone(), &**value));
        for (name, value) in headers.chain(signature) {
            let value = value.to_owned();
            request.headers_mut().try_insert(name, value).map_err(|error| invalid(&error))?;
        }
        let sent = now_ms();
        let answer = connector.call(request).await;
        let back = now_ms();
        let answer = answer.map_err(|error| failure::of_sdk(&SdkError::dispatch_failure(error)))?;
        let header = |name: &str| answer.headers().get(name);
        Ok(Answer {
            status: answer.status().as_u16(),
            content_type: header("content-type").unwrap_or_default().to_owned(),
            retry_after: header("retry-after").map(str::to_owned),
            body: answer.body().bytes().unwrap_or_default().to_vec(),
            clock: header("date").and_then(|date| dates::exchange(date, sent, back)),
        })
    }

    async fn connect(&mut self) -> Result<SharedHttpConnector, PublishError> {
        let connector = transport::connector(self.client.ca_file()).await;
        Ok(self.connector.insert(connector.map_err(PublishError::here)?).clone())
    }

    /// The headers of a signature.
    fn signature(
        &self,
        post: &Post<'_>,
        at: SystemTime,
    ) -> Result<Vec<(String, String)>, PublishError> {
        let found = self.aws.as_ref().and_then(|aws| Some((aws, aws.credentials.clone()?)));
        let none =
            || PublishError::new(Failure::Misconfigured, "no credentials to sign with".into());
        let (aws, credentials) = found.ok_or_else(none)?;
        let cannot = |error: &dyn std::error::Error| {
            let causes = failure::causes(error);
            let what = format!("cannot sign the request: {causes}");
            PublishError::new(Failure::Misconfigured, what).here()
        };
        let identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(aws.region.as_ref())
            .name(SERVICE)
            .time(at)
            .settings(SigningSettings::default())
            .build();
        let params = params.map_err(|error| cannot(&error))?.into();
        let headers = post.headers.iter().copied();
        let body = SignableBody::Bytes(post.body);
        let request = SignableRequest::new("POST", post.url, headers, body);
        let signed = sign(request.map_err(|error| cannot(&error))?, &params);
        let (instructions, _) = signed.map_err(|error| cannot(&error))?.into_parts();
        let headers = instructions.headers();
        Ok(headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    async fn find(&mut self) -> Result<OfAws, PublishError> {
        let Found { connector, region, chain } =
            self.client.find().await.map_err(PublishError::here)?;
        self.connector = Some(connector.clone());
        // The address does not depend on the credentials.
        let http = transport::client_of(connector);
        let sdk = self.client.with(http, region.clone(), nobody()).await;
        let address = address::of(&sdk).await.map_err(|error| failure::of_sdk(&error))?;
        Ok(OfAws { region, address, chain, credentials: None })
    }
}

/// The name of the service that signatures are for.
const SERVICE: &str = "monitoring";

/// Credentials that end so soon are renewed before a request.
const BEFORE_THE_END: Duration = Duration::from_secs(60);
