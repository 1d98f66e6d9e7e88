# shellcheck shell=bash
# Puts cargo-zigbuild into PATH: Zig as a C compiler for any platform. To be sourced in the repository.
venv=target/release-venv
# A folder that was moved here from elsewhere does not work.
"$venv/bin/python" -c '' 2> /dev/null || { rm -rf "$venv" && python3 -m venv "$venv"; }
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r scripts/release/requirements.txt
PATH=$PWD/$venv/bin:$PATH
