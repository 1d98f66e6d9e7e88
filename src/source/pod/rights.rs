//! Why a container cannot be read, and what to do about it.
//!
//! `/proc/PID/root` is for those that may trace the process: with the same user and group in all forms
//! while it is dumpable and has no more capabilities, or with CAP_SYS_PTRACE; and what AppArmor and the
//! like allow (ptrace(2), "Ptrace access mode checking").

/// The user, group and capability that a process runs with, from the text of /proc/PID/status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunsAs {
    /// Real, effective, saved, and for files.
    uids: [u32; 4],
    gids: [u32; 4],
    may_trace: bool,
}

impl RunsAs {
    pub fn parse(status: &str) -> Option<Self> {
        let field = |name| status.lines().find_map(|line: &str| line.strip_prefix(name));
        let ids = |name| {
            let mut ids = field(name)?.split_ascii_whitespace().map(str::parse);
            let mut next = || ids.next()?.ok();
            Some([next()?, next()?, next()?, next()?])
        };
        let capabilities = field("CapEff:").map(str::trim);
        let capabilities = capabilities.and_then(|mask| u64::from_str_radix(mask, 16).ok());
        let may_trace = capabilities.is_some_and(|mask| mask & CAP_SYS_PTRACE != 0);
        Some(Self { uids: ids("Uid:")?, gids: ids("Gid:")?, may_trace })
    }
}

/// Why the agent may not look into a process, with the cure.
pub fn why(process: &RunsAs, agent: &RunsAs) -> String {
    let (uid, gid) = (process.uids[1], process.gids[1]);
    let (own_uid, own_gid) = (agent.uids[3], agent.gids[3]);
    if agent.may_trace {
        return "the agent has the capability SYS_PTRACE, so AppArmor, SELinux or another user namespace \
                forbids it: give both containers the same profile and user namespace"
            .to_owned();
    }
    let whose =
        format!("it runs as uid {uid} and gid {gid}, the agent as uid {own_uid} and gid {own_gid}");
    if own_uid == 0 {
        return format!(
            "{whose} without the capability SYS_PTRACE: add that to the agent's container"
        );
    }
    let or_root = "as uid 0 with SYS_PTRACE as its only capability";
    match (uid, gid) {
        ids if ids == (own_uid, own_gid) => format!(
            "it runs as uid {uid} and gid {gid} like the agent, but it has more capabilities or other saved ids, has \
             changed its user without a new program, or is forbidden by AppArmor or SELinux: run the \
             agent {or_root}"
        ),
        _ if uid == own_uid => {
            format!("{whose}; the gid differs: run the agent as {uid}:{gid}, or {or_root}")
        }
        (0, _) => format!("{whose}: run the agent {or_root}"),
        _ => format!("{whose}: run the agent as {uid}:{gid}, or {or_root}"),
    }
}

const CAP_SYS_PTRACE: u64 = 1 << 19;

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(uid: u32, gid: u32, capabilities: u64) -> RunsAs {
        let status = format!(
            "Name:\tapp\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n\
             CapInh:\t0000000000000000\nCapEff:\t{capabilities:016x}\n"
        );
        RunsAs::parse(&status).expect("as the kernel writes it")
    }

    /// Those of Docker.
    const DEFAULT: u64 = 0xa804_25fb;

    #[test]
    fn who_is_who_is_told_with_the_cure() {
        let (app, root) = (identity(1000, 1000, 0), identity(0, 0, DEFAULT));
        for (process, agent, expected) in [
            (
                identity(1000, 0, 0),
                app.clone(),
                "it runs as uid 1000 and gid 0, the agent as uid 1000 and gid 1000; the gid differs: \
                 run the agent as 1000:0, or as uid 0 with SYS_PTRACE as its only capability",
            ),
            (
                identity(2000, 2000, 0),
                app.clone(),
                "it runs as uid 2000 and gid 2000, the agent as uid 1000 and gid 1000: \
                 run the agent as 2000:2000, or as uid 0 with SYS_PTRACE as its only capability",
            ),
            (
                root.clone(),
                app.clone(),
                "it runs as uid 0 and gid 0, the agent as uid 1000 and gid 1000: \
                 run the agent as uid 0 with SYS_PTRACE as its only capability",
            ),
            (
                app.clone(),
                root,
                "it runs as uid 1000 and gid 1000, the agent as uid 0 and gid 0 without the \
                 capability SYS_PTRACE: add that to the agent's container",
            ),
        ] {
            assert_eq!(why(&process, &agent), expected);
        }
        assert!(why(&app, &identity(0, 0, CAP_SYS_PTRACE)).contains("AppArmor, SELinux"));
        assert!(
            why(&app, &app).starts_with("it runs as uid 1000 and gid 1000 like the agent, but")
        );
    }

    #[test]
    fn one_of_its_ids_that_differs_is_enough() {
        let status = "Uid:\t1000\t1000\t0\t1000\nGid:\t1000\t1000\t1000\t1000\nCapEff:\t0\n";
        let setuid = RunsAs::parse(status).expect("as the kernel writes it");
        let text = why(&setuid, &identity(1000, 1000, 0));
        assert!(text.starts_with("it runs as uid 1000 and gid 1000 like the agent, but"), "{text}");
    }

    #[test]
    fn a_text_without_ids_tells_nothing() {
        for status in
            ["", "Uid:\t1\t1\t1\t1\n", "Uid:\t1\nGid:\t1\t1\t1\t1\n", "Uid:\tx\nGid:\ty\n"]
        {
            assert_eq!(RunsAs::parse(status), None, "{status:?}");
        }
    }
}
