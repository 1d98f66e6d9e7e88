//! The endpoints of the place where the agent runs: the task metadata of ECS, the instance metadata of
//! EC2, and the HTTP client that asks them.

pub mod ec2;
pub mod ecs;
pub mod http;
