//! Tasks from public reports: what the endpoint answered, and what is right.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{fixture, task};
use crate::config::MemoryUse;
use crate::model::{CpuReading, ReadError};
use crate::sampler::cpu_utilization;
use crate::source::Source;
use crate::source::task::account::Now;
use crate::source::task::news::{News, NewsSender};
use crate::source::task::{Task, stats};
use support::tree::Tree;

/// A task whose answers and files are made here, from one second to the next.
struct Scene {
    task: Task,
    news: NewsSender,
    tree: Tree,
    start: Instant,
    last: Option<CpuReading>,
}

/// Of two containers, web and metrics: CPU cores used, and MiB, where they are told.
type Usage = [(f64, Option<u64>); 2];

impl Scene {
    fn new(answer: &str, tree: &str) -> Self {
        let tree = Tree::new(tree);
        let (task, news) = task(&fixture(answer), tree.root());
        let start = Instant::now() + Duration::from_secs(86_400);
        Self { task, news, tree, start, last: None }
    }

    /// The endpoint answers with figures of the second `read`, at `second`.
    fn answer(&self, read: u32, second: u32, usage: Usage) {
        self.answer_of(read, second, usage, true);
    }

    /// The same; web may have no statistics.
    fn answer_of(&self, read: u32, second: u32, usage: Usage, web_is_told: bool) {
        let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(1_793_000_000);
        let time = |second: u32| epoch + Duration::from_secs(second.into());
        let container = |id: &str, (cores, mebibytes): (f64, Option<u64>)| {
            let read_at = humantime::format_rfc3339_nanos(time(read));
            let cpu = ((100.0 + f64::from(read) * cores) * 1e9) as u64;
            let memory = mebibytes.map_or("{}".to_owned(), |mebibytes| {
                let lists = "\"inactive_file\":0,\"active_file\":0";
                format!("{{\"usage\":{},\"stats\":{{{lists}}}}}", mebibytes << 20)
            });
            format!(
                "\"{id}\":{{\"read\":\"{read_at}\",\"memory_stats\":{memory},\
                 \"cpu_stats\":{{\"cpu_usage\":{{\"total_usage\":{cpu}}}}}}}"
            )
        };
        let none = || "\"a1\":null".to_owned();
        let web = if web_is_told { container("a1", usage[0]) } else { none() };
        let body = format!("{{{web},{}}}", container("b2", usage[1]));
        let usage = stats::parse(body.as_bytes(), MemoryUse::Used).expect("statistics");
        let instant = self.start + Duration::from_secs(second.into());
        self.news.send(News::Usage(usage, Now { instant, wall_clock: time(second) }));
    }

    /// What a sample at some second is, CPU and memory: percent, `-`, or why there is none.
    fn sample(&mut self, second: u32) -> (String, String) {
        let reading = self.task.read(self.start + Duration::from_secs(second.into()));
        let cpu = reading.cpu.and_then(|cpu| {
            let next = match cpu {
                Ok(next) => next,
                Err(error) => return Some(Err(error)),
            };
            let before = self.last.replace(next.clone())?;
            cpu_utilization(&before, &next).transpose()
        });
        let memory = reading.memory.map(|memory| Ok(memory?.percent()? as f32));
        let text = |part: Option<Result<f32, ReadError>>| match part {
            Some(Ok(percent)) => format!("{percent:.1}%"),
            Some(Err(error)) => error.to_string(),
            None => "-".to_owned(),
        };
        (text(cpu), text(memory))
    }
}

const TWO_CORES: &str = "== proc/meminfo\nMemTotal: 4000000 kB\n\
    == sys/devices/system/cpu/online\n0-1\n== proc/stat\ncpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\n";

/// The second of two samples of a task on an instance.
fn second_sample(answer: &str, usage: Usage) -> (String, String) {
    let mut scene = Scene::new(answer, TWO_CORES);
    scene.answer(0, 1, usage);
    scene.sample(1);
    scene.answer(10, 11, usage);
    scene.sample(11)
}

fn both(cpu: &str, memory: &str) -> (String, String) {
    (cpu.to_owned(), memory.to_owned())
}

#[test]
fn cpu_units_are_no_limit() {
    let usage = [(0.5, Some(200)), (0.1, Some(20))];
    for answer in ["field-ec2floor.json", "field-ec2shares.json", "field-ec2init.json"] {
        // 0.6 of 2 cores; 220 of 320 MiB.
        assert_eq!(second_sample(answer, usage), both("30.0%", "68.8%"), "{answer}");
    }
    // 0.6 of 1 vCPU; 220 of 512 MiB.
    assert_eq!(second_sample("field-mi.json", usage), both("60.0%", "43.0%"));
}

#[test]
fn without_the_memory_controller_cpu_is_there_and_memory_has_its_reason() {
    let told = second_sample("field-pi-task.json", [(0.9, None), (0.1, None)]);
    assert_eq!(told.0, "50.0%");
    let reason = "http://169.254.170.2/v4/x/task/stats has no memory of container web; if the kernel's memory controller is off, boot it with cgroup_enable=memory";
    assert_eq!(told.1, reason);
    let told = second_sample("field-pi-task.json", [(0.9, Some(10)), (0.1, None)]);
    assert!(told.1.contains("no memory of container metrics"), "{told:?}");
}

#[test]
fn what_a_container_used_while_it_had_no_statistics_is_of_no_sample() {
    let usage = [(0.6, Some(200)), (0.1, Some(20))];
    for (told, expected) in [
        // Web has used 100 s before it is told at first, and 3.6 s while it was not.
        ([false, false, true, true], ["-", "5.0%", "-", "35.0%"]),
        ([true, false, true, true], ["-", "-", "-", "35.0%"]),
        ([true, true, false, false], ["-", "35.0%", "-", "5.0%"]),
    ] {
        let mut scene = Scene::new("field-pi-task.json", TWO_CORES);
        let samples = [0, 1, 2, 3].map(|n| {
            scene.answer_of(3 * n, 3 * n, usage, told[n as usize]);
            scene.sample(3 * n).0
        });
        assert_eq!(samples, expected, "{told:?}");
    }
}

/// A task of 0.25 vCPU on Fargate that uses 0.2 cores, beside a platform that uses 0.05.
fn fargate(tree: &str) -> (String, String) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/field");
    let tree = std::fs::read_to_string(folder.join(tree)).expect("the fixture is there");
    let mut scene = Scene::new("field-fargate2.json", &tree);
    let mut last = both("", "");
    for second in 0..60 {
        let (user, idle) = (100_000 + second * 25, 9_000_000 + second * 175);
        scene.tree.change(&format!("== proc/stat\ncpu  {user} 0 0 {idle} 100 0 50 0 0 0\n"));
        if second % 10 == 5 {
            scene.answer(second - 4, second, [(0.18, Some(200)), (0.02, Some(20))]);
        }
        last = scene.sample(second);
    }
    last
}

#[test]
fn on_fargate_one_part_that_cannot_be_exact_is_absent_and_the_other_stays_exact() {
    assert_eq!(fargate("fargate.tree"), both("80.0%", "43.0%"));
    let (cpu, memory) = fargate("fargate-without-shmem.tree");
    assert_eq!(cpu, "80.0%", "and not the 12.5% of the machine");
    assert!(memory.ends_with("proc/meminfo has no MemTotal, MemFree, Cached and Shmem in kB"));
}
