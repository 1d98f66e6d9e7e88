//! All of the one entity at once, as existing clients read it.

use serde_json::{Value, json};

use super::{alarm, check, entity, milliseconds};
use crate::api::asked::Asked;
use crate::api::failure::Failure;
use crate::api::paging::page;
use crate::api::reply::Reply;
use crate::lookout::Watched;
use crate::sorted::sort_by;

pub async fn overview(asked: Asked) -> Result<Reply, Failure> {
    let state = &asked.state;
    let mut checks = check::all(state).await?;
    sort_by(&mut checks, |(one, _), (other, _)| one.cmp(other));
    let checks: Vec<_> = checks.iter().map(|(id, check)| check.object(state, id)).collect();
    let alarms = alarm::objects(&asked).await?;
    let states: Vec<_> = {
        let all = state.control.alarms.borrow();
        all.all().values().filter_map(|of| latest(state.entity(), of)).collect()
    };
    let whole = json!({
        "entity": entity::object(state),
        "checks": checks,
        "alarms": alarms,
        "latest_alarm_states": states,
    });
    let all = vec![(state.entity().to_owned(), whole)];
    Ok(Reply::json(&page(&asked, all, |_, whole| whole.clone())?))
}

fn latest(entity: &str, of: &Watched) -> Option<Value> {
    let state = of.standing.state?;
    Some(json!({
        "entity_id": entity,
        "check_id": of.alarm.check,
        "alarm_id": of.alarm.id,
        "timestamp": of.since.map(milliseconds),
        "state": state.name(),
        "status": of.status,
    }))
}
