//! Faults of the kernel's files, of control groups and of file descriptors.

use std::fs;
use std::path::{Path, PathBuf};

use fake_cloudwatch::Certificate;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::network;
use crate::scene::Scene;

impl Scene {
    /// The agent starts with mounts of its own, after this script, in the scene's folder.
    pub fn after_mounting(&mut self, script: &str) {
        let script = format!("cd \"$0\" && {script} && exec \"$@\"");
        let folder = self.folder.clone();
        for word in ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", &script] {
            self.wrapper.push(word.into());
        }
        self.wrapper.push(folder.into());
    }
}

/// A /proc that has everything that is read there but this file.
pub fn missing(scene: &mut Scene, name: &str) {
    without(scene, name, "true");
}

/// A file of /proc that nobody can read, not even root: it is a directory.
pub fn unreadable(scene: &mut Scene, name: &str) {
    without(scene, name, &format!("mkdir /proc/{name}"));
}

fn without(scene: &mut Scene, name: &str, then: &str) {
    let other = if name == "stat" { "meminfo" } else { "stat" };
    scene.after_mounting(&format!(
        "touch {other} && mount --bind /proc/{other} {other} && mount -t tmpfs none /proc && \
         touch /proc/{other} && mount --bind {other} /proc/{other} && {then}"
    ));
}

/// An empty /proc.
pub fn no_proc(scene: &mut Scene) {
    scene.after_mounting("mount -t tmpfs none /proc");
}

/// A file of /proc with something else in it, until the fault ends.
pub fn garbage(scene: &mut Scene, name: &str) {
    let file = scene.folder.join(name);
    fs::write(&file, "\u{1}garbage\n").expect("the folder is writable");
    scene.after_mounting(&format!("mount --bind {name} /proc/{name}"));
    let real = fs::read(Path::new("/proc").join(name)).expect("Linux has this file");
    scene.lift = Some(Box::new(move |_| {
        fs::write(&file, real).expect("the folder is writable");
    }));
}

/// The agent is in a group of its own, is taken out of it, and the group is removed.
pub fn cgroup_removed(scene: &mut Scene) {
    let name = format!("fault-matrix-{}-{}", std::process::id(), number(&scene.folder));
    let groups: Vec<_> = own_cgroups().into_iter().map(|own| (own.join(&name), own)).collect();
    for (group, _) in &groups {
        fs::create_dir(group).expect("a group can be made, as was tried before");
    }
    let join = |folder: &Path| format!("echo $$ > '{}/cgroup.procs'", folder.display());
    let script: Vec<_> = groups.iter().map(|(group, _)| join(group)).collect();
    let script = script.join(" && ") + r#" && exec "$@""#;
    for word in ["sh", "-e", "-c", &script, "sh"] {
        scene.wrapper.push(word.into());
    }
    scene.arguments.extend(["--scope".into(), "container".into()]);
    scene.begin = Some(Box::new(move |agent, _| {
        for (group, parent) in groups {
            // Fails where it has ended already.
            let _ = fs::write(parent.join("cgroup.procs"), agent.id().to_string());
            let _ = fs::remove_dir(group);
        }
    }));
}

fn number(folder: &Path) -> &str {
    folder.file_name().and_then(|name| name.to_str()).expect("the folder's name is a number")
}

/// The folders of the control groups of this process that tell CPU and memory.
pub fn own_cgroups() -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let lines: Vec<Vec<_>> = text.lines().map(|line| line.splitn(3, ':').collect()).collect();
    let path = |controllers: &str| {
        lines.iter().find(|l| l[1].split(',').any(|c| c == controllers)).map(|l| l[2])
    };
    let root = Path::new("/sys/fs/cgroup");
    let below = |folder: PathBuf, path: &str| folder.join(path.trim_start_matches('/'));
    let v1 = ["cpu", "cpuacct", "memory"].map(|name| Some(below(root.join(name), path(name)?)));
    match (v1, path("")) {
        ([Some(cpu), Some(cpuacct), Some(memory)], _) => vec![cpu, cpuacct, memory],
        (_, Some(path)) => vec![below(root.to_owned(), path)],
        _ => Vec::new(),
    }
}

/// Whether groups can be made here, with what the agent needs in them.
pub fn cgroups_can_be_made() -> bool {
    let own = own_cgroups();
    let made = |own: &PathBuf| {
        let group = own.join(format!("fault-matrix-{}", std::process::id()));
        let made = fs::create_dir(&group).is_ok();
        let tells =
            ["cpuacct.usage", "cpu.cfs_quota_us", "memory.usage_in_bytes", "memory.current"]
                .iter()
                .any(|file| group.join(file).exists());
        let _ = fs::remove_dir(group);
        made && tells
    };
    !own.is_empty() && own.iter().all(made)
}

/// No descriptor can be opened any more, until the fault ends.
pub fn no_descriptors(scene: &mut Scene) {
    let limit = |id: u32, limit: Option<u64>| {
        let id = id.try_into().ok().and_then(Pid::from_raw);
        let maximum = getrlimit(Resource::Nofile).maximum;
        // Fails where it has ended already.
        let _ = prlimit(id, Resource::Nofile, Rlimit { current: limit, maximum });
    };
    scene.begin = Some(Box::new(move |agent, _| limit(agent.id(), Some(3))));
    scene.lift = Some(Box::new(move |scene| {
        limit(scene.id.expect("the agent runs"), Some(1024));
    }));
}

/// As [`no_descriptors`], before the trusted roots are read: they are the system's again when the
/// fault has ended.
pub fn no_descriptors_with_tls(scene: &mut Scene) {
    network::tls(scene, Certificate::Valid);
    no_descriptors(scene);
}
