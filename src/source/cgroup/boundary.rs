//! Finds the group of the whole container in a path, by the names that container runtimes give groups.

/// The place of the container's group among the names of a path, outermost first. The innermost of
/// nested containers counts. `None` where no name is a container's.
pub fn of_container(names: &[&str]) -> Option<usize> {
    let is_container =
        |place: &usize| has_container_id(names[*place]) || is_pod_or_task(&names[..*place]);
    (0..names.len()).rev().find(is_container)
}

/// Docker, containerd, CRI-O and Podman name a group by the id of its container, 64 hexadecimal
/// digits, and some put their own name around it (`docker-ID.scope`).
fn has_container_id(name: &str) -> bool {
    let runs = name.split(|letter: char| !letter.is_ascii_hexdigit());
    runs.into_iter().any(|run| run.len() == CONTAINER_ID)
}

/// Whether the last of these groups holds the containers of one Kubernetes pod or one ECS task.
///
/// The kubelet: `kubepods/burstable/podUID`, or with systemd
/// `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice`. ECS: `ecs/TASK`, or
/// with systemd `ecstasks.slice/ecstasks-TASK.slice`.
pub fn is_pod_or_task(names: &[&str]) -> bool {
    let Some((last, above)) = names.split_last() else { return false };
    let last = last.strip_suffix(".slice").unwrap_or(last);
    let is_pod = (last.starts_with("pod") || last.contains("-pod"))
        && above.iter().any(|name| name.contains("kubepods"));
    let is_task = above.last() == Some(&"ecs") || last.starts_with("ecstasks-");
    is_pod || is_task
}

/// Hexadecimal digits in the id of a container: a SHA-256.
const CONTAINER_ID: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9c40d7e21b6f83a5c7e8f01d2a4b69835e7c1d0f6a2b4e8d93c5f7a1b0e6d482";

    /// The name of the container's group in a path, in which `ID` stands for an id.
    fn container(path: &str) -> Option<String> {
        let path = path.replace("ID", ID);
        let names: Vec<_> = path.split('/').skip(1).collect();
        of_container(&names).map(|place| names[place].replace(ID, "ID"))
    }

    #[test]
    fn a_runtime_names_the_group_by_the_id() {
        for (path, expected) in [
            ("/docker/ID", "ID"),
            ("/system.slice/docker-ID.scope", "docker-ID.scope"),
            ("/batch.slice/docker-ID.scope/dind", "docker-ID.scope"),
            ("/machine.slice/libpod-ID.scope/container", "libpod-ID.scope"),
            ("/docker/ID/docker/ID/init", "ID"),
            (
                "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID",
                "kubepods-pod1.slice:cri-containerd:ID",
            ),
        ] {
            assert_eq!(container(path).as_deref(), Some(expected), "{path}");
        }
        let outer = of_container(&["docker", ID, "docker", ID, "init"]);
        assert_eq!(outer, Some(3), "the innermost");
    }

    #[test]
    fn in_a_pod_or_task_it_is_the_group_below() {
        for (path, expected) in [
            ("/kubepods.slice/pod1.slice/ctr.scope", "ctr.scope"),
            ("/kubepods/burstable/pod99ee3a64-645b-4699-9384-5a3875d78b41/app/sub", "app"),
            (
                "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod99ee.slice/app",
                "app",
            ),
            ("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod9.slice/app/a/b", "app"),
            (
                "/ecs/bf1ddbfbbc8f45c9b1ac4f779368741e/bf1ddbfbbc8f-2531612879/sub",
                "bf1ddbfbbc8f-2531612879",
            ),
            ("/ecs.slice/ecstasks.slice/ecstasks-bf1d.slice/app", "app"),
        ] {
            assert_eq!(container(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn other_names_tell_nothing() {
        for path in [
            "/",
            "/dind",
            "/system.slice/foo.service",
            "/user.slice/user-1000.slice/session-3.scope",
            "/system.slice/podman.service/app",
            "/kubepods.slice/kubepods-burstable.slice",
            "/ecs",
            "/0123456789abcdef0123456789abcdef/app",
        ] {
            assert_eq!(container(path), None, "{path}");
        }
    }
}
