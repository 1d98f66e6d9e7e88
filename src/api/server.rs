//! Takes connections and answers their requests.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{HOST, HeaderValue, IF_MATCH};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use log::{error, info};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{AbortHandle, JoinSet, spawn_local, yield_now};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::asked::{Asked, Rights};
use super::count;
use super::failure::Failure;
use super::limits::{
    BODY, BODY_TIME, CLOSE_TIME, CONNECTIONS, HEAD, HEAD_TIME, REFUSALS, REQUESTS,
};
use super::mark::{X_AGENT, mark};
use super::origin::{self, Place};
use super::query::Query;
use super::reply::{Reply, accepts_gzip, response};
use super::route::{Found, allowed, find};
use super::socket::Listener;
use super::state::{Counts, State};
use super::stream::Sent;
use super::table::TABLE;
use super::tls::Tls;
use super::tokens::Scope;
use super::wire::{Stage, Wire, answer_to_close};
use crate::exchange::Connection;
use crate::schedule::Unanswered;

/// What a connection needs to answer.
pub struct Server {
    pub state: Rc<State>,
    pub access: Access,
    /// Names of this machine in `Host`.
    pub names: Vec<String>,
    pub tls: Option<Tls>,
}

impl Server {
    /// How URLs of this API begin.
    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// Takes connections until `stop` is cancelled. Those that are open then end at once.
pub async fn run(server: Server, listener: Listener, stop: CancellationToken) {
    let server = Rc::new(server);
    // They end with this.
    let (mut answering, mut refusing) = (JoinSet::new(), JoinSet::new());
    let mut open = Open::default();
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(_) = answering.join_next() => continue,
            Some(_) = refusing.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(socket) if answering.len() < CONNECTIONS || open.end_idle() => {
                let stage = Rc::new(Stage::default());
                let answer = connection(server.clone(), socket, stage.clone());
                open.add(answering.spawn_local(answer), stage);
            }
            Ok(socket) => {
                count::one_more(&server.state.counts.refused);
                // A client that speaks TLS would not understand it.
                if refusing.len() < REFUSALS && server.tls.is_none() {
                    refusing.spawn_local(refuse(socket, mark(&server.state)));
                }
            }
            Err(error) => {
                if !is_failing {
                    error!("the API takes no connection: {error}; it is tried again");
                }
                // Most likely there is no descriptor to spare, which the other connections may give back.
                let paused = stop.run_until_cancelled(sleep(PAUSE)).await;
                if paused.is_none() {
                    return;
                }
                is_failing = true;
                continue;
            }
        }
        if std::mem::take(&mut is_failing) {
            info!("the API takes connections again");
        }
    }
}

/// Answers that too many connections are open, if the client reads it.
async fn refuse(mut socket: Box<dyn Connection>, mark: HeaderValue) {
    // Many clients do not take an answer that comes before they have asked.
    let mut asked = [0; 1024];
    let _ = timeout(ASK_TIME, socket.read(&mut asked)).await;
    let answer = answer_to_close(&Failure::unavailable(TOO_MANY_CONNECTIONS), Some(&mark));
    let mut wire = Wire::new(socket, Rc::default());
    let told = async {
        wire.write_all(&answer).await?;
        wire.shutdown().await
    };
    let _: Option<io::Result<()>> = timeout(CLOSE_TIME, told).await.ok();
}

/// The connections that are open, the oldest first.
#[derive(Default)]
struct Open(VecDeque<(AbortHandle, Rc<Stage>)>);

impl Open {
    fn add(&mut self, handle: AbortHandle, stage: Rc<Stage>) {
        self.0.retain(|(handle, _)| !handle.is_finished());
        self.0.push_back((handle, stage));
    }

    /// Ends the oldest one that asks nothing, if there is one: clients that only hold connections open keep no probe out.
    fn end_idle(&mut self) -> bool {
        self.0.retain(|(handle, _)| !handle.is_finished());
        let place = self.0.iter().position(|(_, stage)| stage.is_idle());
        let idle = place.and_then(|place| self.0.remove(place));
        idle.inspect(|(handle, _)| handle.abort()).is_some()
    }
}

async fn connection(server: Rc<Server>, socket: Box<dyn Connection>, stage: Rc<Stage>) {
    let state = server.state.clone();
    let _open = count::Held::of(&state.counts.connections);
    let secured = match &server.tls {
        Some(tls) => Box::pin(tls.accept(socket)).await,
        None => Some(socket),
    };
    let Some(socket) = secured else { return };
    let wire = Wire::new(socket, stage.clone());
    let service = service_fn(move |request| {
        let (server, stage) = (server.clone(), stage.clone());
        stage.asked();
        async move {
            let (answer, closes) = answer(&server, request).await;
            // A client may send a hundred requests at once, which hyper would answer without a pause. Samples and the requests of
            // others come between.
            yield_now().await;
            stage.answered(closes);
            Ok::<_, Infallible>(answer)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD);
    // What goes wrong with a connection is for its client alone.
    let _ = builder.serve_connection(TokioIo::new(wire), service).await;
}

/// The answer, and whether it closes the connection.
async fn answer(server: &Rc<Server>, request: Request<Incoming>) -> (Response<Sent>, bool) {
    let (parts, body) = request.into_parts();
    let gzip = accepts_gzip(&parts.headers);
    let (mut has_read, has_body) = (false, !body.is_end_stream());
    let answer = respond(server, &parts, body, &mut has_read).await;
    // What is left of a body is not waited for.
    let closes = has_body && !has_read;
    let mut response = response(answer, gzip, closes);
    // Errors have it, too: a probe has to see that an agent gave them.
    response.headers_mut().insert(X_AGENT, mark(&server.state));
    let class = usize::from(response.status().as_u16() / 100).saturating_sub(2);
    if let Some(answers) = server.state.counts.answers.get(class) {
        count::one_more(answers);
    }
    (response, closes)
}

/// The answer to a request.
async fn respond(
    server: &Rc<Server>,
    parts: &Parts,
    body: Incoming,
    has_read: &mut bool,
) -> Result<Reply, Failure> {
    let found = find(TABLE, parts.uri.path());
    let needs_token = found.as_ref().is_none_or(|of| of.routes[0].scope.is_some());
    // Before anything else is looked at. Whether the agent lives can be asked without Keystone.
    let rights = match needs_token {
        true => server.access.rights(&parts.headers).await?,
        false => Rights { scope: Scope::Read, is_known: false },
    };
    let place = Place { scheme: server.scheme(), is_unix: server.access.is_unix };
    origin::check(&parts.headers, &parts.uri, parts.version, place, &server.names)?;
    let body = whole(body).await?;
    *has_read = true;
    let missing = || Failure::not_found(format!("path {:?} not found", parts.uri.path()));
    let Found { routes, names, base } = found.ok_or_else(missing)?;
    // The head of an answer is made of the whole answer.
    let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    let route = routes.iter().find(|route| route.method == method);
    let refused = || Failure::method(parts.method.as_str(), allowed(&routes));
    let route = route.ok_or_else(refused)?;
    if route.scope.is_some_and(|needed| rights.scope < needed) {
        let has_tokens = server.access.has_tokens();
        return Err(Failure::forbidden(if has_tokens { READ_ONLY } else { WITHOUT_TOKENS }));
    }
    let Counts { requests, .. } = &server.state.counts;
    // Whether the agent lives can be asked at any time.
    if route.scope.is_some() && requests.get() >= REQUESTS {
        return Err(Failure::unavailable(TOO_MANY_REQUESTS));
    }
    let query = Query::of(parts.uri.query().unwrap_or_default());
    let (state, url) = (server.state.clone(), url(parts, server.scheme()));
    let if_match = parts.headers.get(IF_MATCH).map(|tag| String::from_utf8_lossy(tag.as_bytes()));
    let if_match = if_match.map(|tag| tag.into_owned());
    let last_event = parts.headers.get(LAST_EVENT_ID);
    let last_event = last_event.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let asked = Asked { state, names, query, url, base, body, if_match, last_event, rights };
    let (answer, counting) = ((route.answer)(asked), server.clone());
    let counted = async move {
        let _under_way = count::Held::of(&counting.state.counts.requests);
        answer.await
    };
    if *method == Method::GET {
        return counted.await;
    }
    // Who asks for a change may go away. It is not left half done then: it is kept and told to all.
    spawn_local(counted).await.unwrap_or_else(|_| Err(Unanswered::Stopping.into()))
}

/// Reads a body.
async fn whole(mut body: Incoming) -> Result<Vec<u8>, Failure> {
    let too_large =
        || Failure::too_large(format!("the body of a request has at most {BODY} bytes"));
    if body.size_hint().lower() > BODY as u64 {
        return Err(too_large());
    }
    let read = async {
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failure::bad("the body of the request is cut off"))?;
            whole.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
            if whole.len() > BODY {
                return Err(too_large());
            }
        }
        Ok(whole)
    };
    let late = || format!("the body of the request has not come within {} s", BODY_TIME.as_secs());
    timeout(BODY_TIME, read).await.unwrap_or_else(|_| Err(Failure::bad(late())))
}

/// The URL of the path, as the client has it.
fn url(parts: &Parts, scheme: &str) -> String {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.filter(|host| !host.is_empty());
    let host = host.map(|host| format!("{scheme}://{host}")).unwrap_or_default();
    format!("{host}{}", parts.uri.path())
}

/// The last event that a client has had before its connection broke off.
const LAST_EVENT_ID: &str = "last-event-id";

const READ_ONLY: &str =
    "this needs a token with scope write, and the one that was sent may only read";
const WITHOUT_TOKENS: &str = "this agent has no tokens, and without one a client at a port may only read: start it with \
    --api-token-file, or ask it at a unix socket";
pub const TOO_MANY_CONNECTIONS: &str = "too many connections are open";
const TOO_MANY_REQUESTS: &str = "too many requests are being answered";

/// A client that has sent nothing within this time gets the answer without a request.
const ASK_TIME: Duration = Duration::from_millis(250);

/// Before it is tried again to take a connection, where that has failed.
const PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;
