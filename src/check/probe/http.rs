//! `remote.http`: what a URL answers.

mod expected;
#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use hyper::Method;
use hyper::header::AUTHORIZATION;

use self::expected::Expected;
use super::AVAILABILITY;
use super::matching::{Pattern, beginning};
use crate::check::certificate;
use crate::check::connect::Awaited;
use crate::check::http::{Answer, Asked, Url, Wanted, fetch};
use crate::check::tls::Trust;
use crate::model::{
    Check, CheckType, Declared, Details, Discovers, Findings, Form, Opening, Running, Setting, Unit,
};

pub const TYPE: CheckType = CheckType {
    name: "remote.http",
    about: "Whether a URL of HTTP or HTTPS answers, what and how fast, and when its certificate expires. The check is \
        available if the status of the answer is below 500, or with `expect_status` one of these",
    settings: &[
        Setting::required("url", Form::Text, "The address of the page", "https://www.example.com/health"),
        Setting::optional(
            "method",
            Form::Word(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
            "The method of the request; GET by default",
            "POST",
        ),
        Setting::optional("body", Form::Text, "What is sent with POST, PUT or PATCH", "'{\"ping\": 1}'"),
        Setting::optional(
            "headers",
            Form::List,
            "Headers of the request, each `Name: value`; they go to no other server where it redirects",
            "[\"Accept: text/html\"]",
        ),
        Setting::optional("auth_user", Form::Text, "The user to log in as (HTTP Basic)", "monitor"),
        Setting::optional("auth_password", Form::Secret, "The password of the user", "${PASSWORD}"),
        Setting::optional(
            "expect_status",
            Form::List,
            "The status codes with which it is available, such as 200 or 2xx, or any; by default all below 500",
            "[2xx, 301]",
        ),
        Setting::optional(
            "body_match",
            Form::Text,
            "A text or regular expression that the first megabyte of the answer has to have, or it is unavailable",
            "'status: (ok|fine)'",
        ),
        Setting::optional(
            "follow_redirects",
            Form::YesOrNo,
            "Whether redirects are followed, five at most; yes by default",
            "no",
        ),
        Setting::optional(
            "verify",
            Form::YesOrNo,
            "Whether the certificate has to be valid and trusted here; yes by default",
            "no",
        ),
    ],
    one_of: &[],
    metrics: &[
        AVAILABILITY,
        Declared::text("code", "the status code of the answer, after redirects"),
        Declared::gauge(
            "duration",
            Unit::Milliseconds,
            "from the beginning of the name lookup until the body has been read, redirects included",
        )
        .headline(),
        Declared::gauge(
            "tt_connect",
            Unit::Milliseconds,
            "until the connection stands: name lookup and TCP, without TLS; after redirects that of the last request",
        ),
        Declared::gauge(
            "tt_firstbyte",
            Unit::Milliseconds,
            "until the first byte of the answer, from the beginning of the same request",
        ),
        Declared::gauge(
            "bytes",
            Unit::Bytes,
            "the length of the body as it was sent, of which no more than a megabyte is read",
        ),
        Declared::gauge(
            "truncated",
            Unit::Count,
            "1 where the body is longer than a megabyte and the rest was not read, else 0",
        ),
        Declared::text("body_match", "what body_match of details found, of which 256 bytes are shown"),
        Declared::gauge(
            "cert_end_in",
            Unit::Seconds,
            "until the end (notAfter) of the server's own certificate; below 0 where it has expired, which only \
            verify: no shows",
        ),
    ],
    discovers: Discovers::Nothing,
    targets: None,
    open: |of: &Opening| Box::new(Http::of(of.details)),
};

struct Http {
    /// Or what is wrong with the details.
    plan: Result<Plan, String>,
    awaited: Awaited,
}

struct Plan {
    asked: Asked,
    expected: Expected,
    pattern: Option<Pattern>,
}

impl Http {
    fn of(details: &Details) -> Self {
        Self { plan: plan(details), awaited: Awaited::default() }
    }
}

fn plan(details: &Details) -> Result<Plan, String> {
    let url = Url::parse(details.text("url").unwrap_or_default())?;
    let mut asked = Asked::get(url, MOST_BODY);
    let method = details.text("method").unwrap_or("GET");
    asked.method = Method::from_bytes(method.as_bytes()).map_err(|error| error.to_string())?;
    asked.body = details.text("body").map(str::to_owned);
    if asked.body.is_some() && !["POST", "PUT", "PATCH"].contains(&method) {
        return Err(format!(
            "{method} has no body: set method: POST, or use body_match to check the answer"
        ));
    }
    for header in details.list("headers") {
        asked.add_header(header)?;
    }
    let (user, password) = (details.text("auth_user"), details.secret("auth_password"));
    if user.is_some_and(|user| user.contains(':')) {
        return Err("auth_user: expected a name without a colon, which ends it".to_owned());
    }
    if (user.is_some() || password.is_some()) && asked.headers.contains_key(AUTHORIZATION) {
        return Err("headers: expected no Authorization beside auth_user: leave out one".to_owned());
    }
    asked.log_in(user, password);
    asked.redirects = if details.is_on_unless_off("follow_redirects") { MOST_REDIRECTS } else { 0 };
    asked.trust = Trust::of(details.is_on_unless_off("verify"));
    let expected = Expected::of(details.list("expect_status"))?;
    let pattern = details.text("body_match").map(|text| Pattern::of("body_match", text));
    Ok(Plan { asked, expected, pattern: pattern.transpose()? })
}

impl Check for Http {
    fn run(&mut self) -> Running<'_> {
        Box::pin(async {
            let plan = self.plan.as_ref().map_err(String::clone)?;
            plan.run(&self.awaited).await
        })
    }

    fn mistake(&self) -> Option<String> {
        self.plan.as_ref().err().cloned()
    }

    fn awaited(&self) -> Option<&'static str> {
        self.awaited.get()
    }
}

impl Plan {
    async fn run(&self, awaited: &Awaited) -> Result<Findings, String> {
        let mut body = Vec::new();
        let is_kept = self.pattern.is_some();
        let mut take = |piece: &[u8]| {
            if is_kept {
                body.extend(piece);
            }
            Wanted::More
        };
        let answer = fetch(&self.asked, awaited, &mut take).await?;
        let mut found = findings(&answer);
        match &self.pattern {
            Some(pattern) => {
                awaited.set("the search for body_match");
                let text = String::from_utf8_lossy(&body).into_owned();
                match matched(pattern, text, &answer).await? {
                    Ok(text) => found.text("body_match", self.asked.hide(&text)),
                    Err(missing) => {
                        let missing = self.asked.hide(&missing);
                        found.absent("body_match", missing.clone());
                        found.is_unavailable = true;
                        found.status = Some(missing);
                    }
                }
            }
            None => found.absent("body_match", "body_match is not set in details"),
        }
        if !self.expected.has(answer.status.as_u16()) {
            found.is_unavailable = true;
            let (status, url) = (answer.status_in_words(), &answer.url);
            found.status = Some(format!("HTTP {status} by {url}: expected {}", self.expected));
        }
        Ok(found)
    }
}

/// What matches, or that nothing does. The outer error says why it was not looked for.
async fn matched(
    pattern: &Pattern,
    text: String,
    answer: &Answer,
) -> Result<Result<String, String>, String> {
    let (text, found) = pattern.find_in_long(text).await?;
    if let Some(found) = found {
        return Ok(Ok(beginning(&found, SHOWN_MATCH).to_owned()));
    }
    let part = if answer.is_cut { "the first megabyte of the body" } else { "the body" };
    let begins = match text.trim() {
        "" => "which is empty".to_owned(),
        text => format!("which begins with {:?}", beginning(text, SHOWN_BODY)),
    };
    Ok(Err(format!("body_match is not in {part}, {begins} (HTTP {})", answer.status_in_words())))
}

fn findings(answer: &Answer) -> Findings {
    let mut found = Findings::default();
    found.text("code", answer.status.as_str());
    found.number("duration", answer.times.all);
    found.number("tt_connect", answer.times.connect);
    found.number("tt_firstbyte", answer.times.first_byte);
    found.number("bytes", answer.length as f64);
    found.number("truncated", f64::from(u8::from(answer.is_cut)));
    match answer.certificate.as_ref().map(|of| certificate::end(of)) {
        Some(Some(end)) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            found.number("cert_end_in", end as f64 - now.as_secs_f64());
        }
        Some(None) => found.absent("cert_end_in", "the certificate has no end that can be read"),
        None => found.absent("cert_end_in", "the answer came by plain HTTP, without a certificate"),
    }
    if answer.status.as_u16() >= 400 {
        found.status = Some(format!("HTTP {}", answer.status_in_words()));
    }
    found.raw(answer.url.to_string(), answer.in_words());
    found
}

/// How much of a body is read.
const MOST_BODY: usize = 1 << 20;

/// More are a loop.
const MOST_REDIRECTS: usize = 5;

/// How much is shown, in bytes: of what matched, and of a body in which nothing does.
const SHOWN_MATCH: usize = 256;
const SHOWN_BODY: usize = 80;
