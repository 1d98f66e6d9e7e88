//! Which processes are meant.

use std::path::Path;

use crate::model::Details;

/// What a process has to be. All that is set has to hold.
#[derive(Debug, Default)]
pub struct Wanted {
    name: Option<String>,
    /// What the command line contains, in this order.
    command: Option<Vec<String>>,
    /// A name or a number.
    pub user: Option<String>,
    /// Whether their proportional memory is to be read.
    pub is_proportional: bool,
}

impl Wanted {
    pub fn of(details: &Details) -> Self {
        let text = |name| details.text(name).map(str::to_owned);
        let parts = |command: &str| {
            let parts = command.split('*').filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        };
        Self {
            name: text("name"),
            command: details.text("command").map(parts),
            user: text("user"),
            is_proportional: details.is_on("proportional"),
        }
    }

    pub fn is_nothing(&self) -> bool {
        self.name.is_none() && self.command.is_none() && self.user.is_none()
    }

    /// The name that the kernel has for such processes, if only those of one name are meant and it shows it as
    /// it is: `stat` of proc(5) has escapes in place of some characters.
    pub fn kept_name(&self) -> Option<&[u8]> {
        let name = self.name.as_ref()?;
        let is_plain = !name.contains(['\\', '\n', char::REPLACEMENT_CHARACTER]);
        is_plain.then(|| &name.as_bytes()[..name.len().min(KEPT)])
    }

    /// What hardly any process has as its name, and is meant as a pattern or a path. One that has it is found by its
    /// command.
    pub fn mistake(&self) -> Option<String> {
        let name = self.name.as_ref().filter(|name| name.contains('*') || name.starts_with('/'))?;
        Some(format!(
            "name {name:?}: expected the file name of a program, without * and folders, such as nginx; command has parts of a command line"
        ))
    }

    /// Whether the arguments are needed to tell.
    pub fn needs_arguments(&self) -> bool {
        self.command.is_some() || self.has_long_name()
    }

    /// Whether the kernel may have only the beginning of the name, so that the program is needed to tell.
    pub fn has_long_name(&self) -> bool {
        self.name.as_ref().is_some_and(|name| name.len() >= KEPT)
    }

    /// Whether a process of this name is meant, which runs this program with these arguments, if its user is. The
    /// agent's own arguments may have the text that is looked for.
    pub fn is_met_by(
        &self,
        name: &str,
        arguments: &[String],
        program: Option<&Path>,
        is_agent: bool,
    ) -> bool {
        let is_name =
            self.name.as_ref().is_none_or(|wanted| is_name(wanted, name, arguments, program));
        let is_command = self
            .command
            .as_ref()
            .is_none_or(|parts| !is_agent && contains_in_order(&arguments.join(" "), parts));
        is_name && is_command
    }

    /// Whether only the path of its program tells if a process has the name that is meant: the kernel has cut it, and the
    /// arguments name no program that begins like it.
    pub fn is_undecided(&self, name: &str, arguments: &[String]) -> bool {
        let begins = |argument: &String| file_name(argument).starts_with(kept(name));
        let wanted = self.name.as_ref().filter(|wanted| wanted.len() > KEPT);
        let is_cut = wanted.is_some_and(|wanted| is_beginning(name, wanted));
        is_cut && !arguments.iter().take(2).any(begins)
    }
}

/// Whether a name is all that the kernel has kept of the one that is meant.
fn is_beginning(name: &str, wanted: &str) -> bool {
    name.len() >= KEPT && wanted.starts_with(kept(name))
}

/// A letter of several bytes may be cut in the middle, and is replaced then.
fn kept(name: &str) -> &str {
    name.trim_end_matches(char::REPLACEMENT_CHARACTER)
}

/// Whether a process has this name, of which the kernel may have kept only the beginning.
fn is_name(wanted: &str, name: &str, arguments: &[String], program: Option<&Path>) -> bool {
    if wanted == name {
        return true;
    }
    // The program itself, or the script that an interpreter runs.
    let is_it = |argument: &String| file_name(argument) == wanted;
    // A server may write what it does in place of its arguments.
    let is_program = || program.and_then(Path::file_name).is_some_and(|of| of == wanted);
    is_beginning(name, wanted) && (arguments.iter().take(2).any(is_it) || is_program())
}

/// What stands behind the last slash.
fn file_name(argument: &str) -> &str {
    argument.rsplit('/').next().unwrap_or(argument)
}

fn contains_in_order(text: &str, parts: &[String]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| {
        let found = rest.split_once(&**part);
        rest = found.map_or(rest, |(_, behind)| behind);
        found.is_some()
    })
}

/// The kernel keeps this many bytes of a name (TASK_COMM_LEN).
const KEPT: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Detail;

    fn wanted(details: &[(&str, &str)]) -> Wanted {
        let text =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Detail::Text((*value).to_owned()));
        Wanted::of(&Details(details.iter().map(text).collect()))
    }

    fn is_met(details: &[(&str, &str)], name: &str, arguments: &[&str]) -> bool {
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        wanted(details).is_met_by(name, &arguments, None, false)
    }

    #[test]
    fn a_name_is_exact() {
        for (name, is_it) in [("nginx", true), ("nginx2", false), ("ngin", false), ("Nginx", false)]
        {
            assert_eq!(is_met(&[("name", "nginx")], name, &["nginx2"]), is_it, "{name}");
        }
        assert!(is_met(&[("name", "a) (b")], "a) (b", &[]), "any characters");
    }

    #[test]
    fn a_name_that_the_kernel_cut_is_compared_with_the_arguments() {
        let name = [("name", "cloudwatch_metrics_agent")];
        let cut = "cloudwatch_metr";
        assert!(is_met(&name, cut, &["/usr/bin/cloudwatch_metrics_agent", "-v"]));
        assert!(is_met(&name, cut, &["/bin/sh", "bin/cloudwatch_metrics_agent"]), "a script");
        assert!(!is_met(&name, cut, &["/usr/bin/cloudwatch_metrics_other"]));
        assert!(!is_met(&name, cut, &["a", "b", "cloudwatch_metrics_agent"]), "its input");
        assert!(!is_met(&name, "cloudwatch", &["cloudwatch_metrics_agent"]), "not cut");
        assert!(is_met(&[("name", cut)], cut, &[]), "as ps shows it");
        let is_run = |program| {
            let arguments = ["agent: idle".to_owned()];
            wanted(&name).is_met_by(cut, &arguments, Some(Path::new(program)), false)
        };
        assert!(is_run("/usr/bin/cloudwatch_metrics_agent"));
        assert!(!is_run("/usr/bin/cloudwatch_metrics_other") && !is_run("/"));
        let is_undecided = |name: &str, first: &str| {
            wanted(&[("name", "cloudwatch_metrics_agent")]).is_undecided(name, &[first.to_owned()])
        };
        assert!(is_undecided(cut, "agent: idle") && is_undecided(cut, ""));
        // This one is the program that it says, and that one has no such name.
        assert!(!is_undecided(cut, "/usr/bin/cloudwatch_metrics_other"));
        assert!(!is_undecided("cloudwatch", "agent: idle"));
        // 15 bytes end within the eighth letter.
        assert!(is_met(&[("name", "éééééééé")], "ééééééé\u{fffd}", &["/bin/éééééééé"]));
        for (name, needs) in
            [("nginx", false), ("cloudwatch_metr", true), ("longer than fifteen", true)]
        {
            assert_eq!(wanted(&[("name", name)]).needs_arguments(), needs, "{name}");
        }
    }

    #[test]
    fn what_the_kernel_keeps_of_a_name_is_known_unless_it_may_escape_it() {
        let kept = |name| wanted(&[("name", name)]).kept_name().map(<[u8]>::to_vec);
        assert_eq!(kept("nginx").as_deref(), Some(&b"nginx"[..]));
        assert_eq!(kept("cloudwatch_metrics_agent").as_deref(), Some(&b"cloudwatch_metr"[..]));
        let cut = &"éééééééé".as_bytes()[..15];
        assert_eq!(kept("éééééééé").as_deref(), Some(cut), "within a letter");
        for name in ["a\\b", "a\nb", "a\u{fffd}b"] {
            assert_eq!(kept(name), None, "{name:?}");
        }
        assert_eq!(wanted(&[("command", "nginx")]).kept_name(), None);
    }

    #[test]
    fn a_command_is_part_of_the_arguments_with_anything_for_a_star() {
        let arguments = ["/usr/bin/java", "-Xmx1g", "-jar", "/srv/my app.jar", "--port=80"];
        let is = |command| is_met(&[("command", command)], "java", &arguments);
        for command in
            ["java", "java*-jar", "-jar /srv/my app.jar", "*", "java *app*80", "/usr*", "**80"]
        {
            assert!(is(command), "{command}");
        }
        for command in ["-jar*java", "Java", "80*80", "javaa", "-jar  /srv", ".*app", "port=8?"] {
            assert!(!is(command), "{command}");
        }
        assert!(!is_met(&[("command", "x")], "x", &[]), "a name is no argument");
    }

    #[test]
    fn all_that_is_set_has_to_hold() {
        let both = [("name", "java"), ("command", "-jar")];
        assert!(is_met(&both, "java", &["java", "-jar"]));
        assert!(!is_met(&both, "sh", &["java", "-jar"]));
        assert!(!is_met(&both, "java", &["java"]));
        assert!(wanted(&[]).is_nothing());
        for one in ["name", "command", "user"] {
            assert!(!wanted(&[(one, "x")]).is_nothing());
        }
    }

    #[test]
    fn the_agent_itself_is_found_by_name_and_not_by_the_text_that_it_looks_for() {
        let arguments = ["check".to_owned(), "command=nginx".to_owned()];
        assert!(!wanted(&[("command", "nginx")]).is_met_by("agent", &arguments, None, true));
        assert!(wanted(&[("name", "agent")]).is_met_by("agent", &arguments, None, true));
    }
}
