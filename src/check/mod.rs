//! The types of checks. A new one is a file in a folder here, a `mod` line and a row of [`TABLE`].

mod asking;
pub mod certificate;
pub mod connect;
pub mod http;
pub mod plugin;
pub mod probe;
pub mod push;
pub mod service;
pub mod statsd;
pub mod system;
pub mod tls;

pub use crate::model::{CheckType, Declared, Form, Kind, Setting};

/// All types, in the order of the documents.
pub const TABLE: &[&CheckType] = &[
    &system::cpu::TYPE,
    &system::memory::TYPE,
    &system::filesystem::TYPE,
    &system::filesystem_state::TYPE,
    &system::disk::TYPE,
    &system::load_average::TYPE,
    &system::network::TYPE,
    &system::process::TYPE,
    &system::pressure::TYPE,
    &plugin::TYPE,
    &statsd::TYPE,
    &push::TYPE,
    &service::redis::TYPE,
    &service::mysql::TYPE,
    &service::apache::TYPE,
    &service::prometheus::TYPE,
    &probe::http::TYPE,
    &probe::tcp::TYPE,
];

/// What the tests of the types share.
#[cfg(test)]
mod tests {
    use crate::model::{Check, CheckType, Configured, Detail, Details, Form, Roots, Secret};

    /// A check with these details, of the forms that its type says. Items of a list have `;` between them.
    pub fn open(of: &'static CheckType, details: &[(&str, &str)]) -> Box<dyn Check> {
        let details = details.iter().map(|(name, value)| {
            let setting = of.settings.iter().find(|setting| setting.name == *name);
            let text = (*value).to_owned();
            let detail = match setting.expect("it has such a setting").form {
                Form::YesOrNo => Detail::Yes(text == "yes"),
                Form::Whole(..) => Detail::Number(text.parse().expect("a number")),
                Form::List => Detail::List(text.split(';').map(str::to_owned).collect()),
                Form::Secret => Detail::Secret(Secret(text)),
                _ => Detail::Text(text),
            };
            ((*name).to_owned(), detail)
        });
        Configured::of(of, Details(details.collect())).open(&Roots::default())
    }
}
