//! Which processes are meant.

use crate::model::Details;

/// What a process has to be. Nothing in it means any.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub name: Option<String>,
    pub command: Option<String>,
    pub user: Option<String>,
}

impl Filter {
    pub fn of(details: &Details) -> Self {
        let text = |name| details.text(name).map(str::to_owned);
        Self { name: text("name"), command: text("command"), user: text("user") }
    }

    /// Whether a name fits. The kernel keeps 15 bytes of it; of a longer one the file of the program tells.
    pub fn takes_name(&self, kernels: &str, program: Option<&str>) -> bool {
        self.name.as_deref().is_none_or(|name| {
            let is_cut = kernels.len() == MOST_OF_NAME && name.len() > MOST_OF_NAME;
            name == kernels || is_cut && name.starts_with(kernels) && program == Some(name)
        })
    }

    /// Whether a command line has the part.
    pub fn takes_command(&self, line: &str) -> bool {
        self.command.as_deref().is_none_or(|part| contains(line, part))
    }
}

/// Whether a text has this part in it, in which `*` stands for any text.
fn contains(text: &str, part: &str) -> bool {
    let mut rest = text;
    part.split('*').all(|piece| {
        let found = rest.find(piece);
        rest = found.map_or(rest, |at| &rest[at + piece.len()..]);
        found.is_some()
    })
}

/// TASK_COMM_LEN of the kernel without its end.
const MOST_OF_NAME: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_command_line_may_have_gaps() {
        for (part, expected) in [
            ("my-service.jar", true),
            ("java*my-service.jar", true),
            ("*", true),
            ("java**prod", true),
            ("prod*java", false),
            ("java -jar", true),
            ("Java", false),
            ("jar --stage prod ", false),
            ("é", false),
        ] {
            let line = "/usr/bin/java -jar my-service.jar --stage prod";
            assert_eq!(contains(line, part), expected, "{part}");
        }
        assert!(contains("aéb", "a*b") && contains("aéb", "é*"));
        assert!(!contains("ab", "ab*b"), "a letter counts once");
    }

    #[test]
    fn a_name_is_the_whole_name_even_where_the_kernel_keeps_a_part() {
        let filter = |name: &str| Filter { name: Some(name.to_owned()), ..Filter::default() };
        assert!(filter("nginx").takes_name("nginx", None));
        assert!(!filter("nginx").takes_name("nginx-debug", None));
        assert!(!filter("ngin").takes_name("nginx", None));
        let long = "cloudwatch_metrics_agent";
        assert!(filter(long).takes_name("cloudwatch_metr", Some(long)));
        assert!(!filter(long).takes_name("cloudwatch_metr", Some("cloudwatch_metrics_other")));
        assert!(!filter(long).takes_name("cloudwatch_metr", None));
        assert!(
            filter("cloudwatch_metr").takes_name("cloudwatch_metr", Some(long)),
            "as ps shows it"
        );
        assert!(Filter::default().takes_name("anything", None));
    }
}
