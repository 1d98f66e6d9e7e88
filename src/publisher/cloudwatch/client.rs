//! The CloudWatch client: where its region and credentials come from, its retries and timeouts.

use std::env;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::imds;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_sdk_cloudwatch::config::{Builder, IdentityCache, Region, StalledStreamProtectionConfig};
use tokio::time::timeout;

use super::attempts::Attempts;
use super::transport;
use crate::publisher::{Failure, PublishError};
use crate::settings::Aws;

/// Makes the SDK's client when it is first needed, and again as long as that fails.
#[derive(Debug)]
pub struct Client {
    aws: Aws,
    attempts: Attempts,
    sdk: Option<aws_sdk_cloudwatch::Client>,
}

impl Client {
    pub fn new(aws: Aws) -> Self {
        Self { aws, attempts: Attempts::default(), sdk: None }
    }

    /// The SDK's client, and whether an attempt of its is under way.
    pub async fn get(&mut self) -> Result<(&aws_sdk_cloudwatch::Client, &Attempts), PublishError> {
        let sdk = match self.sdk.take() {
            Some(sdk) => sdk,
            None => self.make().await?,
        };
        Ok((self.sdk.insert(sdk), &self.attempts))
    }

    async fn make(&self) -> Result<aws_sdk_cloudwatch::Client, PublishError> {
        let http = transport::http_client()?;
        let providers = ProviderConfig::without_region().with_http_client(http.clone());
        // What is asked for the region first is the environment, then the files: no I/O that
        // could hang, until there is nobody left to ask but the instance.
        let region = timeout(OPERATION_TIMEOUT, self.region(&providers)).await.ok().flatten();
        let region = region.ok_or_else(no_region)?;
        let credentials = self.credentials(&providers.with_region(Some(region.clone())));
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .region(region)
            .credentials_provider(credentials)
            .identity_cache(IdentityCache::lazy().load_timeout(ATTEMPT_TIMEOUT).build())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(transport::CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(OPERATION_TIMEOUT)
                    .build(),
            )
            // It guards streams of data; a request of some kilobytes has the attempt's timeout.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(profile) = &self.aws.profile {
            loader = loader.profile_name(profile);
        }
        let mut config = Builder::from(&loader.load().await).interceptor(self.attempts.clone());
        if let Some(url) = &self.aws.endpoint_url {
            config = config.endpoint_url(url);
        }
        Ok(aws_sdk_cloudwatch::Client::from_conf(config.build()))
    }

    /// `--region`, the environment, the profile, and on an instance its metadata.
    async fn region(&self, providers: &ProviderConfig) -> Option<Region> {
        let mut profile = ProfileFileRegionProvider::builder().configure(providers);
        if let Some(name) = &self.aws.profile {
            profile = profile.profile_name(name);
        }
        let mut chain = RegionProviderChain::first_try(self.aws.region.clone().map(Region::new))
            .or_else(EnvironmentVariableRegionProvider::new())
            .or_else(profile.build());
        if !on_ecs() {
            let instance = imds::region::ImdsRegionProvider::builder().configure(providers);
            chain = chain.or_else(instance.imds_client(imds_client(providers)).build());
        }
        chain.region().await
    }

    /// The environment, the profile, a web identity, the task role, and on an instance its role.
    fn credentials(&self, providers: &ProviderConfig) -> CredentialsProviderChain {
        let mut profile = ProfileFileCredentialsProvider::builder().configure(providers);
        if let Some(name) = &self.aws.profile {
            profile = profile.profile_name(name);
        }
        let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(providers);
        let task = EcsCredentialsProvider::builder().configure(providers);
        let chain = CredentialsProviderChain::first_try(
            "Environment",
            EnvironmentVariableCredentialsProvider::new(),
        )
        .or_else("Profile", profile.build())
        .or_else("WebIdentityToken", web_identity.build())
        .or_else("EcsContainer", task.build());
        if on_ecs() {
            return chain;
        }
        let instance = imds::credentials::ImdsCredentialsProvider::builder().configure(providers);
        chain.or_else("Ec2InstanceMetadata", instance.imds_client(imds_client(providers)).build())
    }
}

/// The instance's metadata service, asked once: where it does not answer at once, it is not
/// there or kept from containers, and asking again would only delay the message that says so.
fn imds_client(providers: &ProviderConfig) -> imds::Client {
    imds::Client::builder()
        .configure(providers)
        .max_attempts(1)
        .operation_attempt_timeout(IMDS_TIMEOUT)
        .build()
}

/// Whether the environment says that this is an ECS task. Its metadata and credentials come
/// from the task's own endpoint; the instance's, if there is one, would be the wrong ones.
fn on_ecs() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    set("ECS_CONTAINER_METADATA_URI_V4")
        || set("ECS_CONTAINER_METADATA_URI")
        || set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        || env::var("AWS_EXECUTION_ENV").is_ok_and(|value| value.starts_with("AWS_ECS_"))
}

fn no_region() -> PublishError {
    PublishError {
        kind: Failure::Misconfigured,
        causes: "no AWS region was found".into(),
        advice: Some("set --region or AWS_REGION"),
    }
}

/// One attempt and two retries, with the SDK's standard backoff between them.
const ATTEMPTS: u32 = 3;

/// One attempt, credentials included; CloudWatch answers in a fraction of a second. After this
/// the next attempt is made on another connection.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// All attempts and the waits between them. After this the summaries go to the backlog.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);

/// The metadata service is on the instance itself and answers in milliseconds. After this it
/// counts as not there.
const IMDS_TIMEOUT: Duration = Duration::from_secs(1);
