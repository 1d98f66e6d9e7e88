"""Packages like those of a release, without its tools: of a binary that is there and of the lists in Cargo.toml.

    python3 stand_in.py BINARY FOLDER

For both processors, with the same binary, so that FOLDER has all that scripts/release/finish.sh asks for. What
tests/reference would have to make first, manual and completions, is left out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "cloudwatch_metrics_agent"
# As the tools call them: Rust and RPM, dpkg.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"stand_in: {command[0]} ended with {done.returncode}: {done.stderr}")


def installed(tree: Path, assets: list, binary: Path) -> None:
    for asset in assets:
        source, to, mode = asset if isinstance(asset, list) else (asset["source"], asset["dest"], asset["mode"])
        if source.startswith("target/reference/"):
            continue
        file = binary if source.startswith("target/release/") else ROOT / source
        to = to.lstrip("/")
        target = tree / to / Path(source).name if to.endswith("/") else tree / to
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
        target.chmod(int(mode, 8))


def main(binary: Path, folder: Path) -> None:
    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    version, metadata = package["version"], package["metadata"]
    folder.mkdir(parents=True)
    for rust, debian in ARCHITECTURES.items():
        (folder / f"{NAME}-{version}-{rust}-unknown-linux-musl.tar.gz").write_text("a stand-in\n")
        with tempfile.TemporaryDirectory() as directory:
            deb, name = metadata["deb"], metadata["deb"]["name"]
            tree = Path(directory) / "deb"
            installed(tree, deb["assets"], binary)
            (tree / "DEBIAN").mkdir()
            (tree / "DEBIAN/conffiles").write_text("".join(f"{file}\n" for file in deb["conf-files"]))
            (tree / "DEBIAN/control").write_text(
                f"Package: {name}\nVersion: {version}-1\nArchitecture: {debian}\nMaintainer: {deb['maintainer']}\n"
                f"Description: {package['description']}\n"
            )
            run("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", tree, folder)
            tree = Path(directory) / "rpm"
            rpm = metadata["generate-rpm"]
            installed(tree, rpm["assets"], binary)
            files = []
            for path in sorted(path for path in tree.rglob("*") if path.is_file()):
                to = f"/{path.relative_to(tree)}"
                about = next((a for a in rpm["assets"] if a["dest"] == to), {})
                files.append(f"%config(noreplace) {to}" if about.get("config") else to)
            spec = Path(directory) / "spec"
            spec.write_text(
                f"Name: {rpm['name']}\nVersion: {version}\nRelease: 1\nSummary: {rpm['summary']}\n"
                f"License: {rpm['license']}\nAutoReqProv: no\n%description\nA stand-in.\n"
                f"%install\ncp -a {tree}/. %{{buildroot}}/\n%files\n" + "\n".join(files) + "\n"
            )
            define = {
                "_topdir": f"{directory}/made", "_rpmdir": folder, "_rpmfilename": "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm",
                "__os_install_post": "%{nil}", "_build_id_links": "none", "_binary_payload": "w1.gzdio",
            }  # fmt: skip
            defines = [word for key, value in define.items() for word in ("--define", f"{key} {value}")]
            run("rpmbuild", "-bb", "--target", rust, *defines, spec)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
