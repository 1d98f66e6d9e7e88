//! The rows of three endpoints, one of which is the primary. By PutMetricData, and by OTLP.

use crate::endpoints;
use crate::faults::Effect::{Elsewhere, ElsewhereToo, Outage};
use crate::faults::{Fault, UnderWay};
use crate::lists::REFUSED;

pub const OF_ENDPOINTS: &[Fault] = &[
    REFUSES,
    DIE,
    HANGS,
    UNAVAILABLE,
    FLAPS,
    LOSES_REPLIES,
    ALL_FAIL,
    REFUSES.by_otlp("OTLP, three endpoints: the first refuses"),
    DIE.by_otlp("OTLP, three endpoints: two die one after another"),
    HANGS.by_otlp("OTLP, three endpoints: the first hangs"),
    UNAVAILABLE.by_otlp("OTLP, three endpoints: the first answers 503"),
    FLAPS.by_otlp("OTLP, three endpoints: the first flaps"),
    LOSES_REPLIES.by_otlp("OTLP, three endpoints: the first loses the reply"),
    ALL_FAIL.by_otlp("OTLP, three endpoints: all fail"),
];

const REFUSES: Fault = Fault::new(
    "three endpoints: the first refuses",
    Elsewhere,
    endpoints::refuses,
    "The one that answers takes its place at once, and gets the same window. The other hangs: a probe of it has 3 s, \
     and is what is under way during a request.",
)
.several()
.request(UnderWay::Hangs)
.says(REFUSED);

const DIE: Fault = Fault::new(
    "three endpoints: two die one after another",
    Elsewhere,
    endpoints::die_one_after_another,
    "Each has what it took until then, and the third the rest.",
)
.several()
.request(UnderWay::Never)
.says(REFUSED);

const HANGS: Fault = Fault::new(
    "three endpoints: the first hangs",
    Elsewhere,
    endpoints::hangs,
    "After two sends another takes its place. At a stop it has its share of the time; then each of the others is \
     tried, one of which hangs as well.",
)
.several()
.request(UnderWay::Hangs)
.says("it failed");

const UNAVAILABLE: Fault = Fault::new(
    "three endpoints: the first answers 503",
    Elsewhere,
    endpoints::unavailable,
    "After two sends the one that answers takes its place. The other is dead.",
)
.several()
.says("it failed");

const FLAPS: Fault = Fault::new(
    "three endpoints: the first flaps",
    Elsewhere,
    endpoints::flaps,
    "It stays the primary as long as no two sends in a row fail. In place of the end of the outage: eight windows later.",
)
.several()
.request(UnderWay::AtOnce)
.says("it failed");

const LOSES_REPLIES: Fault = Fault::new(
    "three endpoints: the first loses the reply",
    ElsewhereToo,
    endpoints::loses_replies,
    "The one case in which a window is in two endpoints.",
)
.several()
.says("it failed");

const ALL_FAIL: Fault = Fault::new(
    "three endpoints: all fail",
    Outage,
    endpoints::all_fail,
    "503, refused and no answer: kept in the backlog, delivered when the first works again. At a stop each is tried.",
)
.several();
