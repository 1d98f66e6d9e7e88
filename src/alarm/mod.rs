//! Alarms: criteria over the results of one check, and the state that comes of them. All of it is pure: the
//! caller has the results, the clock, and the place where states are kept.

mod configured;
pub mod criteria;
pub mod observation;
pub mod state;

pub use self::configured::Alarm;
