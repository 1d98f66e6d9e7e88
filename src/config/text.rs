//! The text of a configuration file.

/// The text of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path.
    pub name: String,
    pub form: Form,
    pub text: String,
}

/// What stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Options and checks.
    Main,
    /// One check of this id.
    Check(String),
}
