#!/usr/bin/env bash
# Builds the static binary for one architecture, on a machine of any, to the same bytes everywhere.
#
#     scripts/release/build.sh ARCHITECTURE FOLDER
#
# The architecture is x86_64 or aarch64, or as Docker calls them amd64 or arm64. Needs rustup and
# Python with venv.
set -euo pipefail
[ $# = 2 ] || { echo "usage: $0 x86_64|aarch64 FOLDER" >&2; exit 2; }
case $1 in
  x86_64 | amd64) architecture=x86_64 ;;
  aarch64 | arm64) architecture=aarch64 ;;
  *) echo "$0: the architecture is $1, and not x86_64 or aarch64" >&2; exit 2 ;;
esac
folder=$(realpath -m "$2")
cd "$(dirname "$0")/../.."
target=$architecture-unknown-linux-musl

rustup show active-toolchain > /dev/null 2>&1 || rustup toolchain install > /dev/null
rustup --quiet target add "$target"
source scripts/release/zig.sh

cargo fetch --quiet --locked --target "$target"
# Zig compiles, and the toolchain's own lld links, as in every build of the static binary.
mapfile -t flags < <(python3 -c '
import tomllib
with open(".cargo/config.toml", "rb") as file:
    print(*tomllib.load(file)["target"]["cfg(target_env = \"musl\")"]["rustflags"], sep="\n")
')
[ ${#flags[@]} -gt 1 ] || { echo "$0: .cargo/config.toml has no rustflags for musl" >&2; exit 1; }
# The texts of panics name source files. Those of this machine are nobody's business, and would
# make two builds differ.
flags+=("--remap-path-prefix=$PWD=/src")
for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
  flags+=("--remap-path-prefix=$crates=/crates")
done
printf -v CARGO_ENCODED_RUSTFLAGS '%s\x1f' "${flags[@]}"
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
cargo zigbuild --release --locked --package cloudwatch_metrics_agent --target "$target" --target-dir target \
  --config "target.$target.linker='rust-lld'"
install -D "target/$target/release/cloudwatch_metrics_agent" "$folder/cloudwatch_metrics_agent"
