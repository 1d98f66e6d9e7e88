//! `agent.pressure`: of how much of the time tasks waited for a CPU, for memory, or for a disk.

use crate::model::{CheckType, Declared, Discovers, Form, Opening, Setting, Unit};

pub const TYPE: CheckType = CheckType {
    name: "agent.pressure",
    about: "The percentage of time in which tasks wait for a CPU, for memory, or for a disk",
    settings: &[Setting {
        name: "scope",
        form: Form::Word(&["auto", "container", "pod", "machine"]),
        about: "Whose tasks: auto is the container if it is known and has files of pressure, else the machine; \
            pod is the pod of Kubernetes or the task of ECS, if its control group is visible",
        is_required: false,
        example: "auto",
    }],
    one_of: &[],
    metrics: &[
        percent("cpu_some_percent", SOME_SOURCE).headline(),
        percent("cpu_full_percent", FULL_SOURCE).since(CPU_FULL_SINCE),
        percent("memory_some_percent", SOME_SOURCE).headline(),
        percent("memory_full_percent", FULL_SOURCE),
        percent("io_some_percent", SOME_SOURCE).headline(),
        percent("io_full_percent", FULL_SOURCE),
        total("cpu_some_total", "cpu, line some: total / 1000"),
        total("cpu_full_total", "cpu, line full: total / 1000").since(CPU_FULL_SINCE),
        total("memory_some_total", "memory, line some: total / 1000"),
        total("memory_full_total", "memory, line full: total / 1000"),
        total("io_some_total", "io, line some: total / 1000"),
        total("io_full_total", "io, line full: total / 1000"),
    ],
    discovers: Discovers::Nothing,
    #[cfg(target_os = "linux")]
    targets: Some(linux::targets),
    #[cfg(target_os = "linux")]
    open: |of: &Opening| Box::new(linux::PressureCheck::of(of.details, of.roots)),
    #[cfg(not(target_os = "linux"))]
    targets: None,
    #[cfg(not(target_os = "linux"))]
    open: |_: &Opening| Box::new(super::macos::Nothing("only Linux measures pressure")),
};

const fn percent(name: &'static str, source: &'static str) -> Declared {
    Declared::gauge(name, Unit::Percent, source).since(PSI_SINCE)
}

const fn total(name: &'static str, source: &'static str) -> Declared {
    Declared::counter(name, Unit::Milliseconds, source).since(PSI_SINCE)
}

const SOME_SOURCE: &str = "100 x growth of total in the line some / microseconds since the run before: at least one task \
    waited";
const FULL_SOURCE: &str = "100 x growth of total in the line full / microseconds since the run before: all tasks that had \
    something to do waited at the same time";
const PSI_SINCE: &str = "Linux 4.20 with CONFIG_PSI; of a container cgroup version 2";
const CPU_FULL_SINCE: &str = "Linux 5.13, and only of a container";

#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};

    use tokio::time::Instant;

    use super::super::FIRST_INTERVAL;
    use crate::model::{Check, Details, Findings, ReadError, Roots, Running, Target};
    use crate::source::cgroup::Group;
    use crate::source::kernel_file::{optional, required};
    use crate::source::others::ROOT_GROUP;
    use crate::source::pressure::{ADVICE, NO_LINE, has_line, total};

    pub struct PressureCheck {
        scope: String,
        roots: Roots,
        before: Option<Reading>,
        /// What `auto` has taken. It stays with that: totals of two groups are no growth.
        taken: Option<Place>,
    }

    /// All files at about one instant.
    struct Reading {
        place: Place,
        files: [Result<Stand, ReadError>; 3],
    }

    /// The text of a file, and when it was read.
    struct Stand {
        at: Instant,
        text: String,
    }

    /// Where the files are.
    #[derive(Clone, PartialEq, Eq)]
    struct Place {
        directory: PathBuf,
        is_machine: bool,
    }

    impl PressureCheck {
        pub fn of(details: &Details, roots: &Roots) -> Self {
            let scope = details.text("scope").unwrap_or("auto").to_owned();
            Self { scope, roots: roots.clone(), before: None, taken: None }
        }

        fn read(&mut self) -> Result<Reading, ReadError> {
            let place = match &*self.scope {
                "machine" => machine(&self.roots),
                "container" => {
                    container(&self.roots)?.ok_or_else(|| ReadError::absent(NO_CONTAINER))?
                }
                "pod" => pod(&self.roots)?.ok_or_else(|| ReadError::absent(NO_POD))?,
                _ => self.taken.clone().unwrap_or_else(|| {
                    let container = container(&self.roots).ok().flatten();
                    container.unwrap_or_else(|| machine(&self.roots))
                }),
            };
            let read = |(resource, _)| -> Result<Stand, ReadError> {
                let text =
                    required(&place.file(resource)).map_err(|error| error.because(ADVICE))?;
                Ok(Stand { at: Instant::now(), text })
            };
            let files = RESOURCES.map(read);
            // Where there is none at all, the first tells why.
            if let [Err(error), Err(_), Err(_)] = &files {
                return Err(error.clone());
            }
            self.taken = Some(place.clone());
            Ok(Reading { place, files })
        }

        fn read_again(&mut self) -> Result<Findings, String> {
            let now = self.read().map_err(|error| error.to_string())?;
            // The container may have been moved to another group.
            let before = self.before.take().filter(|before| before.place == now.place);
            let mut found = Findings::default();
            for (index, (resource, names)) in RESOURCES.iter().enumerate() {
                let path = now.place.file(resource);
                match &now.files[index] {
                    Ok(stand) => {
                        let before =
                            before.as_ref().and_then(|before| before.files[index].as_ref().ok());
                        now.place.add(resource, names, stand, before, &mut found);
                        found.raw(path.display().to_string(), stand.text.trim_end());
                    }
                    Err(error) => {
                        for name in names.iter().flatten() {
                            found.absent(name, error.to_string());
                        }
                    }
                }
            }
            self.before = Some(now);
            Ok(found)
        }
    }

    impl Check for PressureCheck {
        fn run(&mut self) -> Running<'_> {
            Box::pin(async {
                // Not the average of ten seconds that the files have, too: it weighs the last seconds more,
                // and would be another figure than that of all later runs. The totals are brought up to
                // date whenever the file is read.
                if self.before.is_none() {
                    self.before = Some(self.read().map_err(|error| error.to_string())?);
                    tokio::time::sleep(FIRST_INTERVAL).await;
                }
                self.read_again()
            })
        }
    }

    impl Place {
        fn file(&self, resource: &str) -> PathBuf {
            let ending = if self.is_machine { "" } else { ".pressure" };
            self.directory.join(format!("{resource}{ending}"))
        }

        /// Adds the values of both lines of a file.
        fn add(
            &self,
            resource: &str,
            names: &[[&'static str; 2]; 2],
            now: &Stand,
            before: Option<&Stand>,
            found: &mut Findings,
        ) {
            for (line, [percent, milliseconds]) in ["some", "full"].into_iter().zip(names) {
                let value = match self.total(resource, line, &now.text) {
                    Ok(value) => value,
                    Err(reason) => {
                        found.absent(percent, &*reason);
                        found.absent(milliseconds, reason);
                        continue;
                    }
                };
                found.number(milliseconds, value as f64 / 1000.0);
                let before =
                    before.and_then(|before| Some((before.at, total(&before.text, line)?)));
                match percent_since(before, now.at, value) {
                    Ok(value) => found.number(percent, value),
                    Err(reason) => found.absent(percent, reason),
                }
            }
        }

        /// The microseconds of a line.
        fn total(&self, resource: &str, line: &str, text: &str) -> Result<u64, String> {
            let path = self.file(resource);
            if self.is_machine && (resource, line) == ("cpu", "full") {
                return Err(ROOT_GROUP.to_owned());
            }
            if !has_line(text, line) {
                let reason = if resource == "cpu" { format!(": {NO_LINE}") } else { String::new() };
                return Err(format!("{} has no line {line}{reason}", path.display()));
            }
            let expected = "total in microseconds";
            let malformed = || ReadError::Malformed { path, expected };
            total(text, line).ok_or_else(|| malformed().to_string())
        }
    }

    /// Of the time since the reading before, the part in which tasks waited.
    fn percent_since(
        before: Option<(Instant, u64)>,
        at: Instant,
        now: u64,
    ) -> Result<f64, &'static str> {
        let (then, before) = before.ok_or("there is no reading before")?;
        let grown = now.checked_sub(before).ok_or("the total went back since the run before")?;
        let microseconds = at.duration_since(then).as_secs_f64() * 1e6;
        if microseconds <= 0.0 {
            return Err("no time has passed since the run before");
        }
        // The file is read a little before or after the clock.
        Ok((100.0 * grown as f64 / microseconds).min(100.0))
    }

    fn machine(roots: &Roots) -> Place {
        Place { directory: roots.proc.join("pressure"), is_machine: true }
    }

    /// The group of the container, where there is one with files of pressure. The error is that of version
    /// 1, which has none.
    fn container(roots: &Roots) -> Result<Option<Place>, ReadError> {
        let group = group(roots)?;
        let place = Place { directory: group.own().to_owned(), is_machine: false };
        // Pressure that is off is an error of this file, and no reason to take that of the machine.
        let has_files = !matches!(optional(&place.file("cpu")), Ok(None));
        Ok((group.is_container && has_files).then_some(place))
    }

    /// The group that holds the containers of the pod or task, where it is visible.
    fn pod(roots: &Roots) -> Result<Option<Place>, ReadError> {
        let group = group(roots)?;
        let place = |directory: &Path| Place { directory: directory.to_owned(), is_machine: false };
        Ok(group.pod().map(place))
    }

    /// The group of the container, or of this process where it is in none.
    fn group(roots: &Roots) -> Result<Group, ReadError> {
        let own = roots.proc.join("self");
        let cgroup = required(&own.join("cgroup"))?;
        let mountinfo = required(&own.join("mountinfo"))?;
        let root = roots.proc.parent().unwrap_or(Path::new("/"));
        let group = Group::of_version_2(&cgroup, &mountinfo, root).map(Group::of_container);
        group.ok_or_else(|| ReadError::absent(NO_VERSION_2))
    }

    pub fn targets(roots: &Roots) -> Result<Vec<Target>, String> {
        let target = |id: &str, place: &Place| {
            let label = format!("{id}: {}", place.directory.display());
            Target { id: id.to_owned(), label }
        };
        let container = container(roots).ok().flatten().map(|place| target("container", &place));
        let pod = pod(roots).ok().flatten().map(|place| target("pod", &place));
        let machine = machine(roots);
        let machine = machine.file("cpu").exists().then(|| target("machine", &machine));
        Ok(container.into_iter().chain(pod).chain(machine).collect())
    }

    /// The resources, and of the lines `some` and `full` the names of the percentage and the total.
    const RESOURCES: [(&str, [[&str; 2]; 2]); 3] = [
        ("cpu", [["cpu_some_percent", "cpu_some_total"], ["cpu_full_percent", "cpu_full_total"]]),
        (
            "memory",
            [
                ["memory_some_percent", "memory_some_total"],
                ["memory_full_percent", "memory_full_total"],
            ],
        ),
        ("io", [["io_some_percent", "io_some_total"], ["io_full_percent", "io_full_total"]]),
    ];

    const NO_CONTAINER: &str = "this process is in no control group of a container with files of pressure; scope: \
        machine has the pressure of the machine";

    pub const NO_VERSION_2: &str = "pressure of a container needs cgroup version 2, and this one is in none; scope: machine has \
        the pressure of the machine";
    const NO_POD: &str = "the control group of a pod or task is not visible here: a container has a namespace of its own \
        for groups, where it is not shared with the host; scope: container has the pressure of the container";
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
