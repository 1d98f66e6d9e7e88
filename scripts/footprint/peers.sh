#!/usr/bin/env bash
# Puts the peers under target/peers, once: nothing else of the machine changes, but for libraries
# that Debian's packages need and the machine does not have.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=target/peers
older=0.1.11
# Telegraf is not in Debian.
packages=(collectd-core prometheus-node-exporter prometheus netdata-core)

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if ! [ -x $peers/bin/cloudwatch_metrics_agent ]; then
  cargo install cloudwatch_metrics_agent --version $older --locked --quiet --root $peers \
    --target-dir $peers/build
  strip $peers/bin/cloudwatch_metrics_agent
  rm -r $peers/build
fi

[ "$(cat $peers/complete 2> /dev/null)" != "${packages[*]}" ] || exit 0
as_root apt-get update -qq
# The libraries of the plugin that publishes are only suggested, and so is that of RRD files; their names
# differ with the release.
mapfile -t libraries < <(apt-cache depends collectd-core | sed -n 's/^.*Suggests: \(lib\(curl\|yajl\|rrd[0-9]\).*\)/\1/p')
mapfile -t -O "${#libraries[@]}" libraries < <(apt-cache depends netdata-core | sed -n 's/^.*Depends: \(lib\(json\|mnl\|netf\|uv\).*\)/\1/p')
mkdir -p $peers/packages
(cd $peers/packages && apt-get download -qq "${packages[@]}" "${libraries[@]}")
for package in "$peers"/packages/*.deb; do dpkg -x "$package" $peers/debian; done
libraries_of() {
  LD_LIBRARY_PATH=$(dirname $peers/debian/usr/lib/*/libyajl.so.2) ldd $peers/debian/usr/sbin/collectd \
    $peers/debian/usr/lib/collectd/{write_http,rrdtool}.so $peers/debian/usr/bin/prometheus{,-node-exporter} \
    $peers/debian/usr/sbin/netdata
}
if libraries_of | grep -q 'not found'; then
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends libcap2 "${libraries[@]}" > /dev/null
fi
if libraries_of | grep 'not found' >&2; then exit 1; fi
echo "${packages[*]}" > $peers/complete
