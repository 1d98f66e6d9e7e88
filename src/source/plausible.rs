//! Finds figures that cannot be of the same machine: a part is never larger than its whole. Virtual
//! files, as lxcfs gives them, mix lines of a container with lines of its host. A formula over both
//! is wrong by any amount.

use crate::model::Bytes;

/// A part of `whole`, or `None` where it is larger by more than `slack`. Within that it counts as
/// the whole: the kernel adds its counters up in batches, and they are read one after the other.
pub fn part_of(part: u64, whole: u64, slack: u64) -> Option<u64> {
    (part <= whole.saturating_add(slack)).then_some(part.min(whole))
}

/// The usage of a group less its `droppable` bytes. `None` where the droppable bytes exceed the usage
/// by more than late counters explain.
pub fn left_of(usage: u64, droppable: u64) -> Option<Bytes> {
    let droppable = part_of(droppable, usage, SLACK.saturating_add(usage / 16))?;
    Some(Bytes(usage - droppable))
}

/// A group's page cache without shared memory, which the kernel counts in it. Shared memory that is
/// larger than the cache is another group's, and not subtracted.
pub fn cache_without_shared(cache: u64, shared: u64) -> u64 {
    cache - part_of(shared, cache, SLACK).unwrap_or(0)
}

/// Each CPU keeps up to 64 pages of a group's counters to itself (MEMCG_CHARGE_BATCH of the kernel),
/// which is 16 MiB on 64 CPUs.
const SLACK: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_no_larger_than_its_whole() {
        assert_eq!(part_of(3, 5, 0), Some(3));
        assert_eq!(part_of(5, 5, 0), Some(5));
        assert_eq!(part_of(7, 5, 2), Some(5), "late counters");
        assert_eq!(part_of(8, 5, 2), None);
        assert_eq!(part_of(u64::MAX, 5, u64::MAX), Some(5));
    }

    #[test]
    fn no_more_can_be_given_back_than_is_in_use() {
        assert_eq!(left_of(100 << 20, 30 << 20), Some(Bytes(70 << 20)));
        assert_eq!(left_of(4096, 8 << 20), Some(Bytes(0)), "late counters");
        assert_eq!(left_of(4096, 17 << 20), None);
        assert_eq!(left_of(0, u64::MAX), None);
    }

    #[test]
    fn shared_memory_beyond_the_cache_is_left_out() {
        assert_eq!(cache_without_shared(50 << 20, 20 << 20), 30 << 20);
        assert_eq!(cache_without_shared(50 << 20, 60 << 20), 0, "late counters");
        assert_eq!(cache_without_shared(50 << 20, 900 << 20), 50 << 20);
    }
}
