//! Where the control groups of this process lie: version, mount point and path of each controller,
//! taken from /proc/self/cgroup and /proc/self/mountinfo. See cgroups(7).

mod boundary;
pub mod v1;
pub mod v2;

use std::path::{Path, PathBuf};

use memchr::memmem;

/// The interface of a hierarchy, which names and writes its files in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// The group of this process, or of its container, in the hierarchy that has some controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub version: Version,
    mount: PathBuf,
    own: PathBuf,
    /// The part of the hierarchy that is mounted, as this process sees it: `/` or a directory.
    root: String,
    /// Whether this is known to be the whole container. The groups above hold other containers, too.
    pub is_container: bool,
}

impl Group {
    /// Finds the group in the texts of /proc/self/cgroup and /proc/self/mountinfo, with all paths
    /// below `root`. On a hybrid system version 1 has the controllers, and the mount of version 2 has
    /// none.
    pub fn find(controller: &str, cgroup: &str, mountinfo: &str, root: &Path) -> Option<Self> {
        let v1 = || {
            let path = v1_path(controller, cgroup)?;
            let (mount, below) = holding(path, mountinfo, |mount| mount.has_v1(controller))?;
            Some((Version::V1, mount, below))
        };
        match v1() {
            Some((version, mount, below)) => Some(Self::at(version, mount, below, root)),
            None => Self::of_version_2(cgroup, mountinfo, root),
        }
    }

    /// The group of version 2, whether or not it has any controller: what the kernel tells of each group
    /// stands there on a hybrid system, too.
    pub fn of_version_2(cgroup: &str, mountinfo: &str, root: &Path) -> Option<Self> {
        let path = v2_path(cgroup)?;
        let (mount, below) = holding(path, mountinfo, |mount| mount.kind == "cgroup2")?;
        Some(Self::at(Version::V2, mount, below, root))
    }

    fn at(version: Version, mount: Mount<'_>, below: &str, root: &Path) -> Self {
        // `Path::join` drops `root` where the other path is absolute.
        let directory = root.join(mount.point.strip_prefix("/").unwrap_or(&mount.point));
        let own = directory.join(below);
        Self { version, own, mount: directory, root: mount.root, is_container: false }
    }

    /// The group of the whole container, where that can be told. systemd, Docker-in-Docker, Podman
    /// and LXC move a container's processes into groups below it.
    pub fn of_container(mut self) -> Self {
        let depth = if self.is_in_namespace() { Some(0) } else { self.depth_of_container() };
        if let Some(depth) = depth {
            self.own = self.mount.join(self.below().iter().take(depth).collect::<PathBuf>());
            self.is_container = true;
        }
        self
    }

    /// The group of a container that is seen from another one: what its mount shows. Where that is all
    /// of the hierarchy, it is the group of its processes. A group of the container's own below is a
    /// part of it.
    pub fn of_neighbour(self) -> Self {
        let is_container =
            self.root != "/" || self.is_in_namespace() || self.is_below_in_version_1();
        let mut group = match is_container {
            true => Self { own: self.mount.clone(), ..self },
            false => self.of_container(),
        };
        group.is_container = true;
        group
    }

    /// Whether what is mounted is a group of version 1 other than that of the whole machine, which
    /// alone has this file.
    fn is_below_in_version_1(&self) -> bool {
        self.version == Version::V1
            && self.mount.join("tasks").exists()
            && !self.mount.join("release_agent").exists()
    }

    /// Whether the mount is the root of a private namespace, and so a container. It has the same path,
    /// `/`, as the root group of the machine. But the kernel gives a root group none of these files.
    fn is_in_namespace(&self) -> bool {
        let has = |name| self.mount.join(name).exists();
        self.version == Version::V2
            && self.root == "/"
            && ["cgroup.events", "memory.current", "cpu.max"].into_iter().any(has)
    }

    /// How many groups below the mount point the container is, by the names of the groups.
    fn depth_of_container(&self) -> Option<usize> {
        let mounted = self.root.split('/').filter(|name| !name.is_empty());
        // Names above the mount point still tell where the container begins, but no file there can be
        // read. If it begins above the mount point, there is no depth.
        let hidden = mounted.clone().count();
        let below = self.below().iter().filter_map(|name| name.to_str());
        let names: Vec<_> = mounted.chain(below).collect();
        (boundary::of_container(&names)? + 1).checked_sub(hidden)
    }

    /// The path below the mount point.
    fn below(&self) -> &Path {
        self.own.strip_prefix(&self.mount).unwrap_or(&self.own)
    }

    /// The group `from`, or the nearest above it, that has a file: a controller may be off below. The
    /// machine's root group does not count, unless the process is in that group itself.
    pub fn nearest_with<'group>(
        &'group self,
        from: &'group Path,
        file: &str,
    ) -> Option<&'group Path> {
        let is_machine = |directory: &Path| {
            self.root == "/" && !self.is_container && directory == self.mount && from != self.mount
        };
        let mut groups = self.directories().skip_while(|directory| *directory != from);
        groups.find(|directory| !is_machine(directory) && directory.join(file).exists())
    }

    /// Whether this is the machine's root group, which holds all others.
    pub fn is_root_of_version_2(&self) -> bool {
        self.version == Version::V2
            && self.root == "/"
            && self.own == self.mount
            && !self.is_container
    }

    /// Whether /proc/self/cgroup names a group with the controller, wherever it is mounted.
    pub fn is_named(controller: &str, cgroup: &str) -> bool {
        Self::path_in(controller, cgroup).is_some()
    }

    /// Its path in the hierarchy, as this process sees it.
    pub fn path(&self) -> String {
        let below = self.below().to_string_lossy();
        let path = format!("{}/{below}", self.root.trim_end_matches('/'));
        path.trim_end_matches('/').to_owned() + if path.len() == 1 { "/" } else { "" }
    }

    /// The path of the group with the controller that /proc/PID/cgroup names, wherever it is mounted.
    pub fn path_in<'text>(controller: &str, cgroup: &'text str) -> Option<&'text str> {
        v1_path(controller, cgroup).or_else(|| v2_path(cgroup))
    }

    /// Whether all of a hierarchy is mounted, as far as this process can tell.
    pub fn is_of_whole_mount(&self) -> bool {
        self.root == "/"
    }

    /// Whether it is in the hierarchy that /proc/PID/cgroup has the controller in.
    pub fn has(&self, controller: &str, cgroup: &str) -> bool {
        self.version == Version::V1 || v1_path(controller, cgroup).is_none()
    }

    /// Where the hierarchy is mounted.
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// The directory of the pod or task that holds the container, where it is visible here.
    pub fn pod(&self) -> Option<&Path> {
        let parent = self.own.parent().filter(|parent| parent.starts_with(&self.mount))?;
        let path = self.path();
        let names: Vec<_> = path.split('/').filter(|name| !name.is_empty()).collect();
        let (_, above) = names.split_last()?;
        boundary::is_pod_or_task(above).then_some(parent)
    }

    /// The directory of the group.
    pub fn own(&self) -> &Path {
        &self.own
    }

    /// The directory that has the same path below its mount point as another group's directory, if
    /// that is this group or one above it. In version 1 each controller may have its own hierarchy.
    pub fn same_as(&self, other: &Self, directory: &Path) -> Option<&Path> {
        let path = directory.strip_prefix(&other.mount).ok()?;
        self.directories().find(|own| own.strip_prefix(&self.mount).is_ok_and(|own| own == path))
    }

    /// The directories of the group and of all groups above it that are visible here.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors().take_while(|directory| directory.starts_with(&self.mount))
    }
}

/// The path of this process's group in the version 1 hierarchy of a controller.
fn v1_path<'text>(controller: &str, cgroup: &'text str) -> Option<&'text str> {
    cgroup.lines().find_map(|line| {
        // At most three fields: a group's name may have colons, as cri-containerd names have.
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        controllers.split(',').any(|name| name == controller).then(|| fields.next())?
    })
}

/// The path of this process's group in the version 2 hierarchy.
fn v2_path(cgroup: &str) -> Option<&str> {
    cgroup.lines().find_map(|line| line.strip_prefix("0::"))
}

/// The mount of a hierarchy that a path is in, and the path below its mount point. Of several it is
/// the one that begins furthest up, because it shows the limits of more groups above.
///
/// A mount that does not hold the path is another container's, or begins above this namespace, as
/// where the host's hierarchy is mounted into a container: its counters are not this group's.
fn holding<'text>(
    path: &'text str,
    mountinfo: &'text str,
    is_of_hierarchy: impl Fn(&Mount<'_>) -> bool,
) -> Option<(Mount<'text>, &'text str)> {
    let mounts = mountinfo.lines().filter_map(Mount::parse).filter(|mount| is_of_hierarchy(mount));
    let holding = mounts.filter_map(|mount| mount.below(path).map(|below| (mount, below)));
    holding.min_by_key(|(mount, _)| mount.root.len())
}

/// What is mounted of the hierarchy that has the controller, wherever the process is in it.
pub fn mounted(controller: &str, cgroup: &str, mountinfo: &str) -> impl Iterator<Item = String> {
    let is_version_1 = v1_path(controller, cgroup).is_some();
    let mounts = mountinfo.lines().filter_map(Mount::parse).filter(move |mount| {
        if is_version_1 { mount.has_v1(controller) } else { mount.kind == "cgroup2" }
    });
    mounts.map(|mount| mount.root)
}

/// The fields of a line of mountinfo that are needed (proc_pid_mountinfo(5)).
struct Mount<'line> {
    /// The directory of the hierarchy that is mounted.
    root: String,
    /// Where it is mounted.
    point: PathBuf,
    kind: &'line str,
    options: &'line str,
}

impl<'line> Mount<'line> {
    fn parse(line: &'line str) -> Option<Self> {
        // The number of optional fields before this separator varies (proc_pid_mountinfo(5)).
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (unescape(mount.next()?), PathBuf::from(unescape(mount.next()?)));
        let mut filesystem = filesystem.split(' ');
        let (kind, options) = (filesystem.next()?, filesystem.nth(1)?);
        Some(Self { root, point, kind, options })
    }

    fn has_v1(&self, controller: &str) -> bool {
        self.kind == "cgroup" && self.options.split(',').any(|option| option == controller)
    }

    /// A path of the hierarchy relative to the mount point, if it lies below.
    fn below<'path>(&self, path: &'path str) -> Option<&'path str> {
        let rest = path.strip_prefix(self.root.trim_end_matches('/'))?;
        // `/docker/abc` is not below `/docker/ab`.
        let is_inside = rest.is_empty() || rest.starts_with('/');
        // A group outside of this process's cgroup namespace has `..` in its path (cgroup_namespaces(7)).
        let leads_up = rest.split('/').any(|name| name == "..");
        (is_inside && !leads_up).then(|| rest.trim_start_matches('/'))
    }
}

/// Mountinfo writes blanks, tabs, newlines, number signs and backslashes in octal.
pub fn unescape(path: &str) -> String {
    let blanks = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#")];
    let plain = blanks.iter().fold(path.to_owned(), |path, (octal, is)| path.replace(octal, is));
    // Backslashes last: a path with the characters `\040` is written `\134040`.
    plain.replace("\\134", "\\")
}

/// The number after `name` in a text of lines such as `name 123`.
pub fn field(text: &str, name: &str) -> Option<u64> {
    // A search with vector instructions, because this is most of what a sample costs.
    let mut places = memmem::find_iter(text.as_bytes(), name);
    places.find_map(|place| {
        let (before, rest) = (&text[..place], &text[place + name.len()..]);
        let is_line = before.is_empty() || before.ends_with('\n');
        let number = rest.strip_prefix(' ').filter(|_| is_line)?;
        number.lines().next()?.trim().parse().ok()
    })
}

/// The numbers after several names.
pub fn fields<const N: usize>(text: &str, names: [&str; N]) -> [Option<u64>; N] {
    names.map(|name| field(text, name))
}

#[cfg(test)]
mod tests;
