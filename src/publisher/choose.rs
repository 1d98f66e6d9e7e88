//! The publishers that the settings ask for.

use super::cloudwatch::{self, CloudWatch};
use super::console::Console;
use super::emf::Emf;
use super::endpoints::{Endpoint, Endpoints};
use super::otlp::Otlp;
use super::{Publisher, Retries};
use crate::config::{Publish, Publishing, Settings, without_password};

/// One of the publishers that the settings ask for. It counts in `retries` the attempts of each send
/// after the first.
pub fn open(publish: Publish, settings: &Settings, retries: &Retries) -> Box<dyn Publisher> {
    let one = |settings: &Settings| -> Box<dyn Endpoint> {
        match publish {
            Publish::Otlp => Box::new(Otlp::new(settings, retries.clone())),
            _ => Box::new(CloudWatch::new(settings, retries.clone())),
        }
    };
    match publish {
        Publish::Console => return Box::new(Console::new(settings)),
        Publish::Emf => return Box::new(Emf::new(settings)),
        Publish::CloudWatch | Publish::Otlp => {}
    }
    let all = settings.publishing.endpoints(publish).into_iter().map(|publishing| {
        let settings = Settings { publishing, ..settings.clone() };
        (name(publish, &settings.publishing), one(&settings))
    });
    match all.len() {
        1 => one(settings),
        _ => Box::new(Endpoints::new(all.collect(), settings.publishing.shutdown_timeout)),
    }
}

/// What people call an endpoint.
fn name(publish: Publish, of: &Publishing) -> String {
    if let (Publish::Otlp, Some(url)) = (publish, &of.otlp.endpoint) {
        return url.clone();
    }
    let url = of.aws.endpoint_url.as_deref().map(without_password);
    match (&of.aws.region, url) {
        (Some(region), Some(url)) => format!("{region} ({url})"),
        (Some(region), None) => region.clone(),
        (None, url) => url.unwrap_or_else(|| "CloudWatch".to_owned()),
    }
}

/// Whether the files that the user names for one of the publishers can be used. The error says what is
/// wrong. Problems that cannot be known yet are reported when the first window is sent.
pub async fn check(settings: &Settings) -> Result<(), String> {
    let has = |publish| settings.publishing.publishers.contains(&publish);
    match has(Publish::CloudWatch) || has(Publish::Otlp) {
        true => {
            // That of a variable is not used where the option names one.
            let publishing = &settings.publishing;
            let file = publishing.aws.ca_file.as_ref().or(publishing.otlp.ca_file.as_ref());
            cloudwatch::check(file.cloned()).await
        }
        false => Ok(()),
    }
}

/// The same beside a command, which runs already: its signals must not wait for a disk that hangs. A
/// problem is an error in the log.
pub fn check_beside(settings: &Settings) {
    let settings = settings.clone();
    tokio::task::spawn_local(async move {
        if let Err(problem) = check(&settings).await {
            log::error!("{problem}");
        }
    });
}
