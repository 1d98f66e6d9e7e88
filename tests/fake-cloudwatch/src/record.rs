//! What a test gets to see: requests, and the data taken out of them.

use std::time::SystemTime;

/// One metric datum, with what the service fills in: count 1 for each value without a count, the
/// time of arrival if there is no timestamp.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub namespace: String,
    pub name: String,
    /// Name and value, in the order sent.
    pub dimensions: Vec<(String, String)>,
    /// To the millisecond, which is all that the protocol carries.
    pub timestamp: SystemTime,
    pub values: Vec<f64>,
    /// As many as `values`.
    pub counts: Vec<f64>,
    /// In place of values.
    pub set: Option<StatisticSet>,
    pub unit: Option<String>,
    /// Seconds: 1 or 60. None if it was not sent (the service then assumes 60).
    pub storage_resolution: Option<i64>,
}

/// `StatisticValues` of a datum.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StatisticSet {
    pub sample_count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
}

/// One `PutMetricData` request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// When its last byte was read.
    pub received: SystemTime,
    /// HTTP status, set just before it is sent. None when no whole answer was sent (yet).
    pub status: Option<u16>,
    /// Whether its data went into [`Seen::data`].
    pub taken: bool,
    /// Length of the body as it came; 0 if the connection was reset before it was read.
    pub wire_bytes: usize,
    /// Length of the body after gzip; the same as `wire_bytes` without gzip, 0 if undecodable.
    pub decoded_bytes: usize,
    pub gzip: bool,
    /// Access key id out of the Authorization header. None if there is no such header.
    pub access_key_id: Option<String>,
    /// The region that it was signed for.
    pub region: Option<String>,
    /// Port of the client's end: the same for requests of one connection.
    pub peer_port: u16,
    /// Empty if it was not sent or could not be read.
    pub namespace: String,
    /// As sent, valid or not. Empty if it could not be read.
    pub data: Vec<Datum>,
}

/// All that the server has seen so far.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// Every request, in order of arrival.
    pub requests: Vec<Request>,
    /// What was taken, in the order it was taken in.
    pub data: Vec<Datum>,
}
