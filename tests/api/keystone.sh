#!/usr/bin/env bash
# The API with a real Keystone, Debian's: tokens that are valid, revoked, expired, of another project and of another
# role, and a Keystone that hangs, is gone, and is back.
#
#   tests/api/keystone.sh BINARY
#
# Installs Debian's python3-keystone where it is not there, which starts no server. Its database and keys are below
# target/. Exits with 3, and says why, where this machine cannot run it.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 BINARY" >&2; exit 1; }
binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
cannot() { echo "keystone: $*" >&2; exit 3; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

if [ ! -x /usr/bin/keystone-manage ]; then
  as_root apt-get update -qq || cannot "Debian's packages cannot be had here"
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends python3-keystone > /dev/null ||
    cannot "Debian's python3-keystone cannot be had here"
fi

work=$PWD/target/keystone
rm -rf "$work"
mkdir -p "$work"
mkdir -m 700 "$work/fernet" "$work/credential"
cat > "$work/keystone.conf" << CONF
[DEFAULT]
log_file = $work/keystone.log
[database]
connection = sqlite:///$work/keystone.db
[fernet_tokens]
key_repository = $work/fernet
[credential]
key_repository = $work/credential
[token]
# Longer than the agent remembers one, and short enough to wait for.
expiration = 25
[cache]
enabled = false
CONF
password=a-password-of-the-test
manage() { # manage COMMAND...
  /usr/bin/keystone-manage --config-file "$work/keystone.conf" "$@" > "$work/manage.log" 2>&1 ||
    { cat "$work/manage.log" >&2; exit 1; }
}
manage db_sync
manage fernet_setup --keystone-user "$(id -un)" --keystone-group "$(id -gn)"
manage bootstrap --bootstrap-password $password

PYTHONDONTWRITEBYTECODE=1 exec timeout --kill-after=5 85 \
  /usr/bin/python3 tests/api/keystone.py "$work" "$binary" $password
