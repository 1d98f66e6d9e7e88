//! The sizes that can be ordered.

/// CPU in cores and memory in bytes, as far as they are limited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    pub cpu: Option<f64>,
    pub memory: Option<u64>,
}

/// Who decides which sizes there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A task on Fargate, which has a size of the table.
    Fargate,
    /// A container or a task on an instance, whose limits can be any: powers of two are taken.
    Limits,
}

/// The sizes of tasks on Fargate: cores, and the least memory, the most and the step in MiB. As they stood in
/// September 2026: Amazon ECS developer guide, "Troubleshoot Amazon ECS task definition invalid CPU or memory errors"
/// (task-cpu-memory-error.html), for Linux.
const FARGATE: [(f64, u64, u64, u64); 8] = [
    (0.25, 512, 512, 512),
    (0.25, 1024, 2048, 1024),
    (0.5, 1024, 4096, 1024),
    (1.0, 2048, 8192, 1024),
    (2.0, 4096, 16_384, 1024),
    (4.0, 8192, 30_720, 1024),
    (8.0, 16_384, 61_440, 4096),
    (16.0, 32_768, 122_880, 8192),
];

/// The powers of two among which limits are chosen: 0.125 to 128 cores, 64 MiB to 1 TiB. The kernel takes less, and
/// hardly a program does.
const CORES: std::ops::RangeInclusive<i32> = -3..=7;
const BYTES: std::ops::RangeInclusive<u32> = 26..=40;

/// All sizes of Fargate, the smallest first.
pub fn fargate() -> impl Iterator<Item = Size> {
    FARGATE.into_iter().flat_map(|(cores, least, most, step)| {
        let memory = (least..=most).step_by(step as usize);
        memory.map(move |mebibytes| Size { cpu: Some(cores), memory: Some(mebibytes << 20) })
    })
}

/// The sizes next to one: with the next less and more CPU, and with the next less and more memory. Where one
/// has less or more CPU, its memory is as near to that of this one as Fargate allows.
pub fn next_to(kind: Kind, size: Size) -> Neighbours {
    let mut next = match kind {
        Kind::Fargate => next_on_fargate(size),
        Kind::Limits => next_limits(size),
    };
    next.smaller.dedup();
    next.larger.dedup();
    next
}

/// Those next to a size; none where it is at the end, or is no size that there is.
#[derive(Debug, Default, PartialEq)]
pub struct Neighbours {
    pub smaller: Vec<Size>,
    pub larger: Vec<Size>,
}

fn next_on_fargate(size: Size) -> Neighbours {
    let all: Vec<_> = fargate().collect();
    if !all.contains(&size) {
        return Neighbours::default();
    }
    let with = |cpu| all.iter().copied().filter(move |of| of.cpu == Some(cpu));
    let cores = || FARGATE.iter().map(|(cores, ..)| *cores);
    let has = size.cpu.unwrap_or_default();
    let less = cores().rev().find(|cores| *cores < has);
    let more = cores().find(|cores| *cores > has);
    let less = less.and_then(|cpu| with(cpu).rfind(|of| of.memory <= size.memory));
    let more = more.and_then(|cpu| with(cpu).find(|of| of.memory >= size.memory));
    let less_memory = with(has).rfind(|of| of.memory < size.memory);
    let more_memory = with(has).find(|of| of.memory > size.memory);
    Neighbours {
        smaller: less.into_iter().chain(less_memory).collect(),
        larger: more.into_iter().chain(more_memory).collect(),
    }
}

fn next_limits(size: Size) -> Neighbours {
    let of_cpu = |cpu: Option<f64>| cpu.map(|cpu| Size { cpu: Some(cpu), ..size });
    let of_memory =
        |memory: Option<u64>| memory.map(|memory| Size { memory: Some(memory), ..size });
    let less_cpu = size.cpu.and_then(|has| cores().rev().find(|cores| *cores < has));
    let more_cpu = size.cpu.and_then(|has| cores().find(|cores| *cores > has));
    let less_memory = size.memory.and_then(|has| bytes().rev().find(|bytes| *bytes < has));
    let more_memory = size.memory.and_then(|has| bytes().find(|bytes| *bytes > has));
    Neighbours {
        smaller: of_cpu(less_cpu).into_iter().chain(of_memory(less_memory)).collect(),
        larger: of_cpu(more_cpu).into_iter().chain(of_memory(more_memory)).collect(),
    }
}

/// The limits of CPU that are chosen among.
pub fn cores() -> impl DoubleEndedIterator<Item = f64> {
    CORES.map(|power| 2.0_f64.powi(power))
}

/// The limits of memory that are chosen among.
pub fn bytes() -> impl DoubleEndedIterator<Item = u64> {
    BYTES.map(|power| 1 << power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(cpu: f64, gibibytes: f64) -> Size {
        let memory = (gibibytes * f64::from(1 << 30)) as u64;
        Size { cpu: Some(cpu), memory: Some(memory) }
    }

    #[test]
    fn fargate_has_the_sizes_of_its_documentation() {
        let of = |cpu| {
            let all = fargate().filter(|of| of.cpu == Some(cpu));
            all.map(|of| of.memory.unwrap_or_default() >> 20).collect::<Vec<_>>()
        };
        assert_eq!(of(0.25), [512, 1024, 2048]);
        assert_eq!(of(0.5), [1024, 2048, 3072, 4096]);
        assert_eq!(of(1.0), [2048, 3072, 4096, 5120, 6144, 7168, 8192]);
        assert_eq!((of(2.0).len(), of(4.0).len()), (13, 23));
        assert_eq!((of(8.0)[1], of(8.0).len()), (20_480, 12));
        assert_eq!((of(16.0)[1], of(16.0).last().copied()), (40_960, Some(122_880)));
        assert_eq!(fargate().count(), 74);
    }

    #[test]
    fn next_sizes_of_fargate_are_sizes_that_exist() {
        let next = |cpu, memory| next_to(Kind::Fargate, size(cpu, memory));
        let middle = next(1.0, 3.0);
        assert_eq!(middle.smaller, [size(0.5, 3.0), size(1.0, 2.0)]);
        assert_eq!(middle.larger, [size(2.0, 4.0), size(1.0, 4.0)]);
        // Half the CPU has at most 4 GiB.
        assert_eq!(next(1.0, 8.0).smaller, [size(0.5, 4.0), size(1.0, 7.0)]);
        assert_eq!(next(0.25, 0.5).smaller, []);
        assert_eq!(next(0.25, 0.5).larger, [size(0.5, 1.0), size(0.25, 1.0)]);
        assert_eq!(next(16.0, 120.0).larger, []);
        assert_eq!(next(1.0, 2.5), Neighbours::default(), "there is no such size");
        let all: Vec<_> = fargate().collect();
        for of in &all {
            let Neighbours { smaller, larger } = next_to(Kind::Fargate, *of);
            assert!(smaller.iter().chain(&larger).all(|next| all.contains(next)), "{of:?}");
        }
    }

    #[test]
    fn next_limits_are_powers_of_two_of_what_is_limited() {
        let next = next_to(Kind::Limits, size(0.25, 0.5));
        assert_eq!(next.smaller, [size(0.125, 0.5), size(0.25, 0.25)]);
        assert_eq!(next.larger, [size(0.5, 0.5), size(0.25, 1.0)]);
        let uneven = next_to(Kind::Limits, size(3.0, 0.7));
        assert_eq!(uneven.smaller[0].cpu, Some(2.0));
        assert_eq!(uneven.smaller[1].memory, Some(512 << 20));
        let memory_alone = Size { cpu: None, memory: Some(1 << 26) };
        let next = next_to(Kind::Limits, memory_alone);
        assert_eq!((next.smaller.len(), next.larger.len()), (0, 1));
        assert_eq!(next.larger[0], Size { cpu: None, memory: Some(1 << 27) });
    }
}
