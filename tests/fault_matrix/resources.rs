//! Faults of what the system gives a process: threads, and a signal mask.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::names;
use crate::network;
use crate::scene::Scene;

/// No thread can be made any more, until the fault ends. The endpoint has a name, whose lookup takes
/// one. A limit of threads is one of a user, and never one of root.
pub fn no_threads(scene: &mut Scene) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let user =
        (1 << 30) + std::process::id() % (1 << 20) * 1024 + NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = network::name(scene, "known");
    names::resolve(&name);
    let become_user = [format!("--reuid={user}"), "--clear-groups".to_owned()];
    scene.wrapper.push("setpriv".into());
    scene.wrapper.extend(become_user.iter().map(Into::into));
    // As that user: root may need a capability for the processes of others.
    let limit = move |id: u32, limit: &str| {
        let mut prlimit = Command::new("setpriv");
        prlimit.args(&become_user).args(["prlimit", &format!("--pid={id}")]);
        // Fails where it has ended already.
        let _ = prlimit.arg(format!("--nproc={limit}:")).output();
    };
    let give_back = limit.clone();
    scene.begin = Some(Box::new(move |agent, _| limit(agent.id(), "1")));
    scene.lift = Some(Box::new(move |scene| {
        give_back(scene.id.expect("the agent runs"), "1000");
    }));
}

/// As by a parent that has blocked them all and does not undo it for what it starts.
pub fn signals_blocked(scene: &mut Scene) {
    scene.wrapper.extend(["env", "--block-signal"].map(Into::into));
}
