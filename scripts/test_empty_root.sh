#!/usr/bin/env bash
# Runs the static binary where there is nothing else but /proc and /sys, as in an image made from
# scratch: the preview must work, and TLS must be verified against the bundled roots.
#
#   scripts/test_empty_root.sh BINARY FAKE_CLOUDWATCH
#
# Exits with 3 where this machine does not let it.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1 server=$2
work=$PWD/target/empty-root
rm -rf "$work"
mkdir -p "$work/root/proc" "$work/root/sys"
cp "$binary" "$work/root/agent"
unshare --mount --map-root-user true || exit 3

# Runs the agent with an environment of its own until it was given time to publish.
agent() { # agent [NAME=VALUE ...] -- ARGUMENTS
  local environment=()
  while [ "$1" != -- ]; do environment+=("$1"); shift; done
  shift
  # shellcheck disable=SC2016 # expanded by the inner shell
  timeout --signal=TERM --preserve-status 3 unshare --mount --map-root-user sh -c '
    root=$1 && shift
    mount --rbind /proc "$root/proc" && mount --rbind /sys "$root/sys" || exit 3
    exec env -i "$@"
  ' sh "$work/root" "${environment[@]}" "$(command -v chroot)" "$work/root" /agent \
    --namespace Test --service Foo --period 1 "$@"
}

# expect FILE PATTERN
expect() {
  grep -Eq "$2" "$work/$1" && return
  echo "no line with '$2' in $1:" >&2
  cat "$work/$1" >&2
  exit 1
}

agent -- --dry-run > "$work/preview.log"
expect preview.log ' CPUUtilization=[0-9.]+% MaxCPUUtilization=[0-9.]+% MemoryUtilization=[0-9.]+%'

exec 3< <(exec "$server" --tls --ca-file "$work/ca.pem")
server_pid=$!
trap 'kill $server_pid' EXIT
read -r url <&3
# The server's authority is not among the bundled roots, so it is refused, and by them.
agent RUST_LOG=debug AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret -- \
  --endpoint-url "$url" 2> "$work/tls.log" || true
expect tls.log 'trusted roots: [0-9]{3} of Mozilla, bundled'
expect tls.log 'invalid peer certificate: UnknownIssuer'
echo "works in an empty root"
