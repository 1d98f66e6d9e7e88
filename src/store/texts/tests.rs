use std::collections::BTreeMap;

use super::*;

const NEVER: i64 = i64::MAX;

fn all(texts: &Texts, place: usize) -> Vec<(i64, &str)> {
    texts.of(place).map(|change| (change.at_ms, &*change.text)).collect()
}

/// What a file has after these notes.
fn written(notes: Vec<Note>, file: &mut BTreeMap<(u32, u16), Vec<u8>>) {
    for (number, slot, bytes) in notes {
        match bytes {
            Some(bytes) => drop(file.insert((number, slot), bytes)),
            None => drop(file.remove(&(number, slot))),
        }
    }
}

/// The texts of series 7 that a file has.
fn read(file: &BTreeMap<(u32, u16), Vec<u8>>) -> Texts {
    let slots = file.iter().map(|((_, slot), bytes)| (*slot, decode(bytes).expect("whole")));
    let mut texts = Texts::default();
    texts.found(0, slots.collect());
    texts
}

#[test]
fn a_text_is_kept_when_it_is_another_one() {
    let mut texts = Texts::default();
    let mut put = |at_ms, text| texts.put(0, at_ms, text, NEVER);
    assert_eq!(put(5, "a"), Taken::Kept);
    assert_eq!(put(6, "a"), Taken::Same);
    assert_eq!(put(7, "b"), Taken::Kept);
    assert_eq!(put(6, "c"), Taken::Late);
    assert_eq!(put(7, "c"), Taken::Late);
    assert_eq!(put(8, ""), Taken::Kept);
    assert_eq!(put(9, "a"), Taken::Kept);
    assert_eq!(all(&texts, 0), [(5, "a"), (7, "b"), (8, ""), (9, "a")]);
    assert_eq!(all(&texts, 1), []);
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    let mut texts = Texts::default();
    texts.put(0, 1, &"ä".repeat(200), NEVER);
    texts.put(0, 2, &format!("x{}", "ä".repeat(200)), NEVER);
    let lengths: Vec<_> = texts.of(0).map(|change| change.text.len()).collect();
    assert_eq!(lengths, [256, 255]);
    // What is behind the cut is no change.
    assert_eq!(texts.put(0, 3, &format!("x{}", "ä".repeat(300)), NEVER), Taken::Same);
}

#[test]
fn a_series_keeps_its_last_thousand_changes() {
    let mut texts = Texts::default();
    for at_ms in 0..1500 {
        texts.put(0, at_ms, &at_ms.to_string(), NEVER);
    }
    let kept = all(&texts, 0);
    assert_eq!((kept.len(), kept[0], kept[999]), (1000, (500, "500"), (1499, "1499")));
}

#[test]
fn all_texts_together_are_bounded_and_each_series_keeps_its_newest() {
    let mut texts = Texts::default();
    let long = "x".repeat(200);
    for at_ms in 0..3000 {
        let place = at_ms as usize % 5;
        assert_eq!(texts.put(place, at_ms, &format!("{at_ms} {long}"), NEVER), Taken::Kept);
    }
    let counted: usize = (0..5).flat_map(|place| texts.of(place)).map(cost).sum();
    assert_eq!(texts.bytes, counted);
    assert!((MOST_BYTES - 300..=MOST_BYTES).contains(&counted), "{counted}");
    let oldest: Vec<_> = (0..5).map(|place| all(&texts, place)[0].0).collect();
    let newest = (oldest.iter().max(), oldest.iter().min());
    assert!(newest.0.zip(newest.1).is_some_and(|(max, min)| max - min == 4), "{oldest:?}");
    // With one text each there is an end.
    let mut full = 0;
    for place in 5..3000 {
        full += usize::from(texts.put(place, 5000, &long, NEVER) == Taken::Full);
    }
    assert!(full > 1000, "{full}");
    assert!((0..5).all(|place| texts.of(place).count() == 1) && texts.bytes <= MOST_BYTES);
}

#[test]
fn what_is_too_old_goes_but_not_what_was_there_then() {
    let mut texts = Texts::default();
    for (at_ms, text) in [(10, "a"), (20, "b"), (30, "c")] {
        texts.put(0, at_ms, text, NEVER);
    }
    texts.expire(25);
    assert_eq!(all(&texts, 0), [(20, "b"), (30, "c")]);
    texts.expire(30);
    assert_eq!(all(&texts, 0), [(30, "c")]);
    texts.expire(1000);
    assert_eq!(all(&texts, 0), [(30, "c")]);
}

#[test]
fn what_a_clock_that_was_ahead_has_left_goes() {
    let mut texts = Texts::default();
    texts.put(0, 10, "a", 600);
    texts.put(0, 9000, "b", 9600);
    texts.put(0, 9001, "c", 9600);
    assert_eq!(texts.put(0, 11, "a", 611), Taken::Same);
    assert_eq!(texts.put(0, 12, "d", 612), Taken::Kept);
    assert_eq!(all(&texts, 0), [(10, "a"), (12, "d")]);
}

#[test]
fn a_file_has_what_is_in_memory_after_each_write() {
    let (mut texts, mut file) = (Texts::default(), BTreeMap::new());
    let mut state = 17_u64;
    for at_ms in 0..4000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let text = format!("{} {}", state >> 60, "y".repeat((state >> 40) as usize % 300));
        texts.put(0, at_ms, &text, NEVER);
        if state >> 58 == 3 {
            let notes = texts.changed(|_| Some(7));
            assert!(notes.iter().flat_map(|of| &of.2).all(|bytes| bytes.len() < 2600));
            written(notes, &mut file);
            // What has been removed of a slot is still in the file, and older than all else.
            let back = read(&file);
            let (kept, found) = (all(&texts, 0), all(&back, 0));
            assert_eq!(found[found.len() - kept.len()..], kept[..]);
            assert!(found.len() <= kept.len() + 120);
        }
        if state >> 56 == 9 {
            // As after a start: what is not written is gone, and what comes is written behind the rest.
            texts = read(&file);
        }
    }
    assert!(file.len() > 10);
    texts.expire(4000);
    texts.not_written();
    written(texts.changed(|_| Some(7)), &mut file);
    assert_eq!(file.len(), 1);
}

#[test]
fn what_came_before_the_file_was_open_is_newer() {
    let mut file = BTreeMap::new();
    let mut texts = Texts::default();
    texts.put(0, 10, "a", NEVER);
    texts.put(0, 20, "b", NEVER);
    written(texts.changed(|_| Some(7)), &mut file);
    let mut texts = Texts::default();
    texts.put(0, 15, "late", NEVER);
    texts.put(0, 30, "b", NEVER);
    texts.put(0, 40, "c", NEVER);
    texts.found(0, vec![(0, decode(&file[&(7, 0)]).expect("whole"))]);
    assert_eq!(all(&texts, 0), [(10, "a"), (20, "b"), (40, "c")]);
    written(texts.changed(|_| Some(7)), &mut file);
    assert_eq!(all(&read(&file), 0), [(10, "a"), (20, "b"), (40, "c")]);
}

#[test]
fn damaged_texts_are_no_texts() {
    let whole = encode(&[Change { at_ms: 5, text: "abc".into() }]);
    assert_eq!(decode(&whole), Ok(vec![Change { at_ms: 5, text: "abc".into() }]));
    for end in 1..whole.len() {
        assert_eq!(decode(&whole[..end]), Err(Damaged), "{end}");
    }
    assert_eq!(decode(&[0, 1, 0xff]), Err(Damaged));
    assert_eq!(decode(&[0x80; 12]), Err(Damaged));
    assert_eq!(decode(&[]), Ok(Vec::new()));
}

#[test]
fn what_goes_first_is_known_after_whatever_has_come() {
    let (mut texts, mut state) = (Texts::default(), 5_u64);
    let long = "z".repeat(150);
    for step in 0..20_000_i64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (place, chance) = ((state >> 40) as usize % 600, state >> 58);
        match chance {
            0 => texts.expire(step - 4000),
            1 => texts.found(place, vec![(3, vec![Change { at_ms: step, text: "found".into() }])]),
            // A clock that was ahead, and goes back.
            2 => {
                texts.put(place, step + 50, "ahead", NEVER);
            }
            _ => {
                texts.put(place, step, &format!("{chance} {long}"), step);
            }
        }
        if step % 50 == 0 {
            let known: BTreeSet<_> = (0..600).filter_map(|of| texts.first_of_several(of)).collect();
            assert_eq!(texts.oldest, known, "{step}");
        }
    }
    assert!(texts.bytes > MOST_BYTES / 2 && !texts.oldest.is_empty());
}

#[test]
fn a_slot_that_could_not_be_removed_is_removed_by_the_next_commit() {
    let mut texts = Texts::default();
    let mut file = BTreeMap::new();
    for at_ms in 0..30 {
        texts.put(0, at_ms, &format!("{at_ms} {}", "x".repeat(200)), NEVER);
    }
    written(texts.changed(|_| Some(7)), &mut file);
    texts.written();
    let slots = file.len();
    texts.expire(25);
    let lost = texts.changed(|_| Some(7));
    assert!(lost.iter().any(|(_, _, bytes)| bytes.is_none()), "{lost:?}");
    texts.not_written();
    written(texts.changed(|_| Some(7)), &mut file);
    texts.written();
    assert!(file.len() < slots);
    assert_eq!(all(&read(&file), 0), all(&texts, 0));
    assert_eq!(texts.changed(|_| Some(7)), []);
}
