//! Explains where to and as what it would publish.

use tokio_util::sync::CancellationToken;

use super::Otlp;
use super::send::METRICS_PATH;
use crate::publisher::Fact;

/// The endpoint, who sends, and what is told of the place. With `connecting` also whether it answers.
pub async fn facts(otlp: &Otlp, connecting: bool) -> Vec<Fact> {
    let (sender, config) = (&otlp.sender, otlp.sender.config());
    let mut facts = vec![Fact::known("call", "OTLP over HTTP, Protocol Buffers")];
    if let Some(mistake) = &config.mistake {
        facts.push(Fact::noted("variables", mistake.clone()));
    }
    if let Some(url) = &config.endpoint {
        let note = Some(format!("from {}", config.endpoint_origin));
        facts.push(Fact { note, ..Fact::known("endpoint", url.clone()) });
    }
    facts.push(match (sender.is_signed(), config.headers.first()) {
        (true, _) => Fact::known("authorization", "signed for the service monitoring (SigV4)"),
        (false, Some(_)) if config.is_authorized() => {
            let note = Some(format!("from {}", config.headers_origin));
            Fact { note, ..Fact::known("authorization", "a header, whose value is not shown") }
        }
        (false, Some(_)) => {
            Fact::known("authorization", "other headers, whose values are not shown")
        }
        (false, None) => Fact::known("authorization", "none"),
    });
    for mut fact in sender.facts().await {
        if fact.name == "endpoint" {
            if config.endpoint.is_some() {
                continue;
            }
            fact.value = fact.value.map(|url| url + METRICS_PATH);
        }
        facts.push(fact);
    }
    let pairs = otlp.resource.iter().map(|(name, value)| format!("{name}={value}"));
    let pairs = pairs.collect::<Vec<_>>().join(", ");
    let attributes = if pairs.is_empty() { "none" } else { &pairs };
    let counted = "CloudWatch counts them with each point".to_owned();
    let note = sender.is_to_aws().then_some(counted);
    facts.push(Fact { note, ..Fact::known("resource_attributes", attributes) });
    let note =
        Some("utilization differs by at most 4.4 % from the middle of its bucket".to_owned());
    let histograms = if otlp.encoding.deltas.histograms { "delta" } else { "cumulative" };
    facts.push(Fact { note, ..Fact::known("histograms", histograms) });
    if connecting && facts.iter().all(|fact| fact.value.is_some()) {
        facts.push(connection(otlp).await);
    }
    facts
}

/// Whether the endpoint takes a request without data.
async fn connection(otlp: &Otlp) -> Fact {
    let mut sender = otlp.sender.again();
    match sender.probe(&CancellationToken::new()).await {
        Ok(()) => Fact::known("connection", "the endpoint answers"),
        Err(error) => Fact::noted("connection", error.to_string()),
    }
}
