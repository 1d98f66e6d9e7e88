"""The repositories and signatures of a release, with the real apt and dnf. run.sh runs it.

A copy of the release is signed with a key that is made here. Each is read from a folder, as a user has it who unpacks
the file with both repositories.
"""

import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).parents[2]
DIST = pathlib.Path(os.environ["DIST"])
VERSION = os.environ["VERSION"]
NAME = "cloudwatch_metrics_agent"
PACKAGE = "cloudwatch-metrics-agent"
KEY = f"{PACKAGE}.asc"
MACHINE = platform.machine()
# As the tools call them: Rust, dpkg.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PASSPHRASE = "open, please"


def deb(architecture):
    return f"{PACKAGE}_{VERSION}-1_{ARCHITECTURES[architecture]}.deb"


def rpm(architecture):
    return f"{PACKAGE}-{VERSION}-1.{architecture}.rpm"


def run(*command, **options):
    """Exit code, and all that it says."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        **options,
    )  # fmt: skip
    return done.returncode, done.stdout


def documented(file, site):
    """What docs/install.md has written into a file below /etc, with this site in place of its own."""
    line = re.search(rf"^(printf .*) \| sudo tee {re.escape(file)}$", (ROOT / "docs/install.md").read_text(), re.M)
    code, said = run("bash", "-c", f"site={site}; {line[1]}")
    assert code == 0, said
    return said


def change_a_byte(file, place=0.5):
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)


class Keys:
    """A GnuPG of its own, with one secret key."""

    def __init__(self, folder, passphrase):
        folder.mkdir(mode=0o700)
        self.folder, self.passphrase = folder, passphrase
        # RSA, which each version of rpm and apt in use can verify.
        self.gpg("--quick-generate-key", "Test <test@example.com>", "rsa3072", "sign", "never")

    def gpg(self, *arguments):
        command = ["gpg", "--homedir", self.folder, "--batch", "--quiet", "--pinentry-mode", "loopback"]
        code, said = run(*command, "--passphrase", self.passphrase, *arguments)
        assert code == 0, said
        return said

    def secret(self):
        return self.gpg("--armor", "--export-secret-keys")

    def public(self):
        return self.gpg("--armor", "--export")

    def end(self):
        run("gpgconf", "--homedir", self.folder, "--kill", "all")


def finish(folder, *options, key="", passphrase="", path=""):
    """`path` is a folder with programs in place of those of this machine."""
    environment = os.environ | {"RELEASE_GPG_KEY": key, "RELEASE_GPG_PASSPHRASE": passphrase}
    environment["PATH"] = f"{path}:{environment['PATH']}"
    return run(ROOT / "scripts/release/finish.sh", *options, folder, env=environment)


class Repositories(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Not below the repository: the path of a socket of GnuPG must be short.
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.made = pathlib.Path(folder.name)
        cls.keys = Keys(cls.made / "keys", PASSPHRASE)
        cls.others = Keys(cls.made / "others", "")
        cls.addClassCleanup(cls.keys.end)
        cls.addClassCleanup(cls.others.end)
        cls.signed = cls.made / "signed"
        shutil.copytree(DIST, cls.signed)
        code, cls.said = finish(cls.signed, "--signed", key=cls.keys.secret(), passphrase=PASSPHRASE)
        assert code == 0, cls.said
        # What was written to a memory of its own, and what a user gets.
        assert (cls.signed / KEY).read_text() == cls.keys.public()
        (cls.made / "other.asc").write_text(cls.others.public())

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        # A copy that a test may change.
        self.dist = self.folder / "dist"
        shutil.copytree(self.signed, self.dist)

    def verify(self, *arguments, key=None):
        """`gpg --verify` as docs/install.md has it, by one who trusts this key alone."""
        home = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        home.chmod(0o700)
        gpg = ["gpg", "--homedir", home, "--batch"]
        self.assertEqual(run(*gpg, "--import", key or self.dist / KEY)[0], 0)
        return run(*gpg, "--verify", *arguments)

    # Signatures.

    def test_the_sums_are_signed(self):
        sums = self.dist / "SHA256SUMS"
        code, said = self.verify(f"{sums}.asc", sums)
        self.assertEqual(code, 0, said)
        self.assertIn("Good signature", said)
        code, said = self.verify(f"{sums}.asc", sums, key=self.made / "other.asc")
        self.assertNotEqual(code, 0)
        self.assertIn("No public key", said)
        change_a_byte(sums)
        code, said = self.verify(f"{sums}.asc", sums)
        self.assertNotEqual(code, 0)
        self.assertIn("BAD signature", said)

    def test_rpm_packages_are_signed_and_nothing_else_in_them_is_changed(self):
        database = ["--dbpath", self.folder / "rpm-database"]
        # The commands of docs/install.md, in their order, and what it says of others.
        self.assertIn("digests SIGNATURES NOT OK", run("rpm", *database, "--checksig", self.dist / rpm(MACHINE))[1])
        self.assertEqual(run("rpm", *database, "--import", self.dist / KEY)[0], 0)
        self.assertIn("digests signatures OK", run("rpm", *database, "--checksig", self.dist / rpm(MACHINE))[1])
        self.assertIn("digests OK", run("rpm", *database, "--checksig", DIST / rpm(MACHINE))[1])
        for architecture in ARCHITECTURES:
            code, said = run("rpmkeys", *database, "--checksig", self.dist / rpm(architecture))
            self.assertEqual(code, 0, said)
            self.assertIn("digests signatures OK", said)
            content = ["rpm", "-qp", *database, "--nosignature", "--qf", "%{SHA256HEADER} %{PAYLOADDIGEST}"]
            signed, unsigned = (run(*content, folder / rpm(architecture)) for folder in (self.dist, DIST))
            self.assertEqual(signed, unsigned)
            self.assertRegex(signed[1], "[0-9a-f]{64} [0-9a-f]{64}")

    def test_what_is_not_signed_is_the_same_in_both(self):
        same = {path.name for path in DIST.iterdir() if path.is_file() and path.suffix in (".gz", ".deb", ".json")}
        self.assertEqual(len(same), 6)
        for name in same:
            self.assertEqual((self.dist / name).read_bytes(), (DIST / name).read_bytes(), name)
        release = "apt/dists/stable/Release"
        self.assertEqual((self.dist / release).read_bytes(), (DIST / release).read_bytes())

    def test_without_a_key_nothing_is_signed_and_that_is_said(self):
        plain = self.folder / "plain"
        shutil.copytree(self.signed, plain)
        code, said = finish(plain)
        self.assertEqual(code, 0, said)
        self.assertIn("!!! NOTHING IS SIGNED: RELEASE_GPG_KEY is not set. Do not publish this.", said)
        left = [path.name for path in plain.rglob("*") if path.suffix in (".asc", ".gpg") or path.name == "InRelease"]
        self.assertEqual(left, [])
        code, said = finish(plain, "--signed")
        self.assertEqual(code, 1, said)
        self.assertIn("RELEASE_GPG_KEY is not set: a release that is published is signed", said)

    def test_a_key_that_cannot_sign_is_an_error(self):
        for key, passphrase, expected in (
            (self.keys.public(), "", "RELEASE_GPG_KEY has no secret key: a public key cannot sign"),
            (self.keys.secret(), "wrong", "rpmsign cannot sign with the key"),
            ("no key", "", "RELEASE_GPG_KEY is not a secret key"),
        ):
            code, said = finish(self.dist, "--signed", key=key, passphrase=passphrase)
            self.assertEqual(code, 1, said)
            self.assertIn(expected, said)
            self.assertFalse((self.dist / "SHA256SUMS").exists())

    def test_an_rpm_package_that_is_not_signed_with_the_key_is_an_error(self):
        programs = self.folder / "programs"
        programs.mkdir()
        rpmsign = programs / "rpmsign"
        unsigned = self.folder / "unsigned"
        others = f'exec {shutil.which("rpmsign")} --define "__gpg $(command -v gpg)" --define "_gpg_path {self.others.folder}" ' \
            '--define "_gpg_name test@example.com" --define "_gpg_digest_algo sha256" --resign "$file"'
        damaged = 'printf x | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") - 99)) conv=notrunc status=none'
        for what in ("true", others, damaged):
            shutil.rmtree(unsigned, ignore_errors=True)
            shutil.copytree(DIST, unsigned)
            # Only the last of both.
            rpmsign.write_text(f'#!/bin/sh\n[ $# -gt 1 ] || exit 0\n{shutil.which("rpmsign")} "$@"\nfor file; do :; done\n{what}\n')
            rpmsign.chmod(0o755)
            if what == "true":
                rpmsign.write_text("#!/bin/sh\n")
            code, said = finish(unsigned, "--signed", key=self.keys.secret(), passphrase=PASSPHRASE, path=programs)
            self.assertEqual(code, 1, said)
            self.assertRegex(said, rf"{PACKAGE}-{VERSION}-1\.\w+\.rpm is not signed with the key [0-9A-F]{{40}}: rpmkeys --checksig says")
            self.assertFalse((unsigned / "SHA256SUMS").exists())

    def test_the_notes_have_the_fingerprint_of_the_key(self):
        notes = (self.dist / "notes/key.md").read_text()
        told = re.search("`([0-9A-F ]+)`", notes)[1]
        self.assertRegex(told, "^([0-9A-F]{4} ){9}[0-9A-F]{4}$")
        # As a user compares it.
        said = self.keys.gpg("--show-keys", "--with-fingerprint", self.dist / KEY)
        self.assertIn(told.replace(" ", ""), said.replace(" ", ""))
        self.assertEqual(finish(self.dist)[0], 0)
        self.assertFalse((self.dist / "notes").exists())

    def test_a_key_without_passphrase_signs(self):
        code, said = finish(self.dist, "--signed", key=self.others.secret())
        self.assertEqual(code, 0, said)
        sums = self.dist / "SHA256SUMS"
        self.assertEqual(self.verify(f"{sums}.asc", sums)[0], 0)
        # And the other one no longer does.
        self.assertNotEqual(self.verify(f"{sums}.asc", sums, key=self.signed / KEY)[0], 0)

    def test_one_file_has_both_repositories_and_the_key(self):
        unpacked = self.folder / "unpacked"
        unpacked.mkdir()
        run("tar", "-xf", self.dist / f"{NAME}-{VERSION}-repositories.tar", "-C", unpacked)
        files = lambda folder: {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
        expected = {name: content for name, content in files(self.dist).items() if name.startswith(("apt/", "rpm/"))}
        expected[KEY] = (self.dist / KEY).read_bytes()
        self.assertEqual(files(unpacked).keys(), expected.keys())
        self.assertEqual(files(unpacked), expected)

    # apt.

    def apt(self, *arguments, key=None, architecture=MACHINE):
        """With folders of its own, and nothing of this machine's settings."""
        root = self.folder / "apt-root"
        settings = ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "var/log/apt")
        states = ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg/updates", "var/lib/dpkg/info")
        for folder in (*settings, *states):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "var/lib/dpkg/status").touch()
        sources = f"/etc/apt/sources.list.d/{PACKAGE}.sources"
        text = documented(sources, f"file://{self.dist}")
        self.assertIn(f"/etc/apt/keyrings/{KEY}\n", text)
        (root / sources.lstrip("/")).write_text(text.replace(f"/etc/apt/keyrings/{KEY}", str(key or self.dist / KEY)))
        settings = root / "settings"
        settings.write_text(
            f'Dir "{root}/";\nDir::State::status "{root}/var/lib/dpkg/status";\n'
            f'APT::Architecture "{ARCHITECTURES[architecture]}";\nAPT::Architectures {{ "{ARCHITECTURES[architecture]}"; }};\n'
            'APT::Sandbox::User "root";\n'
            f'DPkg::Options {{ "--root={root}"; "--force-architecture"; "--log=/dev/null"; }};\n'
        )
        environment = os.environ | {"APT_CONFIG": str(settings), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        return (root, *run("apt-get", "--yes", *arguments, env=environment, cwd=self.folder))

    def assert_apt_installs(self):
        root, code, said = self.apt("update")
        self.assertEqual((code, "W:" in said), (0, False), said)
        root, code, said = self.apt("install", PACKAGE)
        self.assertEqual(code, 0, said)
        return root

    def test_apt_installs_and_removes(self):
        root = self.assert_apt_installs()
        binary = root / "usr/bin" / NAME
        self.assertEqual(run(binary, "--version"), (0, f"{NAME} {VERSION}\n"))
        _, code, said = self.apt("purge", PACKAGE)
        self.assertEqual(code, 0, said)
        self.assertFalse(binary.exists())

    def test_apt_downloads_for_each_processor(self):
        for architecture in ARCHITECTURES:
            for command in ("update", "download"):
                arguments = [command] if command == "update" else [command, PACKAGE]
                _, code, said = self.apt(*arguments, architecture=architecture)
                self.assertEqual(code, 0, said)
            file = self.folder / deb(architecture)
            self.assertEqual(file.read_bytes(), (DIST / file.name).read_bytes())

    def refused_by_apt(self, *arguments, expected, **options):
        root, code, said = self.apt(*arguments, **options)
        self.assertNotEqual(code, 0, said)
        self.assertRegex(said, expected)
        self.assertFalse((root / "usr/bin" / NAME).exists())

    def test_apt_refuses_another_key(self):
        self.refused_by_apt("update", key=self.made / "other.asc", expected="NO_PUBKEY")
        self.refused_by_apt("install", PACKAGE, key=self.made / "other.asc", expected="Unable to locate package")

    def test_apt_refuses_a_changed_package(self):
        self.apt("update")
        change_a_byte(self.dist / "apt/pool/main" / deb(MACHINE))
        self.refused_by_apt("install", PACKAGE, expected="Hash Sum mismatch")

    def test_apt_refuses_a_changed_index(self):
        # As one does it who has changed the package, too.
        for index in (self.dist / "apt/dists/stable/main").glob("*/Packages*"):
            change_a_byte(index)
        self.refused_by_apt("update", expected="Hash Sum mismatch")

    def test_apt_refuses_a_changed_release(self):
        release = self.dist / "apt/dists/stable/InRelease"
        release.write_text(release.read_text().replace("Suite: stable", "Suite: Stable"))
        self.refused_by_apt("update", expected="BADSIG")

    def test_apt_refuses_a_repository_without_signatures(self):
        self.assertEqual(finish(self.dist)[0], 0)
        self.refused_by_apt("update", key=self.signed / KEY, expected="is not signed")

    # dnf.

    def dnf(self, *arguments, key=None, architecture=MACHINE):
        root = self.folder / "dnf-root"
        text = documented(f"/etc/yum.repos.d/{PACKAGE}.repo", f"file://{self.dist}")
        stated = f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{PACKAGE}\n"
        self.assertIn(stated, text)
        settings = self.folder / "dnf.conf"
        settings.write_text(
            f"[main]\nreposdir=/nowhere\nplugins=0\nlogdir={self.folder}\ncachedir={self.folder}/dnf-cache\n"
            + text.replace(stated, f"{key or self.dist / KEY}\n")
        )
        command = ["dnf", "--config", settings, "--installroot", root, "--releasever", "1", "--assumeyes"]
        environment = os.environ | {"LC_ALL": "C.UTF-8"}
        return (root, *run(*command, "--forcearch", architecture, *arguments, env=environment))

    def test_dnf_installs_and_removes(self):
        root, code, said = self.dnf("install", PACKAGE)
        self.assertEqual(code, 0, said)
        binary = root / "usr/bin" / NAME
        self.assertEqual(run(binary, "--version"), (0, f"{NAME} {VERSION}\n"))
        _, code, said = self.dnf("remove", PACKAGE)
        self.assertEqual(code, 0, said)
        self.assertFalse(binary.exists())

    def test_dnf_finds_a_package_for_each_processor(self):
        for architecture in ARCHITECTURES:
            _, code, said = self.dnf("repoquery", "--quiet", "--available", PACKAGE, architecture=architecture)
            self.assertEqual(code, 0, said)
            self.assertIn(f"{PACKAGE}-0:{VERSION}-1.{architecture}", said.split())

    def refused_by_dnf(self, *, expected, **options):
        root, code, said = self.dnf("install", PACKAGE, **options)
        self.assertNotEqual(code, 0, said)
        self.assertRegex(said, expected)
        self.assertFalse((root / "usr/bin" / NAME).exists())

    def test_dnf_refuses_another_key(self):
        self.refused_by_dnf(key=self.made / "other.asc", expected="Bad GPG signature")

    def test_dnf_refuses_a_changed_package(self):
        change_a_byte(self.dist / "rpm" / rpm(MACHINE))
        self.refused_by_dnf(expected="incorrect checksum")

    def test_dnf_refuses_a_package_that_another_has_signed(self):
        # The metadata is right: only the signature of the package tells.
        others = self.folder / "others"
        shutil.copytree(self.signed, others)
        self.assertEqual(finish(others, "--signed", key=self.others.secret())[0], 0)
        shutil.rmtree(self.dist / "rpm")
        shutil.copytree(others / "rpm", self.dist / "rpm")
        metadata = self.dist / "rpm/repodata/repomd.xml"
        metadata.with_name("repomd.xml.asc").unlink()
        self.keys.gpg("--armor", "--detach-sign", metadata)
        self.refused_by_dnf(expected="GPG check FAILED")

    def test_dnf_refuses_changed_metadata(self):
        metadata = self.dist / "rpm/repodata/repomd.xml"
        metadata.write_text(metadata.read_text().replace("<revision>1", "<revision>2"))
        self.refused_by_dnf(expected="Bad GPG signature")

    def test_dnf_refuses_metadata_without_signature(self):
        (self.dist / "rpm/repodata/repomd.xml.asc").unlink()
        self.refused_by_dnf(expected="GPG signature is not available")
