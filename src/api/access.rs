//! Who asks, and what they may do.

use std::cell::RefCell;
use std::rc::Rc;

use hyper::HeaderMap;
use hyper::header::WWW_AUTHENTICATE;

use super::asked::Rights;
use super::failure::Failure;
use super::keystone::Keystone;
use super::tokens::{Scope, Sent, Tokens};

/// Who may do what.
pub struct Access {
    /// May become others while the agent runs.
    pub tokens: Rc<RefCell<Tokens>>,
    /// Knows further tokens.
    pub keystone: Option<Keystone>,
    pub is_unix: bool,
    /// Whether each connection is of a client with a certificate.
    pub has_client_ca: bool,
}

impl Access {
    /// Whether there is somebody who may do more than read.
    pub fn has_tokens(&self) -> bool {
        !self.tokens.borrow().is_empty() || self.keystone.is_some()
    }

    /// What a request may do.
    pub async fn rights(&self, headers: &HeaderMap) -> Result<Rights, Failure> {
        if self.is_unix {
            // Who can open the socket may do all.
            return Ok(Rights { scope: Scope::Write, is_known: true });
        }
        if !self.has_tokens() {
            return Ok(Rights { scope: Scope::Read, is_known: self.has_client_ca });
        }
        let sent = Sent::of(headers);
        if sent.bearer.is_none() && sent.own.is_none() {
            return Err(self.unauthorized(NO_TOKEN));
        }
        let unknown = || self.unauthorized(UNKNOWN_TOKEN);
        let mut scope = Scope::Write;
        // Of two tokens both have to be known, and what both allow is allowed.
        if let Some(token) = sent.bearer {
            scope = scope.min(self.scope_of(token).ok_or_else(unknown)?);
        }
        if let Some(token) = sent.own {
            let found = match (self.scope_of(token), &self.keystone) {
                (None, Some(keystone)) => keystone
                    .scope_of(token)
                    .await?
                    .ok_or_else(|| self.unauthorized(UNKNOWN_TO_KEYSTONE))?,
                (found, _) => found.ok_or_else(unknown)?,
            };
            scope = scope.min(found);
        }
        Ok(Rights { scope, is_known: true })
    }

    fn scope_of(&self, token: &[u8]) -> Option<Scope> {
        self.tokens.borrow().scope_of(token)
    }

    fn unauthorized(&self, message: &str) -> Failure {
        let mut failure = Failure::unauthorized(message);
        if let (Some(keystone), Some((WWW_AUTHENTICATE, own))) = (&self.keystone, &failure.header) {
            let challenge = format!("Keystone uri=\"{}\"", keystone.url());
            let both = [challenge, own.clone()].join(", ");
            failure.header = Some((WWW_AUTHENTICATE, both));
        }
        failure
    }
}

const NO_TOKEN: &str = "a token is needed: send Authorization: Bearer TOKEN, or X-Auth-Token";
const UNKNOWN_TOKEN: &str = "the token is not known to this agent";
const UNKNOWN_TO_KEYSTONE: &str =
    "the token is known neither to this agent nor to Keystone, or it is of another project";

#[cfg(test)]
mod tests {
    use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

    use super::*;
    use crate::config;
    use crate::config::Project;
    use crate::model::Secret;

    fn access() -> Access {
        let mut tokens = Tokens::default();
        tokens.add(&Secret("abcd-1234".to_owned()), Scope::Read);
        tokens.add(&Secret("efgh-5678".to_owned()), Scope::Write);
        Access {
            tokens: Rc::new(RefCell::new(tokens)),
            keystone: None,
            is_unix: false,
            has_client_ca: false,
        }
    }

    /// What is allowed, or the status of the refusal.
    async fn scope(access: &Access, sent: &[(&'static str, &str)]) -> Result<Scope, u16> {
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        };
        let rights = access.rights(&sent.iter().map(header).collect()).await;
        rights.map(|rights| rights.scope).map_err(|failure| failure.status.as_u16())
    }

    #[tokio::test]
    async fn a_token_is_known_by_either_header() {
        for (name, value, expected) in [
            ("authorization", "Bearer abcd-1234", Ok(Scope::Read)),
            ("authorization", "bearer efgh-5678", Ok(Scope::Write)),
            ("x-auth-token", "abcd-1234", Ok(Scope::Read)),
            ("x-auth-token", "efgh-5678", Ok(Scope::Write)),
            ("x-auth-token", "abcd-12345", Err(401)),
            ("x-auth-token", "abcd-123", Err(401)),
            ("x-auth-token", "", Err(401)),
            ("authorization", "abcd-1234", Err(401)),
            ("authorization", "Basic abcd-1234", Err(401)),
            ("authorization", "Bea", Err(401)),
            ("cookie", "abcd-1234", Err(401)),
        ] {
            assert_eq!(scope(&access(), &[(name, value)]).await, expected, "{name}: {value}");
        }
        assert_eq!(scope(&access(), &[]).await, Err(401));
    }

    #[tokio::test]
    async fn of_two_tokens_both_are_known_and_the_lesser_one_counts() {
        for (bearer, own, expected) in [
            ("Bearer efgh-5678", "abcd-1234", Ok(Scope::Read)),
            ("Bearer efgh-5678", "efgh-5678", Ok(Scope::Write)),
            ("Bearer efgh-5678", "abcd-1235", Err(401)),
            ("Bearer efgh-567", "abcd-1234", Err(401)),
            ("Basic efgh-5678", "abcd-1234", Err(401)),
        ] {
            let sent = [("authorization", bearer), ("x-auth-token", own)];
            assert_eq!(scope(&access(), &sent).await, expected, "{bearer} {own}");
        }
    }

    #[tokio::test]
    async fn keystone_is_asked_for_nothing_but_what_is_meant_for_it() {
        let url = "http://127.0.0.1:1".to_owned();
        let project = Project::Name("ops".to_owned());
        let settings = config::Keystone { url, project, write_role: "admin".to_owned() };
        let keystone = Some(Keystone::new(settings).expect("a URL"));
        let access = Access { keystone, ..access() };
        // It does not answer, which is 503 where it is asked.
        for (sent, expected) in [
            (&[("x-auth-token", "gAAAAAB")][..], Err(503)),
            (&[("x-auth-token", "efgh-5678")], Ok(Scope::Write)),
            (&[("authorization", "Bearer abcd-1234")], Ok(Scope::Read)),
            (&[("authorization", "Bearer gAAAAAB")], Err(401)),
            (&[("authorization", "Bearer gAAAAAB"), ("x-auth-token", "gAAAAAB")], Err(401)),
            (&[("authorization", "Bearer efgh-5678"), ("x-auth-token", "gAAAAAB")], Err(503)),
        ] {
            assert_eq!(scope(&access, sent).await, expected, "{sent:?}");
        }
        let refused = access.rights(&HeaderMap::new()).await.expect_err("no token");
        let challenge =
            "Keystone uri=\"http://127.0.0.1:1\", Bearer realm=\"cloudwatch_metrics_agent\"";
        assert_eq!(refused.header, Some((WWW_AUTHENTICATE, challenge.to_owned())));
    }

    #[tokio::test]
    async fn without_tokens_all_may_read_and_a_certificate_tells_who_that_is() {
        for has_client_ca in [false, true] {
            let tokens = Rc::default();
            let access = Access { tokens, keystone: None, is_unix: false, has_client_ca };
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("x"))]);
            let rights = access.rights(&headers).await;
            assert_eq!(rights, Ok(Rights { scope: Scope::Read, is_known: has_client_ca }));
        }
    }
}
