//! Where requests go to, and whether they are signed.

use crate::config::{Aws, Publishing};

/// Where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// CloudWatch of the region.
    CloudWatch,
    /// A receiver with this URL.
    Receiver(String),
}

impl Target {
    /// The target of the settings, and whether requests to it are signed.
    pub fn of(publishing: &Publishing) -> (Self, bool) {
        let otlp = &publishing.otlp;
        let target = otlp.endpoint.clone().map_or(Self::CloudWatch, Self::Receiver);
        let is_signed = target.is_aws() && !otlp.is_authorized();
        (target, is_signed)
    }

    /// Whether it is CloudWatch, be it by its URL.
    pub fn is_aws(&self) -> bool {
        match self {
            Self::CloudWatch => true,
            Self::Receiver(url) => region_of(url).is_some(),
        }
    }
}

/// The settings of AWS; with the region of a URL of CloudWatch, because a signature is for that.
pub fn aws(publishing: &Publishing) -> Aws {
    let of_url = publishing.otlp.endpoint.as_deref().and_then(region_of);
    let region = of_url.map(str::to_owned).or_else(|| publishing.aws.region.clone());
    let ca_file = publishing.aws.ca_file.clone().or_else(|| publishing.otlp.ca_file.clone());
    Aws { region, ca_file, ..publishing.aws.clone() }
}

/// The region, where it stands in an option or a variable.
pub fn known_region(publishing: &Publishing) -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|region| !region.is_empty());
    aws(publishing).region.or_else(|| set("AWS_REGION")).or_else(|| set("AWS_DEFAULT_REGION"))
}

/// The region of a URL of CloudWatch: `monitoring.REGION.amazonaws.com`, also within `vpce`, with FIPS, and in China.
fn region_of(url: &str) -> Option<&str> {
    let host = url.strip_prefix("https://")?.split(['/', ':', '?']).next()?;
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let mut parts = host.strip_suffix(".amazonaws.com")?.split('.');
    parts.find(|part| ["monitoring", "monitoring-fips"].contains(part))?;
    parts.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cloudwatch_is_known_by_its_name() {
        for (url, region) in [
            ("https://monitoring.eu-west-1.amazonaws.com/v1/metrics", Some("eu-west-1")),
            ("https://monitoring.cn-north-1.amazonaws.com.cn/v1/metrics", Some("cn-north-1")),
            ("https://monitoring-fips.us-east-1.amazonaws.com:443/v1/metrics", Some("us-east-1")),
            ("https://vpce-1-a.monitoring.eu-west-1.vpce.amazonaws.com/x", Some("eu-west-1")),
            ("http://monitoring.eu-west-1.amazonaws.com/v1/metrics", None),
            ("https://monitoring.eu-west-1.amazonaws.com.example/v1/metrics", None),
            ("https://xray.eu-west-1.amazonaws.com/v1/traces", None),
        ] {
            assert_eq!(region_of(url), region, "{url}");
        }
    }
}
