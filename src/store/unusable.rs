//! What the database says, as failures of the store.

use std::io;

use redb::{DatabaseError, StorageError, TableError, TransactionError};

use super::shelf::Failure;

/// Why a store cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Another process has it open.
    Taken,
    /// Its bytes are not as they were written.
    Damaged,
    /// Another version of the agent wrote it.
    Version(u64),
    Failed(String),
    /// It is damaged, and no new one could be made of what is whole in it.
    Unreplaced(String),
}

impl From<Unusable> for Failure {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Damaged => Self::Damaged,
            Unusable::Failed(text) | Unusable::Unreplaced(text) => Self::Failed(text),
            Unusable::Taken => Self::Failed("it is open in another process".to_owned()),
            Unusable::Version(version) => Self::Failed(format!("it has format {version}")),
        }
    }
}

pub fn failure(error: impl Into<redb::Error>) -> Failure {
    Failure::Failed(said(&error.into()))
}

pub fn of_failure(failure: Failure) -> Unusable {
    match failure {
        Failure::Damaged => Unusable::Damaged,
        Failure::Failed(text) => Unusable::Failed(text),
    }
}

pub fn of_storage(error: StorageError) -> Unusable {
    unusable(error.into())
}

pub fn of_table(error: TableError) -> Unusable {
    of_failure(failure(error))
}

pub fn of_transaction(error: TransactionError) -> Unusable {
    of_failure(failure(error))
}

pub fn unusable(error: DatabaseError) -> Unusable {
    match error {
        DatabaseError::DatabaseAlreadyOpen => Unusable::Taken,
        DatabaseError::Storage(StorageError::Corrupted(_)) => Unusable::Damaged,
        // No release wrote an older format of the database, so it is the byte of its version that is damaged.
        DatabaseError::UpgradeRequired(_) => Unusable::Damaged,
        // It is no database at all, or only the beginning of one.
        DatabaseError::Storage(StorageError::Io(error))
            if [io::ErrorKind::InvalidData, io::ErrorKind::UnexpectedEof]
                .contains(&error.kind()) =>
        {
            Unusable::Damaged
        }
        error => Unusable::Failed(said(&error.into())),
    }
}

/// What it says of the system, without its own words around that.
fn said(error: &redb::Error) -> String {
    match error {
        redb::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}
