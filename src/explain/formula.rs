//! How the numbers beside CPU and memory come about, in the names of the kernel's files. docs/metrics.md has
//! their sources.

use crate::model::Number;

/// The formula of a number. Those of CPU and memory stand beside their values, by the source that gives
/// them.
pub fn of(number: Number) -> Option<&'static str> {
    Some(match number {
        Number::Cpu | Number::Memory => return None,
        Number::Throttling => "Δnr_throttled ÷ Δnr_periods of cpu.stat",
        Number::OomKills => "Δoom_kill of memory.events (version 1: memory.oom_control)",
        Number::CpuPressure => "Δtotal of some ÷ Δtime, cpu.pressure (machine: /proc/pressure/cpu)",
        Number::MemoryPressure => {
            "Δtotal of some ÷ Δtime, memory.pressure (machine: /proc/pressure/memory)"
        }
        Number::IoPressure => "Δtotal of some ÷ Δtime, io.pressure (machine: /proc/pressure/io)",
        Number::CpuFullPressure => "Δtotal of full ÷ Δtime, cpu.pressure",
        Number::MemoryFullPressure => {
            "Δtotal of full ÷ Δtime, memory.pressure (machine: /proc/pressure/memory)"
        }
        Number::IoFullPressure => {
            "Δtotal of full ÷ Δtime, io.pressure (machine: /proc/pressure/io)"
        }
        Number::DiskReadBytes => {
            "Δrbytes ÷ Δtime, io.stat (version 1: blkio.throttle.io_service_bytes; machine: sectors \
             × 512, /proc/diskstats)"
        }
        Number::DiskWriteBytes => {
            "Δwbytes ÷ Δtime, io.stat (version 1: blkio.throttle.io_service_bytes; machine: sectors \
             × 512, /proc/diskstats)"
        }
        Number::DiskReadOperations => {
            "Δrios ÷ Δtime, io.stat (version 1: blkio.throttle.io_serviced; machine: /proc/diskstats)"
        }
        Number::DiskWriteOperations => {
            "Δwios ÷ Δtime, io.stat (version 1: blkio.throttle.io_serviced; machine: /proc/diskstats)"
        }
        Number::NetworkReceivedBytes => "Δreceived bytes ÷ Δtime, /proc/self/net/dev without lo",
        Number::NetworkSentBytes => "Δsent bytes ÷ Δtime, /proc/self/net/dev without lo",
        Number::Processes => "pids.current (machine: /proc/loadavg)",
        Number::ProcessUtilization => {
            "pids.current ÷ the smallest pids.max (machine: the smaller of threads-max and pid_max)"
        }
        Number::Swap => {
            "memory.swap.current ÷ the smallest memory.swap.max (version 1: total_swap ÷ \
             (hierarchical_memsw_limit − hierarchical_memory_limit); machine: /proc/meminfo)"
        }
        Number::MemoryPeak => {
            "memory.peak ÷ the memory limit (version 1: memory.max_usage_in_bytes)"
        }
        Number::EphemeralStorage => "Utilized ÷ Reserved of EphemeralStorageMetrics, /task",
        Number::Fullest => "the highest of: memory of a container ÷ its limit, or else that of all",
    })
}
