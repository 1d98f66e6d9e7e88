//! The resources of events, and of who is told of them.

use hyper::Method;

use super::{LIMIT, MARKER, list, one, optional, write};
use crate::api::openapi::STREAM;
use crate::api::resource::{event, notification, notification_type, overview, told};
use crate::api::route::{Parameter, Route};
use crate::notification::{Notification, Plan, Suppression};

pub const TOLD: &[Route] = &[
    list(
        "/notifications",
        "The notifications",
        "NotificationList",
        later!(notification::list::<Notification>),
    ),
    one(
        "/notifications/{notification}",
        "A notification",
        "Notification",
        later!(notification::one::<Notification>),
    ),
    write(
        &Method::POST,
        "/notifications",
        "Adds a notification",
        201,
        "Notification",
        later!(notification::create::<Notification>),
    ),
    write(
        &Method::PUT,
        "/notifications/{notification}",
        "Changes what the body has of a notification",
        204,
        "",
        later!(notification::update::<Notification>),
    ),
    write(
        &Method::DELETE,
        "/notifications/{notification}",
        "Removes a notification",
        204,
        "",
        later!(notification::remove::<Notification>),
    ),
    write(
        &Method::POST,
        "/notifications/{notification}/test",
        "Sends a test to a notification",
        200,
        "Tried",
        later!(notification_type::test),
    ),
    write(
        &Method::POST,
        "/test-notification",
        "Sends a test to what the body describes, and keeps nothing of it",
        200,
        "Tried",
        later!(notification_type::test_new),
    ),
    list(
        "/notification_types",
        "The types of notifications",
        "NotificationTypeList",
        now!(notification_type::list),
    ),
    one(
        "/notification_types/{notification_type}",
        "A type of notifications",
        "NotificationType",
        now!(notification_type::one),
    ),
    list(
        "/notification_plans",
        "The notification plans",
        "NotificationPlanList",
        later!(notification::list::<Plan>),
    ),
    one(
        "/notification_plans/{plan}",
        "A notification plan",
        "NotificationPlan",
        later!(notification::one::<Plan>),
    ),
    write(
        &Method::POST,
        "/notification_plans",
        "Adds a notification plan",
        201,
        "NotificationPlan",
        later!(notification::create::<Plan>),
    ),
    write(
        &Method::PUT,
        "/notification_plans/{plan}",
        "Changes what the body has of a notification plan",
        204,
        "",
        later!(notification::update::<Plan>),
    ),
    write(
        &Method::DELETE,
        "/notification_plans/{plan}",
        "Removes a notification plan",
        204,
        "",
        later!(notification::remove::<Plan>),
    ),
    list(
        "/suppressions",
        "The suppressions",
        "SuppressionList",
        later!(notification::list::<Suppression>),
    ),
    one(
        "/suppressions/{suppression}",
        "A suppression",
        "Suppression",
        later!(notification::one::<Suppression>),
    ),
    write(
        &Method::POST,
        "/suppressions",
        "Adds a suppression",
        201,
        "Suppression",
        later!(notification::create::<Suppression>),
    ),
    write(
        &Method::PUT,
        "/suppressions/{suppression}",
        "Changes what the body has of a suppression",
        204,
        "",
        later!(notification::update::<Suppression>),
    ),
    write(
        &Method::DELETE,
        "/suppressions/{suppression}",
        "Removes a suppression",
        204,
        "",
        later!(notification::remove::<Suppression>),
    ),
    list(
        "/suppression_logs",
        "The changes of alarms of which nobody was notified because of suppressions",
        "SuppressedChangeList",
        now!(told::suppressed),
    ),
    one(
        "/entities/{entity}/alarms/{alarm}/notification_history",
        "The checks of an alarm of whose changes somebody was notified",
        "NotifiedChecks",
        later!(told::checks),
    ),
    Route {
        parameters: NOTIFIED,
        ..list(
            "/entities/{entity}/alarms/{alarm}/notification_history/{check}",
            "The newest changes of an alarm, with what came of their notifications, the oldest first",
            "NotifiedChangeList",
            later!(told::changes),
        )
    },
    Route {
        parameters: EVENTS,
        ..one("/events", "The newest events, the oldest first", "EventList", later!(event::list))
    },
    write(&Method::POST, "/events", "Raises an event", 201, "Event", later!(event::post)),
    Route {
        parameters: FOLLOWED,
        ..one("/events/stream", "The events as they come", STREAM, later!(event::stream))
    },
    one("/events/{event}", "An event", "Event", later!(event::one)),
    Route {
        parameters: CHANGES,
        ..one(
            "/changelogs/alarms",
            "The changes of the states of alarms, the oldest first",
            "AlarmChangeList",
            later!(event::changes),
        )
    },
    list(
        "/views/overview",
        "The entity with its checks and alarms",
        "OverviewList",
        later!(overview::overview),
    ),
];

const SEVERITY: Parameter =
    optional("severity", "Events of info, warning or critical, and of what is above");

const EVENTS: &[Parameter] = &[
    optional("from", "The first instant, in milliseconds since 1970"),
    optional("to", "The instant after the last one, in milliseconds since 1970"),
    SEVERITY,
    optional("after", "The events behind the one of this id"),
    LIMIT,
    MARKER,
];

const FOLLOWED: &[Parameter] = &[
    SEVERITY,
    optional("after", "The events behind the one of this id; 0 for all. Last-Event-ID wins"),
];

const REVERSE: Parameter = optional("reverse", "True for the newest first");

const NOTIFIED: &[Parameter] = &[REVERSE, LIMIT, MARKER];

const CHANGES: &[Parameter] =
    &[optional("entityId", "The entity of the alarms"), REVERSE, LIMIT, MARKER];
