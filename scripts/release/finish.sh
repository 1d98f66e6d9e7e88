#!/usr/bin/env bash
# Makes of the packages of a release what is published: repositories for apt and dnf, and the sums of all
# files. With a key, the RPM packages, the repositories and the sums are signed.
#
#     scripts/release/finish.sh [--signed] FOLDER
#
# FOLDER is target/dist of scripts/release.sh, which calls this. It may be called again, with a key:
#
#     RELEASE_GPG_KEY         the secret key, as `gpg --armor --export-secret-keys` prints it
#     RELEASE_GPG_PASSPHRASE  its passphrase, if it has one
#
# With a key, FOLDER/notes/key.md says which it was, for the notes of the release. With --signed a missing key is an
# error. A signature has the time at which it is made, so two signed releases are not the same; without a key they are,
# byte for byte. Installs on Debian what is not there.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022

fail() { echo "$0: $*" >&2; exit 1; }
must_sign=
if [ "${1:-}" = --signed ]; then must_sign=yes; shift; fi
[ $# = 1 ] || { echo "usage: $0 [--signed] FOLDER" >&2; exit 2; }
dist=$(realpath "$1")
cd "$(dirname "$0")/../.."
key=${RELEASE_GPG_KEY:-} passphrase=${RELEASE_GPG_PASSPHRASE:-}
# No program but gpg, which reads files, has a use for them.
unset RELEASE_GPG_KEY RELEASE_GPG_PASSPHRASE
[ -n "$key" ] || [ -z "$must_sign" ] || fail "RELEASE_GPG_KEY is not set: a release that is published is signed"
# The time of an earlier call stays.
earlier=$(sed -n 's/^Date: //p' "$dist/apt/dists/stable/Release" 2> /dev/null || true)
: "${SOURCE_DATE_EPOCH:=$(if [ -n "$earlier" ]; then date -d "$earlier" +%s; else git log -1 --format=%ct; fi)}"

name=cloudwatch_metrics_agent package=cloudwatch-metrics-agent
archives=("$dist/$name"-*-unknown-linux-musl.tar.gz) debs=("$dist/$package"_*.deb) rpms=("$dist/$package"-*.rpm)
for file in "${archives[0]}" "${debs[0]}" "${rpms[0]}"; do
  [ -e "$file" ] || fail "there is no release in $dist: $(basename "$file") is missing"
done
version=$(basename "${archives[0]}" | sed -n "s/^$name-\(.*\)-[^-]*-unknown-linux-musl.tar.gz$/\1/p")

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
needs=()
need() { command -v "$1" > /dev/null || needs+=("$2"); }
need apt-ftparchive apt-utils
need createrepo_c createrepo-c
if [ -n "$key" ]; then
  need gpg gnupg
  need gpgv gpgv
  need rpmsign rpm
  need rpmkeys rpm
fi
if [ ${#needs[@]} -gt 0 ]; then
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${needs[@]}" > /dev/null
fi

work=$(mktemp -d)
cleanup() {
  if [ -d "$work/gpg" ]; then GNUPGHOME=$work/gpg gpgconf --kill all 2> /dev/null || true; fi
  rm -rf "$work"
}
trap cleanup EXIT
# What an earlier call has made.
rm -rf "$dist"/{apt,rpm,notes,SHA256SUMS{,.asc},$package.asc} "$dist/$name"-*-repositories.tar

if [ -n "$key" ]; then
  export GNUPGHOME=$work/gpg
  mkdir -m 700 "$GNUPGHOME"
  (umask 077 && printf '%s' "$passphrase" > "$GNUPGHOME/passphrase")
  gpg --batch --quiet --import <<< "$key" || fail "RELEASE_GPG_KEY is not a secret key as gpg --armor --export-secret-keys prints it"
  # The primary key of the first.
  fingerprint=$(gpg --batch --with-colons --list-secret-keys | awk -F: '$1 == "fpr" { print $10; exit }')
  [ -n "$fingerprint" ] || fail "RELEASE_GPG_KEY has no secret key: a public key cannot sign"
  gpg --batch --armor --export "$fingerprint" > "$dist/$package.asc"
  gpg --batch --export "$fingerprint" > "$work/public.gpg"
  sign() { # sign OPTION... FILE
    gpg --batch --yes --quiet --pinentry-mode loopback --passphrase-file "$GNUPGHOME/passphrase" \
      --local-user "$fingerprint" --digest-algo SHA512 "$@"
  }
  # Debian's rpm looks for gpg2.
  rpmsign --define "__gpg $(command -v gpg)" --define "_gpg_name $fingerprint" --define "_gpg_path $GNUPGHOME" \
    --define "_gpg_digest_algo sha256" \
    --define "_gpg_sign_cmd_extra_args --batch --pinentry-mode loopback --passphrase-file $GNUPGHOME/passphrase" \
    --resign "${rpms[@]}" > "$work/rpmsign" 2>&1 || fail "rpmsign cannot sign with the key $fingerprint:"$'\n'"$(cat "$work/rpmsign")"
  # As a user does it, who has the public key alone. rpmkeys takes a package without a signature for a good one, too, so
  # what it says counts.
  mkdir "$work/rpm"
  rpmkeys --dbpath "$work/rpm" --import "$dist/$package.asc" > "$work/rpmkeys" 2>&1 ||
    fail "rpm cannot read the key $fingerprint:"$'\n'"$(cat "$work/rpmkeys")"
  for file in "${rpms[@]}"; do
    if ! rpmkeys --dbpath "$work/rpm" --checksig "$file" > "$work/rpmkeys" 2>&1 || ! grep -q ': digests signatures OK$' "$work/rpmkeys"; then
      fail "$(basename "$file") is not signed with the key $fingerprint: rpmkeys --checksig says"$'\n'"$(cat "$work/rpmkeys")"
    fi
  done
fi

# For apt: the suite `stable` with the component `main`.
suite=$dist/apt/dists/stable
mkdir -p "$dist/apt/pool/main"
cp "${debs[@]}" "$dist/apt/pool/main/"
for architecture in amd64 arm64; do
  index=$suite/main/binary-$architecture
  mkdir -p "$index"
  (cd "$dist/apt" && apt-ftparchive -o APT::FTPArchive::MD5=no -o APT::FTPArchive::SHA1=no --arch $architecture packages pool/main) > "$index/Packages"
  [ -s "$index/Packages" ] || fail "there is no Debian package for $architecture in $dist"
  gzip -9n --keep "$index/Packages"
done
release=APT::FTPArchive::Release
apt-ftparchive -o APT::FTPArchive::MD5=no -o APT::FTPArchive::SHA1=no -o $release::Origin=$name -o $release::Label=$name -o $release::Suite=stable -o $release::Codename=stable \
  -o $release::Architectures="amd64 arm64" -o $release::Components=main \
  -o $release::Date="$(date -d "@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %H:%M:%S UTC')" release "$suite" > "$work/Release"
mv "$work/Release" "$suite/Release"

# For dnf.
mkdir -p "$dist/rpm"
cp "${rpms[@]}" "$dist/rpm/"
find "$dist/rpm" -name '*.rpm' -exec touch --date "@$SOURCE_DATE_EPOCH" {} +
createrepo_c --quiet --no-database --general-compress-type gz --revision "$SOURCE_DATE_EPOCH" --set-timestamp-to-revision \
  "$dist/rpm"

published=(./apt ./rpm)
if [ -n "$key" ]; then
  sign --clearsign --output "$suite/InRelease" "$suite/Release"
  sign --armor --detach-sign --output "$suite/Release.gpg" "$suite/Release"
  sign --armor --detach-sign --output "$dist/rpm/repodata/repomd.xml.asc" "$dist/rpm/repodata/repomd.xml"
  published+=("./$package.asc")
fi
# Both repositories in one file, for a web server or a folder of the user's own.
tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
  -C "$dist" -cf "$work/repositories.tar" "${published[@]}"
mv "$work/repositories.tar" "$dist/$name-$version-repositories.tar"

cd "$dist"
find . -maxdepth 1 -type f -printf '%P\n' | sort | xargs -d '\n' sha256sum > "$work/SHA256SUMS"
mv "$work/SHA256SUMS" .
cat SHA256SUMS
if [ -n "$key" ]; then
  sign --armor --detach-sign --output SHA256SUMS.asc SHA256SUMS
  # As a user does it, who has the public key alone.
  verify() { gpgv --keyring "$work/public.gpg" "$@" 2> "$work/gpgv" || fail "a signature is not good:"$'\n'"$(cat "$work/gpgv")"; }
  verify SHA256SUMS.asc SHA256SUMS
  verify --output /dev/null "$suite/InRelease"
  verify "$suite/Release.gpg" "$suite/Release"
  verify rpm/repodata/repomd.xml.asc rpm/repodata/repomd.xml
  mkdir notes
  # In groups of four digits, as gpg and dnf show it.
  printf 'The files are signed with the key `%s`. `docs/install.md` says how to compare it, and how to check a download.\n' \
    "$(sed 's/..../& /g; s/ $//' <<< "$fingerprint")" > notes/key.md
  echo "signed with $fingerprint"
else
  printf '\n!!! NOTHING IS SIGNED: RELEASE_GPG_KEY is not set. Do not publish this.\n' >&2
fi
