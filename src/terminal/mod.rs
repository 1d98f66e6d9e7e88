//! Draws on a terminal, and keeps the log and the printed lines apart from the drawing.

pub mod chart;
pub mod live;
pub mod region;
pub mod screen;

use std::sync::atomic::{AtomicI32, Ordering};

/// Says which process group the command has, for which the terminal is as good as for this one.
pub fn set_command_group(group: i32) {
    COMMAND_GROUP.store(group, Ordering::Relaxed);
}

fn command_group() -> i32 {
    COMMAND_GROUP.load(Ordering::Relaxed)
}

/// 0 without one.
static COMMAND_GROUP: AtomicI32 = AtomicI32::new(0);
