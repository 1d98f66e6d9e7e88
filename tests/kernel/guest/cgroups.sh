# The three layouts of cgroups behind one set of words. $layout, v1, v2 or hybrid, is on the
# kernel's command line, which hands it to the init process as a variable.

root=/sys/fs/cgroup

# The hierarchies that a process is in, as folders below the root.
case $layout in
  v2) hierarchies=. ;;
  v1) hierarchies="cpu,cpuacct memory cpuset" ;;
  hybrid) hierarchies="cpu,cpuacct memory cpuset unified" ;;
esac

mount_cgroups() {
  if [ "$layout" = v2 ]; then
    mount -t cgroup2 cgroup2 $root
    return
  fi
  mount -t tmpfs tmpfs $root
  for hierarchy in $hierarchies; do
    mkdir $root/$hierarchy
    case $hierarchy in
      unified) mount -t cgroup2 cgroup2 $root/unified ;;
      *) mount -t cgroup -o "$hierarchy" cgroup "$root/$hierarchy" ;;
    esac
  done
  # As systemd has them.
  ln -s cpu,cpuacct $root/cpu
  ln -s cpu,cpuacct $root/cpuacct
}

unmount_cgroups() {
  if [ "$layout" != v2 ]; then
    for hierarchy in $hierarchies; do umount "$root/$hierarchy"; done
  fi
  umount $root
}

# make_cgroup CGROUP
make_cgroup() {
  for hierarchy in $hierarchies; do mkdir -p "$root/$hierarchy/$1"; done
  if [ "$layout" != v2 ]; then
    # A cpuset of v1 takes nobody in before it is told these.
    inherit_cpuset "$1"
  fi
}

inherit_cpuset() {
  cpus=$(cat $root/cpuset/cpuset.cpus) mems=$(cat $root/cpuset/cpuset.mems)
  echo "$cpus" > "$root/cpuset/$1/cpuset.cpus"
  echo "$mems" > "$root/cpuset/$1/cpuset.mems"
}

# share_controllers CGROUP: its children may have limits of their own.
share_controllers() {
  [ "$layout" != v2 ] || echo "+cpu +memory +cpuset" > "$root/$1/cgroup.subtree_control"
}

# limit_cpu CGROUP PERCENT_OF_A_CORE
limit_cpu() {
  if [ "$layout" = v2 ]; then
    echo "$(($2 * 1000)) 100000" > "$root/$1/cpu.max"
  else
    echo 100000 > "$root/cpu,cpuacct/$1/cpu.cfs_period_us"
    echo "$(($2 * 1000))" > "$root/cpu,cpuacct/$1/cpu.cfs_quota_us"
  fi
}

# limit_memory CGROUP MEGABYTES
limit_memory() {
  if [ "$layout" = v2 ]; then
    echo "$2M" > "$root/$1/memory.max"
  else
    echo "$2M" > "$root/memory/$1/memory.limit_in_bytes"
  fi
}

# limit_cpus CGROUP LIST
limit_cpus() {
  if [ "$layout" = v2 ]; then
    echo "$2" > "$root/$1/cpuset.cpus"
  else
    echo "$2" > "$root/cpuset/$1/cpuset.cpus"
  fi
}

# within CGROUP COMMAND...: becomes the command, inside the cgroup. For a subshell.
within() {
  for hierarchy in $hierarchies; do echo 0 > "$root/$hierarchy/$1/cgroup.procs" || exit 1; done
  shift
  exec "$@"
}

# measure_cpu CGROUP: becomes the meter of the cgroup's CPU time and of its throttling, which stays
# outside of it. A child's quota is that of the cgroup above, which counts it.
measure_cpu() {
  quota=${1%/child}/cpu.stat:nr_periods,nr_throttled
  case $layout in
    v2) exec meter $cpu_milliseconds "$root/$1/cpu.stat:usage_usec" "$root/$quota" ;;
    *)
      cd "$root/cpu,cpuacct" || exit 1
      exec meter $cpu_milliseconds "$1/cpuacct.usage" "$quota"
      ;;
  esac
}

# measure_memory CGROUP: the same of its memory and of what was killed.
measure_memory() {
  case $layout in
    v2)
      cd "$root/$1" || exit 1
      exec meter $memory_milliseconds memory.events:oom_kill memory.current \
        memory.stat:file,shmem,slab_reclaimable
      ;;
    *)
      cd "$root/memory/$1" || exit 1
      exec meter $memory_milliseconds memory.oom_control:oom_kill memory.usage_in_bytes \
        memory.stat:total_cache,total_shmem
      ;;
  esac
}
