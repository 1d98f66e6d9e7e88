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
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatch::config::{
    Builder, Credentials, IdentityCache, ProvideCredentials, Region, SharedCredentialsProvider,
    SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_cloudwatch::error::SdkError;
use aws_sdk_cloudwatch::operation::put_metric_data::PutMetricDataError;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use tokio::time::timeout;

use super::answer::{FromCloudWatch, Passing, of_cloudwatch};
use super::attempts::Attempts;
use super::chain::{Chain, Unsupported};
use super::dates::Dates;
use super::disk::{self, Checked};
use super::dns::PatientResolver;
use super::mistakes::{self, Mistakes};
use super::transport;
use super::web_identity::WebIdentity;
use super::{address, failure, http};
use crate::clock::Exchange;
use crate::config::{Aws, CaFile, region as check_region};
use crate::publisher::{Failure, PublishError, Retries};

/// What requests need.
#[derive(Debug)]
pub struct Found {
    /// To the endpoint.
    pub connector: SharedHttpConnector,
    pub region: Region,
    pub chain: Chain,
}

/// Makes the SDK's client when it is first needed, and again as long as that fails.
#[derive(Debug)]
pub struct Client {
    aws: Aws,
    attempts: Attempts,
    dates: Dates,
    sdk: Option<aws_sdk_cloudwatch::Client>,
}

impl Client {
    pub fn new(aws: Aws, retries: Retries) -> Self {
        Self { aws, attempts: Attempts::counting(retries), dates: Dates::default(), sdk: None }
    }

    /// What the newest answer told of the clock of the endpoint.
    pub fn endpoint_clock(&self) -> Option<Exchange> {
        self.dates.newest()
    }

    /// The SDK's client, and its attempts.
    pub async fn get(&mut self) -> Result<(&aws_sdk_cloudwatch::Client, &Attempts), PublishError> {
        let sdk = match self.sdk.take() {
            Some(sdk) => sdk,
            None => self.make().await.map_err(PublishError::here)?,
        };
        Ok((self.sdk.insert(sdk), &self.attempts))
    }

    /// Finds region and credentials, and tells where to it then publishes. Nothing is sent.
    pub async fn prepare(&mut self) -> Result<String, PublishError> {
        let (sdk, _) = self.get().await?;
        let region = sdk.config().region().map(ToString::to_string).unwrap_or_default();
        let address = address::of(sdk).await.map_err(|error| failure::of_sdk(&error))?;
        let address = address.map(|address| format!(" ({address})")).unwrap_or_default();
        Ok(format!("CloudWatch in {region}{address}"))
    }

    /// Whether CloudWatch answers a request without data, by nobody, which it refuses.
    pub async fn probe(&mut self) -> Result<(), PublishError> {
        let (sdk, _) = self.get().await?;
        let nobody =
            Builder::new().credentials_provider(nobody()).retry_config(RetryConfig::disabled());
        let request = sdk.put_metric_data().customize().config_override(nobody);
        answers(request.send().await.err())
    }

    /// The authorities that alone are trusted at the endpoint.
    pub fn ca_file(&self) -> Option<&CaFile> {
        self.aws.ca_file.as_ref()
    }

    /// Drops the SDK's client. The next send makes another one.
    pub fn forget(&mut self) {
        self.sdk = None;
    }

    async fn make(&self) -> Result<aws_sdk_cloudwatch::Client, PublishError> {
        let Found { connector, region, chain } = self.find().await?;
        Ok(self.with(transport::client_of(connector), region, chain).await)
    }

    /// Finds what requests need: trusted roots, the region, and who may have credentials.
    pub(super) async fn find(&self) -> Result<Found, PublishError> {
        // First, because the SDK reads these files for the region and the credentials.
        let checked = self.check_files().await?;
        let ca_file = self.aws.ca_file.as_ref();
        let connector = transport::connector(ca_file).await?;
        // The authority of the endpoint is not that of STS.
        let http = match ca_file {
            Some(_) => transport::client_of(transport::connector(None).await?),
            None => transport::client_of(connector.clone()),
        };
        let providers = ProviderConfig::without_region().with_http_client(http.clone());
        let (source, region) = self.region(&providers).await.ok_or_else(|| self.no_region())?;
        // The region becomes part of a host name, so it is checked whatever its source.
        check_region(region.as_ref()).map_err(|expected| PublishError {
            causes: format!("region {:?} from {source}: expected {expected}", region.as_ref()),
            ..self.no_region()
        })?;
        let mut credentials = self.credentials(&http, Some(region.clone())).into_iter();
        let (name, first) = credentials.next().expect("the environment is always asked");
        let chain = CredentialsProviderChain::first_try(name, first);
        let chain = credentials.fold(chain, |chain, (name, next)| chain.or_else(name, next));
        let chain = Chain::of(chain, self.aws.profile.clone(), checked);
        Ok(Found { connector, region, chain })
    }

    /// The client that sends to a region with some credentials.
    pub(super) async fn with(
        &self,
        http: SharedHttpClient,
        region: Region,
        credentials: impl ProvideCredentials + 'static,
    ) -> aws_sdk_cloudwatch::Client {
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .region(region)
            .credentials_provider(credentials)
            // Loading credentials is a part of an attempt, so it has the attempt's time.
            .identity_cache(IdentityCache::lazy().load_timeout(ATTEMPT_TIMEOUT).build())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(http::CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(OPERATION_TIMEOUT)
                    .build(),
            )
            // It is for long streams of data. A request of some kilobytes has the attempt's timeout.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(profile) = &self.aws.profile {
            loader = loader.profile_name(profile);
        }
        let mut config = Builder::from(&loader.load().await)
            .interceptor(self.attempts.clone())
            .interceptor(self.dates.clone())
            .interceptor(FromCloudWatch)
            .retry_classifier(Passing);
        if let Some(url) = &self.aws.endpoint_url {
            config = config.endpoint_url(url);
        }
        aws_sdk_cloudwatch::Client::from_conf(config.build())
    }

    /// The region and its source: `--region`, the environment, the profile, and on an instance its
    /// metadata. Only the last is I/O that could hang, and it has a time limit.
    pub(super) async fn region(
        &self,
        providers: &ProviderConfig,
    ) -> Option<(&'static str, Region)> {
        let mut profile = ProfileFileRegionProvider::builder().configure(providers);
        if let Some(name) = &self.aws.profile {
            profile = profile.profile_name(name);
        }
        let mut sources: Vec<(_, Box<dyn ProvideRegion>)> = vec![
            ("--region", Box::new(self.aws.region.clone().map(Region::new))),
            ("the environment", Box::new(EnvironmentVariableRegionProvider::new())),
            ("the profile", Box::new(profile.build())),
        ];
        if !on_ecs() {
            let instance = imds::region::ImdsRegionProvider::builder().configure(providers);
            let instance = instance.imds_client(imds_client(providers)).build();
            sources.push(("the EC2 instance", Box::new(instance)));
        }
        for (name, source) in sources {
            // A source without an answer counts as one without a region: the next one may have it.
            if let Ok(Some(region)) = timeout(OPERATION_TIMEOUT, source.region()).await {
                return Some((name, region));
            }
        }
        None
    }

    /// The providers of credentials: the environment, the profile, a web identity, the task role, and on
    /// an instance its role. The names are the SDK's.
    pub(super) fn credentials(
        &self,
        http: &SharedHttpClient,
        region: Option<Region>,
    ) -> Vec<(&'static str, SharedCredentialsProvider)> {
        let providers = ProviderConfig::without_region().with_http_client(http.clone());
        let providers = &providers.with_region(region.clone());
        let task =
            EcsCredentialsProvider::builder().configure(providers).dns(PatientResolver).build();
        let task = SharedCredentialsProvider::new(task);
        let mut profile = ProfileFileCredentialsProvider::builder().configure(providers);
        // `EcsContainer` is a value of `credential_source` in a profile. The SDK's own provider for it
        // would look up names in the runtime's threads.
        profile = profile.with_custom_provider("EcsContainer", task.clone());
        if let Some(name) = &self.aws.profile {
            profile = profile.profile_name(name);
        }
        let profile = match self.mistakes().unsupported {
            Some(reason) => SharedCredentialsProvider::new(Unsupported(reason)),
            None => SharedCredentialsProvider::new(profile.build()),
        };
        let web_identity =
            WebIdentity { http: http.clone(), region, profile: self.aws.profile.clone() };
        let environment = EnvironmentVariableCredentialsProvider::new();
        let mut chain = vec![
            ("Environment", SharedCredentialsProvider::new(environment)),
            ("Profile", profile),
            ("WebIdentityToken", SharedCredentialsProvider::new(web_identity)),
            ("EcsContainer", task),
        ];
        if !on_ecs() {
            let instance = imds::credentials::ImdsCredentialsProvider::builder();
            let instance = instance.configure(providers).imds_client(imds_client(providers));
            chain.push(("Ec2InstanceMetadata", SharedCredentialsProvider::new(instance.build())));
        }
        chain
    }

    /// Fails where reading a file that the user names could hang.
    pub(super) async fn check_files(&self) -> Result<Checked, PublishError> {
        disk::check(self.aws.profile.as_deref()).await
    }

    /// The mistakes in the user's settings of credentials and region.
    pub(super) fn mistakes(&self) -> Mistakes {
        mistakes::look(self.aws.profile.as_deref())
    }

    fn no_region(&self) -> PublishError {
        let mistakes = self.mistakes().of_files;
        let causes = [vec!["AWS region not found".to_owned()], mistakes].concat();
        let error = PublishError::new(Failure::Misconfigured, causes.join("; "));
        error.advising(failure::NO_REGION)
    }
}

/// Credentials that CloudWatch refuses.
pub fn nobody() -> Credentials {
    Credentials::new("nobody", "nothing", None, None, "probe")
}

/// Whether an answer is that of CloudWatch, be it a refusal.
pub(super) fn answers(error: Option<SdkError<PutMetricDataError>>) -> Result<(), PublishError> {
    let Some(error) = error else { return Ok(()) };
    let Some(response) = error.raw_response() else { return Err(failure::of_sdk(&error)) };
    of_cloudwatch(response.headers()).map_err(|why| {
        let what = format!("{why} (HTTP {})", response.status());
        PublishError::new(Failure::Misconfigured, what)
    })
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
pub(super) fn on_ecs() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    set("ECS_CONTAINER_METADATA_URI_V4")
        || set("ECS_CONTAINER_METADATA_URI")
        || set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        || env::var("AWS_EXECUTION_ENV").is_ok_and(|value| value.starts_with("AWS_ECS_"))
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
