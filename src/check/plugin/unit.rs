//! The units that plugins give.

use std::rc::Rc;

use crate::model::Unit;

/// The unit of a word that a plugin gave, and the word itself where there is no such unit here.
pub fn named(word: &str) -> (Unit, Option<Rc<str>>) {
    let unit = match word {
        "%" | "percent" => Unit::Percent,
        "count" => Unit::Count,
        "B" | "bytes" => Unit::Bytes,
        "KB" | "kilobytes" => Unit::Kilobytes,
        "MB" | "megabytes" => Unit::Megabytes,
        "s" | "seconds" => Unit::Seconds,
        "ms" | "milliseconds" => Unit::Milliseconds,
        _ => return (Unit::None, (!word.is_empty()).then(|| word.into())),
    };
    (unit, None)
}
