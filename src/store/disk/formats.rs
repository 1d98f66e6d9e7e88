//! Files as other versions of this program write them.

use redb::Key;

use super::*;
use crate::store::bytes::split;

impl Disk {
    /// Says that another version of this program wrote it.
    pub fn write_version(&self, version: u64) -> Result<(), Failure> {
        let transaction = self.database.begin_write().map_err(failure)?;
        let mut content = vec![0; 6];
        content[0] = version as u8;
        let mut table = transaction.open_table(PAGES).map_err(failure)?;
        table.insert(HEAD, &*sealed(&[], 0, &content)).map_err(failure)?;
        drop(table);
        transaction.commit().map_err(failure)
    }

    /// Makes all that it has what format 1 was: seals without keys, each series noted once, and no texts.
    pub fn write_as_format_1(&self) -> Result<(), Failure> {
        fn resealed<K: Key + 'static>(
            table: &mut Table<'_, K, &'static [u8]>,
            content: impl Fn(&K::SelfType<'_>, &[u8]) -> Option<Vec<u8>>,
        ) -> Result<(), Failure> {
            let mut all = Vec::new();
            for entry in table.iter().map_err(failure)? {
                let (key, value) = entry.map_err(failure)?;
                let (old, _) = split(value.value())?;
                all.push((K::as_bytes(&key.value()).as_ref().to_vec(), content(&key.value(), old)));
            }
            for (key, content) in all {
                let key = K::from_bytes(&key);
                match content {
                    Some(content) => table.insert(key, &*sealed(&[], 0, &content)).map(drop),
                    None => table.remove(key).map(drop),
                }
                .map_err(failure)?;
            }
            Ok(())
        }
        let transaction = self.database.begin_write().map_err(failure)?;
        let mut pages = transaction.open_table(PAGES).map_err(failure)?;
        resealed(&mut pages, |key, old| match key {
            key if *key == HEAD => Some([&[1], &old[1..]].concat()),
            (TEXTS, ..) => None,
            (level, span, _) if (*level, *span) == COPIES => None,
            _ => Some(old.to_vec()),
        })?;
        drop(pages);
        let mut recent = transaction.open_table(RECENT).map_err(failure)?;
        resealed(&mut recent, |_, old| Some(old.to_vec()))?;
        drop(recent);
        transaction.commit().map_err(failure)
    }
}

impl DiskView {
    pub fn version(&self) -> u64 {
        self.version
    }
}
