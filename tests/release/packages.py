"""What is in a release, and that its packages install. run.sh runs it."""

import hashlib
import json
import os
import pathlib
import platform
import re
import subprocess
import tarfile
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).parents[2]
DIST = pathlib.Path(os.environ["DIST"])
VERSION = os.environ["VERSION"]
NAME = "cloudwatch_metrics_agent"
PACKAGE = "cloudwatch-metrics-agent"
SETTINGS = f"etc/default/{PACKAGE}"
# As the tools call them: Rust, dpkg.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Of the binary, in bytes; 7.21 and 5.87 million when this was written.
SIZE_LIMITS = {"x86_64": 7_400_000, "aarch64": 6_100_000}

# What a package puts where, besides what each kind of package has of its own.
INSTALLED = {
    SETTINGS: "examples/systemd/cloudwatch-metrics-agent.default",
    f"usr/lib/systemd/system/{PACKAGE}.service": "examples/systemd/cloudwatch-metrics-agent.service",
    f"usr/share/doc/{PACKAGE}/README.md": "README.md",
}
GENERATED = {
    f"usr/bin/{NAME}": NAME,
    f"usr/share/bash-completion/completions/{NAME}": f"{NAME}.bash",
    f"usr/share/fish/vendor_completions.d/{NAME}.fish": f"{NAME}.fish",
}


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def title(architecture):
    return f"{NAME}-{VERSION}-{architecture}-unknown-linux-musl"


def files_below(folder):
    """But not the databases of the package managers."""
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {file for file in files if not file.startswith("var/")}


def is_allowed(expression, allowed):
    """Whether a licence of SPDX leaves a choice that is allowed; one with an exception is another licence."""
    words = re.findall(r"[()]|[\w.+-]+(?: WITH [\w.-]+)?", expression)
    known = {"(": "(", ")": ")", "AND": "and", "OR": "or"}
    return eval(" ".join(known.get(word, str(word in allowed)) for word in words))


class Release(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def archive(self, architecture):
        """The unpacked archive's folder."""
        with tarfile.open(DIST / f"{title(architecture)}.tar.gz") as archive:
            archive.extractall(self.folder)
        return self.folder / title(architecture)

    def test_sums_are_those_of_all_files(self):
        sums = dict(line.split()[::-1] for line in (DIST / "SHA256SUMS").read_text().splitlines())
        files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in DIST.iterdir() if p.is_file()}
        del files["SHA256SUMS"]
        # What a signed release has besides.
        signed = files.pop("SHA256SUMS.asc", None)
        self.assertEqual(sums, files)
        expected = {f"{NAME}-{VERSION}-repositories.tar", *([f"{PACKAGE}.asc"] if signed else [])}
        for architecture, debian in ARCHITECTURES.items():
            expected |= {f"{title(architecture)}.tar.gz", f"{title(architecture)}.cdx.json"}
            expected |= {f"{PACKAGE}_{VERSION}-1_{debian}.deb", f"{PACKAGE}-{VERSION}-1.{architecture}.rpm"}
        self.assertEqual(set(files), expected)

    def test_the_documents_name_files_of_the_release(self):
        documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        names = rf"\b(?:{NAME}-|{PACKAGE}[-_])\d[\w.-]*\.(?:deb|rpm|gz|tar|json)\b"
        named = {name for document in documents for name in re.findall(names, document.read_text())}
        self.assertLessEqual(named, {path.name for path in DIST.iterdir()})
        # With those for the other processor.
        title_of_arm = f"{title('aarch64')}.tar.gz"
        self.assertLessEqual({f"{PACKAGE}_{VERSION}-1_arm64.deb", f"{PACKAGE}-{VERSION}-1.aarch64.rpm", title_of_arm}, named)

    def test_archives_hold_a_static_binary_and_its_papers(self):
        endings = ("1", "bash", "zsh", "fish")
        expected = {NAME, "README.md", "LICENSE", "CHANGELOG.md", *(f"{NAME}.{end}" for end in endings)}
        machines = {"x86_64": "X86-64", "aarch64": "AArch64"}
        for architecture in ARCHITECTURES:
            with tarfile.open(DIST / f"{title(architecture)}.tar.gz") as archive:
                members = archive.getmembers()
            names = [member.name for member in members]
            self.assertEqual(names, sorted(names))
            self.assertEqual({(m.uid, m.gid, m.uname, m.gname) for m in members}, {(0, 0, "", "")})
            self.assertEqual(len({member.mtime for member in members}), 1)

            unpacked = self.archive(architecture)
            self.assertEqual(files_below(unpacked), expected)
            for paper in ("README.md", "LICENSE", "CHANGELOG.md"):
                self.assertEqual((unpacked / paper).read_bytes(), (ROOT / paper).read_bytes())
            binary = unpacked / NAME
            self.assertLess(binary.stat().st_size, SIZE_LIMITS[architecture])
            self.assertIn(machines[architecture], run("readelf", "-h", binary))
            self.assertNotIn("INTERP", run("readelf", "-lW", binary))
            emulator = [] if platform.machine() == architecture else [f"qemu-{architecture}-static"]
            self.assertEqual(run(*emulator, binary, "--version"), f"{NAME} {VERSION}\n")
            self.assertNotIn(str(pathlib.Path.home()).encode() + b"/", binary.read_bytes())

    def assert_installed(self, root, architecture, own):
        """`own` are the files that only this kind of package has."""
        unpacked = self.archive(architecture)
        self.assertEqual(files_below(root), {*INSTALLED, *GENERATED, *own})
        for file, source in INSTALLED.items():
            self.assertEqual((root / file).read_bytes(), (ROOT / source).read_bytes(), file)
        for file, source in GENERATED.items():
            self.assertEqual((root / file).read_bytes(), (unpacked / source).read_bytes(), file)
        self.assertTrue(os.access(root / "usr/bin" / NAME, os.X_OK))

    def test_debian_packages_install_and_keep_the_settings(self):
        own = {
            f"usr/share/doc/{PACKAGE}/copyright",
            f"usr/share/man/man1/{NAME}.1.gz",
            f"usr/share/zsh/vendor-completions/_{NAME}",
        }
        for architecture, debian in ARCHITECTURES.items():
            package = DIST / f"{PACKAGE}_{VERSION}-1_{debian}.deb"
            root = self.folder / debian
            (root / "var/lib/dpkg/updates").mkdir(parents=True)
            (root / "var/lib/dpkg/info").mkdir()
            (root / "var/lib/dpkg/status").touch()
            dpkg = ["dpkg", f"--root={root}", "--force-architecture", "--log=/dev/null"]

            listed = run("dpkg-deb", "--contents", package).splitlines()
            self.assertEqual({line.split()[1] for line in listed}, {"0/0"})
            run(*dpkg, "--install", package)
            self.assert_installed(root, architecture, own)
            settings = root / SETTINGS
            settings.write_text("changed\n")
            run(*dpkg, "--force-confold", "--install", package)
            self.assertEqual(settings.read_text(), "changed\n")
            run(*dpkg, "--remove", PACKAGE)
            self.assertFalse((root / "usr/bin" / NAME).exists())
            self.assertTrue(settings.exists())
            run(*dpkg, "--purge", PACKAGE)
            self.assertFalse(settings.exists())

    def test_rpm_packages_install_and_keep_the_settings(self):
        own = {
            f"usr/share/licenses/{PACKAGE}/LICENSE",
            f"usr/share/man/man1/{NAME}.1",
            f"usr/share/zsh/site-functions/_{NAME}",
        }
        for architecture in ARCHITECTURES:
            package = DIST / f"{PACKAGE}-{VERSION}-1.{architecture}.rpm"
            root = self.folder / architecture
            root.mkdir()
            rpm = ["rpm", f"--root={root}", "--dbpath=/var/lib/rpm"]
            self.assertEqual(run("rpm", "-qp", "--configfiles", package), f"/{SETTINGS}\n")

            run(*rpm, "--ignorearch", "--nosignature", "--install", package)
            self.assert_installed(root, architecture, own)
            run(*rpm, "--verify", PACKAGE)
            settings = root / SETTINGS
            settings.write_text("changed\n")
            run(*rpm, "--erase", PACKAGE)
            self.assertFalse((root / "usr/bin" / NAME).exists())
            self.assertEqual(settings.with_name(f"{settings.name}.rpmsave").read_text(), "changed\n")

    def test_the_bill_of_materials_names_what_is_built_in(self):
        for architecture in ARCHITECTURES:
            bill = json.loads((DIST / f"{title(architecture)}.cdx.json").read_text())
            self.assertEqual((bill["bomFormat"], bill["specVersion"]), ("CycloneDX", "1.5"))
            agent = bill["metadata"]["component"]
            self.assertEqual((agent["name"], agent["version"]), (NAME, VERSION))
            named = {(component["name"], component["version"]) for component in bill["components"]}
            tree = run(
                "cargo", "tree", "--locked", "--package", NAME, "--target", f"{architecture}-unknown-linux-musl",
                "--edges", "normal,build", "--prefix", "none", "--format", "{p}", cwd=ROOT,
            )  # fmt: skip
            built = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
            built = {(name, version.removeprefix("v")) for name, version in built} - {(NAME, VERSION)}
            self.assertGreater(len(built), 100)
            self.assertLess({"redb", "granit-parser", "tz-rs", "ring"}, {name for name, _ in built})
            # And what is no crate.
            page = re.search(r"uPlot \(v([\d.]+)\)", (ROOT / "src/api/page/vendor/uPlot.iife.min.js").read_text())
            rust = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
            others = {("uplot", page[1]), ("rust", rust), ("musl", "")}
            self.assertEqual(named - built, others)
            self.assertEqual(built - named, set())
            self.assertEqual(len(bill["components"]), len(named))

    def test_each_licence_of_the_bill_of_materials_is_allowed(self):
        allowed = set(tomllib.loads((ROOT / "deny.toml").read_text())["licenses"]["allow"])
        for expression, expected in (
            ("MIT", True), ("GPL-3.0-only", False), ("GPL-3.0-only OR MIT", True), ("GPL-3.0-only AND MIT", False),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", True), ("Apache-2.0 WITH LLVM-exception OR MIT", True),
        ):  # fmt: skip
            self.assertEqual(is_allowed(expression, allowed), expected, expression)
        for architecture in ARCHITECTURES:
            bill = json.loads((DIST / f"{title(architecture)}.cdx.json").read_text())
            for component in [bill["metadata"]["component"], *bill["components"]]:
                licences = [entry.get("expression") or entry["license"].get("id") for entry in component["licenses"]]
                self.assertTrue(licences, component["name"])
                for licence in licences:
                    self.assertTrue(licence and is_allowed(licence, allowed), f"{component['name']}: {licence}")

    def test_a_release_of_another_version_is_refused(self):
        refused = subprocess.run(
            [ROOT / "scripts/release.sh", "0.0.1"], capture_output=True, text=True, check=False
        )
        self.assertEqual(refused.returncode, 1)
        self.assertIn(f"the version of Cargo.toml is {VERSION}, and not 0.0.1", refused.stderr)

    def test_the_minimum_rust_version_is_true(self):
        metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version", "1", cwd=ROOT))
        number = lambda text: tuple(map(int, (text or "0").split(".")))
        ours = {p["name"]: number(p["rust_version"]) for p in metadata["packages"]}[NAME]
        self.assertEqual(ours, max(number(p["rust_version"]) for p in metadata["packages"]))
        rust = ".".join(map(str, ours)) + ".0"
        self.assertIn(f'channel = "{rust}"', (ROOT / "rust-toolchain.toml").read_text())
        self.assertIn(f"ARG RUST={rust}\n", (ROOT / "docker/Dockerfile").read_text())
        images = re.findall(r"image: rust:([\d.]+)-", (ROOT / ".github/workflows/ci.yml").read_text())
        self.assertEqual(set(images), {rust})
