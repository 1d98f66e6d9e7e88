use proptest::prelude::*;

use super::*;
use crate::store::Resolution;
use crate::store::shelf::Memory;

const ID: BlockId = BlockId { level: Resolution::Full, span: 7 };

fn stored(chunks: &[(u32, Vec<u8>)]) -> Memory {
    let (mut memory, mut built) = (Memory::default(), Builder::default());
    chunks.iter().for_each(|(series, chunk)| built.add(*series, chunk));
    built.write(&mut memory, ID).unwrap();
    memory
}

#[test]
fn a_smaller_block_leaves_no_page_of_the_larger_one() {
    let mut memory = stored(&[(1, vec![5; 20_000])]);
    assert_eq!(memory.progress().bytes, 20_004 + 5 * 4 + 1);
    let mut built = Builder::default();
    built.add(2, &[1, 2, 3]);
    built.write(&mut memory, ID).unwrap();
    assert_eq!(memory.progress().bytes, 1 + 2 + 3 + 4);
    let mut block = Block::open(&memory, ID).unwrap().unwrap();
    assert_eq!(block.chunk(2), Ok(Some(vec![1, 2, 3])));
    assert_eq!(block.chunk(1), Ok(None));
    Builder::default().write(&mut memory, ID).unwrap();
    assert!(Block::open(&memory, ID).unwrap().is_none());
    assert_eq!(memory.progress().bytes, 0);
}

#[test]
fn a_damaged_page_costs_the_series_in_it_and_no_others() {
    let mut memory = stored(&[(1, vec![1; 3000]), (2, vec![2; 6000]), (3, vec![3; 3000])]);
    let mut page = memory.page(ID.page(1)).unwrap().unwrap();
    page[100] ^= 4;
    memory.put(ID.page(1), page).unwrap();
    let mut block = Block::open(&memory, ID).unwrap().unwrap();
    assert_eq!(block.chunk(1), Ok(Some(vec![1; 3000])));
    assert_eq!(block.chunk(2), Err(Failure::Damaged));
    assert_eq!(block.chunk(3), Ok(Some(vec![3; 3000])));
}

proptest! {
    #[test]
    fn every_series_is_found_in_any_order(
        chunks in prop::collection::btree_map(any::<u32>(), prop::collection::vec(any::<u8>(), 0..3000), 1..20),
        order in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        let chunks: Vec<_> = chunks.into_iter().collect();
        let memory = stored(&chunks);
        let mut block = Block::open(&memory, ID).unwrap().unwrap();
        prop_assert_eq!(block.series(), Ok(chunks.iter().map(|(series, _)| *series).collect()));
        for place in order {
            let (series, chunk) = &chunks[place.index(chunks.len())];
            prop_assert_eq!(block.chunk(*series), Ok(Some(chunk.clone())));
            if !chunks.iter().any(|(other, _)| *other == series ^ 1) {
                prop_assert_eq!(block.chunk(series ^ 1), Ok(None));
            }
        }
    }

    #[test]
    fn a_page_of_any_bytes_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let mut memory = Memory::default();
        memory.put(ID.page(0), sealed(&[], 0, &bytes)).unwrap();
        if let Ok(Some(mut block)) = Block::open(&memory, ID) {
            let _ = (block.series(), block.chunk(1));
        }
    }
}
