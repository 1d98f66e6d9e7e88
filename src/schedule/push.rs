//! Values that are handed to a check.

use std::rc::Rc;

use super::registry::Registry;
use super::request::Refused;
use crate::blacklist::Name;
use crate::collector::{LARGEST, TOO_LARGE, TOO_MANY_METRICS};
use crate::model::{Discovered, Mailbox, Metric, Pushed, TARGET};

impl Registry {
    /// Hands values to a check: of each the metric that it is of, or why it is not taken.
    pub(super) fn push(
        &mut self,
        id: String,
        values: &[Pushed],
    ) -> Result<Vec<Result<Rc<Metric>, String>>, Refused> {
        let Some(entry) = self.entries.get(&id) else { return Err(Refused::NotFound(id)) };
        let configured = &entry.configured;
        let Some(mailbox) = entry.mailbox.as_deref() else {
            return Err(Refused::TakesNothing(id, configured.kind.name));
        };
        if configured.is_disabled {
            // It does not run, so nobody would ever see them.
            return Err(Refused::Disabled(id));
        }
        let put = |value: &Pushed| {
            if let Some(mistake) = value.mistake() {
                return Err(mistake);
            }
            let name = value.name.clone().into();
            let metric = configured.metric(name, &value.dimensions, Discovered::NUMBER);
            if let Some(why) = metric.refused {
                return Err(why.to_owned());
            }
            let target = value.dimensions.iter().find(|(name, _)| name == TARGET);
            let target = target.map(|(_, target)| &**target);
            let name = Name { check: &configured.id, metric: &value.name, target };
            if let Some(entry) = self.blacklist.borrow().reason(name) {
                return Err(format!(
                    "entry {entry} of the blacklist keeps it from being collected"
                ));
            }
            let is_published = metric.published.is_some();
            if is_published && value.value.abs() > LARGEST {
                return Err(TOO_LARGE.to_owned());
            }
            let new = match is_published && self.is_full() {
                true => Err(TOO_MANY_METRICS),
                false => Ok(is_published),
            };
            let Discovered { unit, unit_word, kind, form } = mailbox.put(value, new)?;
            Ok(Rc::new(Metric { unit, unit_word, kind, form, ..metric }))
        };
        Ok(values.iter().map(put).collect())
    }

    /// Whether there is no room for a further metric that is published.
    fn is_full(&self) -> bool {
        let mailboxes = self.entries.values().filter_map(|entry| entry.mailbox.as_deref());
        let waiting = mailboxes.map(Mailbox::unreported).sum::<usize>();
        self.published.get() + waiting >= self.most_metrics
    }
}
