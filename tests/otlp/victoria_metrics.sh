#!/usr/bin/env bash
# Unpacks VictoriaMetrics of Debian trixie below target/victoria-metrics, where it is not there, and prints
# the path of the program. apt gets sources, lists and a cache of its own there, made from the sources of
# this machine with the suite replaced: nothing of the system is changed, nothing is installed. Exits with
# 3, and says why, where it cannot.
set -euo pipefail
cd "$(dirname "$0")/../.."
cannot() { echo "otlp: no VictoriaMetrics: $*" >&2; exit 3; }
place=$PWD/target/victoria-metrics
program=$place/unpacked/usr/bin/victoria-metrics
if ! [ -e "$place/complete" ]; then
  command -v apt-get > /dev/null || cannot "there is no apt-get"
  rm -rf "$place"
  mkdir -p "$place"/{sources,parts,lists/partial,cache/archives/partial,unpacked}
  touch "$place/status"
  python3 tests/otlp/sources_of.py trixie "$place/sources" ||
    cannot "no source of apt on this machine names the release that it is"
  # What leads to the network from here, such as a proxy, but none of the system's places and hooks.
  {
    apt-config dump Acquire
    cat << CONFIGURATION
Dir::Etc::Parts "$place/parts/";
Dir::Etc::Main "/dev/null";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$place/sources/";
Dir::State "$place/";
Dir::State::Lists "$place/lists/";
Dir::State::Status "$place/status";
Dir::Cache "$place/cache/";
Dir::Log "$place/";
APT::Sandbox::User "$(id -un)";
CONFIGURATION
  } > "$place/apt.conf"
  export APT_CONFIG=$place/apt.conf
  said=$(apt-get update --quiet 2>&1) || cannot "apt-get update: $said"
  said=$(cd "$place" && apt-get download --quiet victoria-metrics/trixie 2>&1) || cannot "apt-get download: $said"
  dpkg -x "$place"/victoria-metrics_*.deb "$place/unpacked"
  dpkg-deb --field "$place"/victoria-metrics_*.deb Version > "$place/version"
  "$program" -version > /dev/null 2>&1 || cannot "it does not run on this machine"
  rm -rf "$place"/{lists,cache,*.deb}
  touch "$place/complete"
fi
echo "$program"
