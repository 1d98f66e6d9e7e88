//! Where the control groups of this process lie: version, mount point and path of each controller,
//! taken from /proc/self/cgroup and /proc/self/mountinfo. See cgroups(7).

pub mod v1;
pub mod v2;

use std::path::{Path, PathBuf};

/// The interface of a hierarchy, which names and writes its files in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// The group of this process in the hierarchy that has some controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub version: Version,
    mount: PathBuf,
    own: PathBuf,
}

impl Group {
    /// Finds the group in the texts of /proc/self/cgroup and /proc/self/mountinfo, with all paths
    /// below `root`. On a hybrid system the controllers are those of version 1, and the mount of
    /// version 2 has none.
    pub fn find(controller: &str, cgroup: &str, mountinfo: &str, root: &Path) -> Option<Self> {
        let mounts = || mountinfo.lines().filter_map(Mount::parse);
        let in_v1 =
            mounts().find(|mount| mount.has_v1(controller)).zip(v1_path(controller, cgroup));
        let in_v2 = || mounts().find(|mount| mount.kind == "cgroup2").zip(v2_path(cgroup));
        let (version, (mount, path)) = match in_v1 {
            Some(found) => (Version::V1, found),
            None => (Version::V2, in_v2()?),
        };
        let point = root.join(mount.point.strip_prefix("/").unwrap_or(&mount.point));
        let own = point.join(mount.below(path));
        // A path from another namespace than the mount leads nowhere; what is mounted is then the
        // group itself.
        let own = if own.is_dir() { own } else { point.clone() };
        Some(Self { version, mount: point, own })
    }

    /// The directory of the group.
    pub fn own(&self) -> &Path {
        &self.own
    }

    /// The directory of the group and those of all groups above it that can be seen.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors().take_while(|directory| directory.starts_with(&self.mount))
    }
}

/// The path of this process's group in the version 1 hierarchy of a controller.
fn v1_path<'text>(controller: &str, cgroup: &'text str) -> Option<&'text str> {
    cgroup.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        controllers.split(',').any(|name| name == controller).then(|| fields.next())?
    })
}

/// The path of this process's group in the version 2 hierarchy.
fn v2_path(cgroup: &str) -> Option<&str> {
    cgroup.lines().find_map(|line| line.strip_prefix("0::"))
}

/// A line of mountinfo, as far as it is needed (proc_pid_mountinfo(5)).
struct Mount<'line> {
    /// The directory of the hierarchy that is mounted.
    root: &'line str,
    /// Where it is mounted.
    point: PathBuf,
    kind: &'line str,
    options: &'line str,
}

impl<'line> Mount<'line> {
    fn parse(line: &'line str) -> Option<Self> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, unescape(mount.next()?));
        let mut filesystem = filesystem.split(' ');
        let (kind, options) = (filesystem.next()?, filesystem.nth(1)?);
        Some(Self { root, point, kind, options })
    }

    fn has_v1(&self, controller: &str) -> bool {
        self.kind == "cgroup" && self.options.split(',').any(|option| option == controller)
    }

    /// A path of the hierarchy, relative to the mount point. What lies outside of what is mounted
    /// is seen as the mount point.
    fn below<'path>(&self, path: &'path str) -> &'path str {
        let root = self.root.trim_end_matches('/');
        match path.strip_prefix(root) {
            Some(rest) if !path.contains("..") && (rest.is_empty() || rest.starts_with('/')) => {
                rest.trim_start_matches('/')
            }
            _ => "",
        }
    }
}

/// Mountinfo writes blanks, tabs, newlines and backslashes in octal.
fn unescape(path: &str) -> PathBuf {
    let plain = path.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n");
    PathBuf::from(plain.replace("\\134", "\\"))
}

/// The number after `name` in a text of lines such as `name 123`.
pub fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests;
