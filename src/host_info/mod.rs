//! What this machine or container is and has, gathered when somebody asks for it and never by schedule.
//!
//! A new type is a file here, a `mod` line and a row of [`TABLE`]. What sysinfo gives comes from it, on
//! Linux and macOS alike; the files of the kernel are read only for what it lacks. No type has the
//! environment, command lines or anything else that is likely to hold a secret.

mod connections;
mod cpus;
mod date;
mod disks;
mod file;
mod filesystems;
mod fstab;
mod hostname;
mod kernel_modules;
#[cfg(not(target_os = "linux"))]
mod macos;
mod memory;
mod network_interfaces;
mod packages;
mod processes;
mod sysctl;
mod system;
mod text;
mod who;

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::blocking::{self, Purpose};
use crate::model::Roots;

pub use self::text::{list, text_table};

/// All types, in the order of the documents.
pub const TABLE: &[HostInfo] = &[
    cpus::TYPE,
    memory::TYPE,
    network_interfaces::TYPE,
    filesystems::TYPE,
    disks::TYPE,
    system::TYPE,
    processes::TYPE,
    who::TYPE,
    date::TYPE,
    hostname::TYPE,
    kernel_modules::TYPE,
    fstab::TYPE,
    sysctl::TYPE,
    packages::TYPE,
    connections::TYPE,
];

/// A type of host info.
pub struct HostInfo {
    /// As on the command line.
    pub name: &'static str,
    pub about: &'static str,
    /// What each of its records has, in the order of the columns; null where there is no value.
    pub fields: &'static [&'static str],
    /// Gathers the records: an array, with one object for what there is once. It blocks.
    pub gather: fn(&Roots) -> Result<Value, Unavailable>,
}

/// Why there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// This system has no such thing, or nothing that tells.
    NotOnThisSystem(String),
    /// It could not be read.
    Failed(String),
}

/// The type of this name.
pub fn of_name(name: &str) -> Option<&'static HostInfo> {
    TABLE.iter().find(|of| of.name == name)
}

/// Gathers in a helper thread, and not for ever: what is asked may never answer.
pub async fn gather(of: &HostInfo) -> Result<Value, Unavailable> {
    gather_within(of, DEADLINE).await
}

async fn gather_within(of: &HostInfo, deadline: Duration) -> Result<Value, Unavailable> {
    let gather = of.gather;
    let call = blocking::call(Purpose::HostInfo, move || gather(&Roots::default()));
    match timeout(deadline, call).await {
        Ok(Ok(gathered)) => gathered,
        Ok(Err(refused)) => Err(Unavailable::Failed(refused.to_string())),
        Err(_) => Err(Unavailable::Failed(format!(
            "{} could not be gathered within {} s",
            of.name,
            deadline.as_secs()
        ))),
    }
}

const DEADLINE: Duration = Duration::from_secs(20);

/// What the tests of the types share.
#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use serde_json::Value;

    use super::{DEADLINE, HostInfo, TABLE, Unavailable, gather_within, of_name};
    use crate::model::Roots;
    use support::tree::Tree;

    /// What is gathered from this tree, whose paths are relative in the reasons.
    fn gather(of: &HostInfo, text: &str) -> Result<Value, Unavailable> {
        let tree = Tree::new(text);
        let roots = Roots {
            proc: tree.root().join("proc"),
            sys: tree.root().join("sys"),
            ..Roots::default()
        };
        let root = format!("{}/", tree.root().display());
        (of.gather)(&roots).map_err(|error| match error {
            Unavailable::NotOnThisSystem(why) => {
                Unavailable::NotOnThisSystem(why.replace(&root, ""))
            }
            Unavailable::Failed(why) => Unavailable::Failed(why.replace(&root, "")),
        })
    }

    /// The records of this tree, each with all fields of its type and no other.
    pub fn gathered(of: &HostInfo, text: &str) -> Value {
        let info = gather(of, text).expect("it can be gathered");
        assert_complete(of, &info);
        info
    }

    /// Why there is nothing in this tree.
    pub fn failed(of: &HostInfo, text: &str) -> Unavailable {
        gather(of, text).expect_err("it cannot be gathered")
    }

    fn assert_complete(of: &HostInfo, info: &Value) {
        let mut fields = of.fields.to_vec();
        fields.sort_unstable();
        for record in info.as_array().expect("an array") {
            let record = record.as_object().expect("objects");
            assert_eq!(record.keys().collect::<Vec<_>>(), fields, "{}", of.name);
        }
    }

    #[test]
    fn each_type_has_all_of_its_fields_on_this_machine_or_a_reason() {
        for of in TABLE {
            match (of.gather)(&Roots::default()) {
                Ok(info) => assert_complete(of, &info),
                Err(Unavailable::NotOnThisSystem(why)) => assert!(!why.is_empty(), "{}", of.name),
                Err(Unavailable::Failed(why)) => panic!("{}: {why}", of.name),
            }
        }
    }

    #[tokio::test]
    async fn what_never_answers_is_given_up_and_leaves_a_thread_for_another() {
        static BLOCKED: Mutex<()> = Mutex::new(());
        let of = |gather| HostInfo { name: "things", about: "", fields: &[], gather };
        let held = BLOCKED.lock();
        let hangs = of(|_| {
            drop(BLOCKED.lock());
            Ok(Value::Null)
        });
        let answers = of(|_| Err(Unavailable::NotOnThisSystem("no things".to_owned())));
        let short = Duration::from_millis(1);
        let late = Err(Unavailable::Failed("things could not be gathered within 0 s".to_owned()));
        assert_eq!(gather_within(&hangs, short).await, late);
        let none = Err(Unavailable::NotOnThisSystem("no things".to_owned()));
        assert_eq!(gather_within(&answers, DEADLINE).await, none);
        assert_eq!(gather_within(&hangs, short).await, late);
        let refused = gather_within(&answers, DEADLINE).await;
        let Err(Unavailable::Failed(why)) = refused else { panic!("two hang: {refused:?}") };
        let start = "no thread for host info, calls that still have no answer: ";
        assert!(why.starts_with(start), "{why}");
        drop(held);
    }

    #[test]
    fn a_type_is_found_by_its_whole_name() {
        assert!(TABLE.iter().all(|of| of_name(of.name).is_some_and(|found| found.name == of.name)));
        assert!(of_name("mem").is_none());
    }
}
