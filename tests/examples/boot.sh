#!/usr/bin/env bash
# The unit of examples/systemd in a machine whose first process is systemd: what it forbids leaves the
# agent all that it needs, and as it is installed it fails with the reason, once.
#
#     tests/examples/boot.sh BINARY
#
# Boots Debian's cloud kernel in QEMU, in software emulation, with this machine's systemd; takes about
# a minute and a half. Installs on Debian what is not there. Exits with 3, and says why, where it cannot run.
set -euo pipefail
arguments=BINARY
# shellcheck source-path=SCRIPTDIR source=../kernel/machine.sh
. "$(dirname "$0")/../kernel/machine.sh"
examples=$(realpath ../../examples)

systemd=/usr/lib/systemd
if ! [ -x $systemd/systemd ]; then
  update
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends systemd \
    > /dev/null || cannot "systemd cannot be installed"
fi

root=$cache/systemd
rm -rf "$root"
mkdir -p "$root"/{dev,etc/default,etc/systemd/system,proc,run,sys,tmp,usr/bin,usr/lib,usr/local/bin,var/tmp}
ln -s usr/lib "$root/lib"
# Newer releases have a second program that starts the services.
for program in $systemd/systemd $systemd/systemd-shutdown $systemd/systemd-executor; do
  [ -e "$program" ] || continue
  for file in "$program" $(ldd "$program" | grep -o '/[^ ]*'); do
    mkdir -p "$root${file%/*}"
    cp -L "$file" "$root$file"
  done
done
ln -s $systemd/systemd "$root/init"
echo 'root:x:0:0::/:' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
cp "$binary" "$root/usr/local/bin/cloudwatch_metrics_agent"
unit=cloudwatch-metrics-agent
cp "$examples/systemd/$unit.service" "$root/etc/systemd/system/"
settings=$root/etc/default/$unit
cp "$examples/systemd/$unit.default" "$settings"
# What README.md has to set the names.
names=$(sed -n "s|^\(printf .*\) . sudo tee -a /etc/default/$unit\$|\1|p" "$examples/../README.md")
[ -n "$names" ] || { echo "README.md does not say how the names are set" >&2; exit 1; }
# An endpoint that is not there tells whether connections may be made. systemd stops the agent after
# some seconds, and the machine with it.
add_settings() {
  bash -c "$names"
  echo CLOUDWATCH_METRICS_AGENT_PERIOD=1
  echo CLOUDWATCH_METRICS_AGENT_PUBLISH=console,cloudwatch
  echo CLOUDWATCH_METRICS_AGENT_ENDPOINT_URL=http://127.0.0.1:9
  echo AWS_REGION=eu-west-1
  echo AWS_ACCESS_KEY_ID=id
  echo AWS_SECRET_ACCESS_KEY=secret
  echo RUST_LOG=info
}
mkdir "$root/etc/systemd/system/$unit.service.d"
cat > "$root/etc/systemd/system/$unit.service.d/test.conf" << 'END'
[Unit]
DefaultDependencies=no
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Restart=no
RuntimeMaxSec=5
DeviceAllow=/dev/ttyS0 rw
StandardOutput=file:/dev/ttyS0
StandardError=file:/dev/ttyS0
END

# boot UNIT LINE...: what the machine says that starts this, with lines of the agent's unit besides.
boot() {
  local first=$1
  shift
  printf '%s\n' '[Service]' "$@" > "$root/etc/systemd/system/$unit.service.d/variant.conf"
  pack systemd.gz
  timeout 120 qemu-system-x86_64 -nodefaults -no-reboot -display none -serial stdio -accel tcg -m 512 \
    -kernel "$cache/vmlinuz" -initrd "$cache/systemd.gz" < /dev/null \
    -append "console=ttyS0 panic=-1 systemd.unit=$first.service systemd.log_target=kmsg printk.devkmsg=on" \
    | tr -d '\r' > "$cache/systemd.log"
}

# Says what of the expected is not there.
missing() {
  local expected
  for expected in \
    'scope: host' \
    '^[0-9:]*  *[0-9.]*%  *[0-9.]*%  *[0-9.]*%  *[0-9.]*%$' \
    'Connection refused' \
    'stopped; .* publisher=console' \
    'stopped; .* publisher=cloudwatch'; do
    grep -q "$expected" "$cache/systemd.log" || echo "no line with: $expected"
  done
  if grep "$unit.service: .*SIGKILL" "$cache/systemd.log"; then echo "it had to be killed"; fi
}

# none PROBLEMS: ends with the log where there are any.
none() {
  [ -n "$1" ] || return 0
  cat "$cache/systemd.log" >&2
  echo "$1" >&2
  exit 1
}

# A machine that stays for some seconds, whatever becomes of the unit.
cat > "$root/etc/systemd/system/stay.service" << END
[Unit]
DefaultDependencies=no
Wants=$unit.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
ExecStart=cloudwatch_metrics_agent --once --dry-run --period 5
END

# The same of a unit whose names are not set.
not_refused() {
  local expected
  for expected in \
    '--namespace is missing: set it or CLOUDWATCH_METRICS_AGENT_NAMESPACE' \
    '--service is missing: set it or CLOUDWATCH_METRICS_AGENT_SERVICE' \
    "$unit.service: Main process exited, code=exited, status=2/INVALIDARGUMENT"; do
    grep -qF -e "$expected" "$cache/systemd.log" || echo "no line with: $expected"
  done
  if grep "$unit.service: Scheduled restart job" "$cache/systemd.log"; then echo "it was started again"; fi
}

# As it is installed, but for a shorter wait. And it would be noticed if it was started again.
restarting=(Restart=on-failure RestartSec=1 '[Unit]' FailureAction=none)
boot stay "${restarting[@]}"
problems=$(not_refused)
none "$problems"
echo "without names: $(grep -c 'is missing: set it or' "$cache/systemd.log") lines, exit code 2, not started again"
boot stay RestartPreventExitStatus= "${restarting[@]}"
problems=$(not_refused)
[[ $problems == *"it was started again"* ]] || { echo "a restart is not noticed" >&2; exit 1; }
echo "with RestartPreventExitStatus=:" "$problems"

add_settings >> "$settings"
boot "$unit"
problems=$(missing)
none "$problems"
# It prints on a terminal there.
grep '^[0-9:]*  *[0-9.]*%  *[0-9.]*%' "$cache/systemd.log" | tail -1
# A whole instance: what systemd forbids leaves it history, states and API, too. This one has no id.
mkdir -p "$root/etc/cloudwatch-metrics-agent"
sed '/^auto-dimensions:/d; /^dimension-set:/d' "$examples/ec2/agent.yaml" > "$root/etc/cloudwatch-metrics-agent/agent.yaml"
cp "$examples/ec2/local.conf" "$root/etc/systemd/system/$unit.service.d/"
whole() {
  local expected
  missing
  for expected in \
    'and runs 4 checks' \
    'the history is kept in /var/lib/cloudwatch-metrics-agent/history' \
    'the API answers at unix:/run/cloudwatch-metrics-agent/agent.sock'; do
    grep -q "$expected" "$cache/systemd.log" || echo "no line with: $expected"
  done
  if grep 'ERROR.*\(history\|state\|API\)' "$cache/systemd.log"; then echo "it cannot write"; fi
}
boot "$unit"
problems=$(whole)
none "$problems"
echo "a whole instance: $(grep -o 'the API answers at .*' "$cache/systemd.log")"
rm "$root/etc/systemd/system/$unit.service.d/local.conf"
# And it would be noticed.
for line in ProcSubset=pid 'RestrictAddressFamilies=none' TimeoutStopSec=1; do
  boot "$unit" "$line"
  problems=$(missing)
  [ -n "$problems" ] || { echo "with $line nothing is missing" >&2; exit 1; }
  echo "with $line:" "$problems"
done
