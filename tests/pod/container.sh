# Runs a command as a container runtime does, in a control group and a mount namespace of its own:
#
#     container.sh GROUP COMMAND ARGUMENT...
#
# GROUP is below the root of each hierarchy of version 1. Nothing is masked with MASKED=yes: instead
# something else stands at /sys/fs/cgroup.
set -e
group=$1
shift
for controller in cpu cpuacct memory; do
  mkdir -p "/sys/fs/cgroup/$controller/$group"
  echo 0 > "/sys/fs/cgroup/$controller/$group/cgroup.procs"
done
exec unshare --cgroup --mount --propagation private sh -ec '
  mount -t tmpfs none /sys/fs/cgroup
  for controller in cpu cpuacct memory; do
    mkdir "/sys/fs/cgroup/$controller"
    [ "${MASKED:-}" = yes ] || mount -t cgroup -o "$controller" none "/sys/fs/cgroup/$controller"
  done
  mount -t proc proc /proc
  exec "$@"' sh "$@"
