# Sourced by what boots a machine: the packages it takes, and in $cache a kernel (vmlinuz), its one
# module that is needed (loop.ko) and a static busybox. `cannot TEXT` ends the script with 3.

cannot() { echo "kernel test: $*" >&2; exit 3; }

[ "$(uname -sm)" = "Linux x86_64" ] || cannot "it needs Linux on x86_64, and this is $(uname -sm)"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
updated=
update() {
  [ -z "$updated" ] || return 0
  command -v apt-get > /dev/null || cannot "there is no apt-get to get packages with"
  as_root apt-get update -qq || cannot "apt-get update failed"
  updated=yes
}

needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need qemu-system-x86_64 qemu-system-x86
need cpio cpio
need musl-gcc musl-tools
need python3 python3
need xz xz-utils
if [ ${#needs[@]} -gt 0 ]; then
  update
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends \
    "${needs[@]}" > /dev/null || cannot "these packages cannot be installed: ${needs[*]}"
fi

# What runs in the guest is unpacked and not installed: a kernel, its one module that is needed,
# and a static busybox.
if [ ! -s "$cache/vmlinuz" ] || [ ! -s "$cache/loop.ko" ] || [ ! -s "$cache/busybox" ]; then
  update
  kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p')
  [ -n "$kernel" ] || cannot "there is no package linux-image-cloud-amd64"
  unpacked=$(mktemp -d "$cache/XXXXXX")
  trap 'rm -rf "$unpacked"' EXIT
  for package in "$kernel" busybox-static; do
    (cd "$unpacked" && apt-get download -qq "$package" 2> /dev/null) ||
      cannot "$package cannot be downloaded"
    dpkg-deb -x "$unpacked/$package"_*.deb "$unpacked/root"
  done
  xz -dfq "$unpacked"/root/{,usr/}lib/modules/*/kernel/drivers/block/loop.ko.xz 2> /dev/null || true
  keep() { mv "$(find "$unpacked/root" -type f -name "$1" -path "$2" -print -quit)" "$cache/$3"; }
  keep loop.ko '*' loop.ko
  keep busybox '*/bin/*' busybox
  keep 'vmlinuz-*' '*/boot/*' vmlinuz
  rm -rf "$unpacked"
fi
