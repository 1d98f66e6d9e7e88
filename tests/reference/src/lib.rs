//! What is made of the definition of the command line: a document, a man page, completions.

pub mod checks;
pub mod configuration;
pub mod man;
pub mod schema;
