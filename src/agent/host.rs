//! What the agent is beyond a sidecar: history, checks, alarms, the API, and all that may be changed while
//! it runs.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, OptionFuture};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::{Changing, OnlyWindow};
use crate::api::Api;
use crate::collector::Collector;
use crate::config::{Checks, Settings};
use crate::control::{Control, Ends, Ways};
use crate::delivery::orders::Served;
use crate::model::{Numbers, Report, Roots};
use crate::schedule::{Registry, Request, Requests};
use crate::store::keep::{self, Opening};
use crate::{event, lookout, notify};

/// The host agent, as the rest of the agent sees it. Its parts are boxed, so that a build without them (see
/// [`HOST_AGENT`](crate::HOST_AGENT)) has nothing of their code, not even what drops them.
#[derive(Default)]
pub struct Host<'a> {
    /// The results of checks.
    pub reports: Option<mpsc::Receiver<Rc<Report>>>,
    /// Requests to close the open window.
    pub closings: Option<mpsc::Receiver<oneshot::Sender<()>>>,
    /// What alarms want to be read at each sample.
    pub prompt: Vec<Rc<Cell<Numbers>>>,
    /// For each publisher, what may be asked of its delivery.
    pub served: Vec<Served>,
    /// Who wants to know the settings as soon as the dimensions of all metrics are found.
    pub found: Vec<Told>,
    /// All of it, until it is told to stop.
    pub running: Option<LocalBoxFuture<'a, ()>>,
}

/// Is told the settings.
type Told = Box<dyn Fn(&Settings)>;

/// The ends of a run, one after the other.
#[derive(Clone)]
pub struct Ending {
    /// Measuring ends.
    pub stop: CancellationToken,
    /// Nothing more is found, so nothing more is to be told or kept.
    pub told: CancellationToken,
}

/// Opens what the settings ask for, and connects it with the collector.
pub fn open<'a>(
    settings: &'a Settings,
    changing: Changing,
    collector: &mut Collector,
    only_window: Option<OnlyWindow>,
    ending: &Ending,
) -> Host<'a> {
    let (mut store, mut keeping, mut writes) = (None, None, None);
    if let Some(history) = &settings.history {
        let Opening { store: opened, keeper, writes: way } = keep::open(history, collector);
        (store, keeping, writes) = (Some(opened), Some(keeper.run()), Some(way));
    }
    let keeping = OptionFuture::from(keeping);
    let Changing { cli, broken, hangups } = changing;
    // Without files and requests the checks are what they are, which are none.
    let is_changed =
        settings.api.is_some() || settings.collectd_socket.is_some() || cli.has_files();
    if !is_changed {
        let running = settings.history.is_some().then(|| keeping.map(drop).boxed_local());
        return Host { running, ..Host::default() };
    }
    let (sender, requests) = Requests::open();
    let events = event::open(collector);
    let watchers = lookout::open(settings, &events, collector);
    let prompt = watchers.prompt();
    let (notifications, notifier) = notify::open(settings, &events);
    let (ways, Ends { deliveries, windows }) = Ways::open(settings, collector.shift(), writes);
    let control = Control::of(&cli, settings, sender, watchers, ways, notifications);
    control.begin_despite(broken);
    let control = Rc::new(control);
    let mut found: Vec<Told> = Vec::new();
    let mut answering = None;
    if let Some((api, sink)) = Api::of(settings, store, &control) {
        collector.add_sink(sink);
        found.push(Box::new(api.found()));
        // A task of its own, so that no number of requests holds up what is measured and sent.
        answering = Some(spawn_local(api.run(ending.stop.clone())));
    }
    let of_control = control.clone();
    found.push(Box::new(move |settings| of_control.found(settings)));
    let (sender, reports) = mpsc::channel(REPORTS_DEPTH);
    let (published, Ending { stop, told }) = (collector.published(), ending.clone());
    let ways = (sender, requests);
    let checking = check(settings, control.clone(), ways, only_window, published, stop.clone());
    let running = async move {
        tokio::join!(
            keeping,
            checking,
            OptionFuture::from(answering),
            notifier.run(told.clone()),
            control.run(hangups, &stop, &told),
        );
    };
    Host {
        reports: Some(reports),
        closings: Some(windows),
        prompt,
        served: deliveries,
        found,
        running: Some(running.boxed_local()),
    }
}

/// Runs the checks until `stop` is cancelled. Those of an only window run for the first time as it begins, and
/// those of a preview at once. Their reports go to `reports`.
async fn check(
    settings: &Settings,
    control: Rc<Control>,
    (reports, requests): (mpsc::Sender<Rc<Report>>, mpsc::Receiver<Request>),
    only_window: Option<OnlyWindow>,
    published: Rc<Cell<usize>>,
    stop: CancellationToken,
) {
    let Checks { all, max_metrics, plugins, .. } = &settings.checks;
    let most = max_metrics / settings.identity.number_of_sets();
    let roots = Roots { plugins: plugins.clone(), ..Roots::default() };
    let mut registry = Registry::new(reports, most, roots).counting(published);
    // Nobody waits for a random part of the period to see a preview.
    if only_window.is_some() || settings.publishing.is_preview() {
        registry = registry.starting_at_once();
    }
    if let Some(window) = only_window
        && stop.run_until_cancelled(sleep_until(window.begin)).await.is_none()
    {
        return;
    }
    registry = registry.without(control.blacklist.clone());
    // Its folder may be on a disk that does not answer.
    let Some(overlay) = stop.run_until_cancelled(control.begin(all.clone())).await else { return };
    registry.begin(overlay);
    drop(control);
    registry.run(requests, stop).await;
}

/// How many reports may wait while a sample is taken, which takes less than a millisecond. If this is ever
/// reached, the newest is dropped and counted.
const REPORTS_DEPTH: usize = 1024;
