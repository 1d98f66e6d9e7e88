//! Draws on a terminal, and keeps the log and the printed lines apart from the drawing.

pub mod live;
pub mod screen;
