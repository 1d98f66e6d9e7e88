//! All that draws on a terminal, and what keeps the log and the printed lines out of its way.

pub mod live;
pub mod screen;
