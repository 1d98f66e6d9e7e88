//! The task by a simulated machine and endpoint.

mod fargate;
mod simulation;

use std::path::Path;

/// The body of an answer of the endpoint, from tests/fixtures/ecs.
pub fn fixture(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ecs");
    std::fs::read(root.join(name)).expect("the fixture is there")
}
