#!/usr/bin/env bash
# Puts Debian's Prometheus and promtool under target/prometheus, once. It is unpacked and not
# installed, because installing it would start a server.
set -euo pipefail
cd "$(dirname "$0")/../.."
place=target/prometheus
[ ! -e $place/complete ] || exit 0
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
as_root apt-get update -qq
mkdir -p $place/package
(cd $place/package && apt-get download -qq prometheus)
for package in "$place"/package/*.deb; do dpkg -x "$package" $place; done
rm -r $place/package
$place/usr/bin/promtool --version > /dev/null
touch $place/complete
