//! The clock of the endpoint, as the header `Date` of its answers has it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_cloudwatch::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;
use aws_sdk_cloudwatch::primitives::{DateTime, DateTimeFormat};

use super::answer::of_cloudwatch;
use crate::clock::{Exchange, now_ms};

/// Notes when each request was sent and when its answer came.
#[derive(Clone, Debug, Default)]
pub struct Dates(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// When the newest request was sent. A publisher sends one at a time.
    sent: i64,
    newest: Option<Exchange>,
}

impl Dates {
    /// Of the newest answer with a date.
    pub fn newest(&self) -> Option<Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).newest
    }
}

/// A date of HTTP, such as `Sun, 06 Nov 1994 08:49:37 GMT`, in milliseconds since 1970.
pub fn of_http(text: &str) -> Option<i64> {
    let date = DateTime::from_str(text, DateTimeFormat::HttpDate).ok()?;
    Some(date.secs().saturating_mul(1000))
}

/// What an answer with this header `Date` tells of the clock of the endpoint.
pub fn exchange(date: &str, sent: i64, back: i64) -> Option<Exchange> {
    let at = of_http(date)?.saturating_add(HALF_A_SECOND_MS);
    Some(Exchange { sent, received: at, answered: at, back })
}

/// The second of a date is somewhere between its beginning and its end.
pub const HALF_A_SECOND_MS: i64 = 500;

impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "Dates"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sent = now_ms();
        Ok(())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        // A proxy has a clock of its own.
        let date = headers.get("date").filter(|_| of_cloudwatch(headers).is_ok());
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(newest) = date.and_then(|date| exchange(date, noted.sent, now_ms())) {
            noted.newest = Some(newest);
        }
        Ok(())
    }
}
