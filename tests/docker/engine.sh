# shellcheck shell=bash disable=SC2034,SC2154 # $data is run.sh's, and what is set here too
# A Docker engine for one test, apart from any that is there, for run.sh and image.sh. $data is the
# folder for its files.

cannot() { echo "docker test: $*" >&2; exit 3; }

# be_root ARGUMENT...: starts the script anew with these, if it is not root's.
be_root() {
  [ "$(uname -s)" = Linux ] || cannot "it needs Linux, and this is $(uname -s)"
  [ "$(id -u)" != 0 ] || return 0
  sudo -n true 2> /dev/null || cannot "it needs root, to start an engine"
  exec sudo -n env SCOPE="${SCOPE:-}" "$(realpath "$0")" "$@"
}

needs=()
# need PROGRAM PACKAGE
need() { command -v "$1" > /dev/null || needs+=("$2"); }
install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" > /dev/null
}
# Installs what is needed.
install_needs() {
  need dockerd docker.io
  if [ ${#needs[@]} -gt 0 ]; then
    command -v apt-get > /dev/null || cannot "there is no apt-get to install ${needs[*]} with"
    apt-get update -qq || cannot "apt-get update failed"
    install "${needs[@]}" || cannot "these packages cannot be installed: ${needs[*]}"
  fi
  # Newer releases have the client in a package of its own.
  command -v docker > /dev/null || install docker-cli || cannot "there is no docker client"
}

groups=/sys/fs/cgroup
# meter.py knows it too.
group=agent-test
engine=
test=
finish() {
  [ -z "$test" ] || kill "$test" 2> /dev/null || true
  if [ -n "$engine" ]; then
    # It takes its containers with it.
    kill "$engine" 2> /dev/null || true
    wait "$engine" 2> /dev/null || true
    umount "$run"/exec/netns/* 2> /dev/null || true
    rmdir $groups/$group $groups/*/$group 2> /dev/null || true
  fi
  rm -rf "$run" "$data"
}

# With a socket, files and a containerd of its own, it leaves an engine that is there alone. Its
# containers have no network: nothing on this machine is changed for them.
start_engine() {
  # Paths of sockets must be short.
  run=$(mktemp -d)
  trap finish EXIT
  trap 'exit 1' INT TERM HUP
  export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$run/config
  unset DOCKER_CONTEXT DOCKER_TLS_VERIFY
  echo '{}' > "$run/settings"
  dockerd --config-file "$run/settings" --host "$DOCKER_HOST" --pidfile "$run/pid" \
    --data-root "$data/engine" --exec-root "$run/exec" \
    --containerd-namespace "test-$$" --containerd-plugins-namespace "test-plugins-$$" \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$group" \
    --iptables=false --bridge=none > "$run/log" 2>&1 &
  engine=$!
  grep -q "API listen on" < <(timeout 30 tail -n +1 -f --pid="$engine" "$run/log") ||
    cannot "the engine does not start: $(tail -n 3 "$run/log")"
  local able
  able=$(docker info --format '{{.MemoryLimit}} {{.CPUCfsQuota}} {{.CPUSet}}' 2> /dev/null)
  [ "$able" = "true true true" ] || cannot "the engine cannot limit memory, CPU time and CPUs here: $able"
}

# build IMAGE FOLDER [OPTION...]: with the builder that needs nothing from elsewhere.
build_image() {
  local image=$1 folder=$2
  shift 2
  DOCKER_BUILDKIT=0 docker build --quiet --tag "$image" "$@" "$folder" > /dev/null 2> "$run/build" ||
    cannot "the engine builds no image $image: $(tail -n 3 "$run/build")"
}

# Puts the programs of Debian's static busybox into FOLDER. Unpacked and not installed, because it and
# the other busybox cannot be installed together.
unpack_busybox() {
  (
    mkdir -p "$1"
    cd "$1"
    apt-get download -qq busybox-static 2> /dev/null || { apt-get update -qq && apt-get download -qq busybox-static; } ||
      exit 1
    dpkg-deb -x busybox-static_*.deb .
  ) || cannot "busybox-static cannot be downloaded"
}

# In the background, where a signal to the script does not wait for it.
run_tests() { # run_tests MODULE...
  PYTHONDONTWRITEBYTECODE=1 python3 -m unittest "$@" &
  test=$!
  wait "$test"
}
