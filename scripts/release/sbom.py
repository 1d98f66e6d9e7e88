"""Prints the bill of materials (CycloneDX) of the binary for one target: crates, and what is no crate.

    python3 scripts/release/sbom.py SOURCE TARGET

SOURCE is a copy of the repository that may be written to. Needs cargo-cyclonedx; SOURCE_DATE_EPOCH is
its time.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

AGENT = "cloudwatch_metrics_agent"


def built_in(source: pathlib.Path, target: str) -> set[tuple[str, str]]:
    """Name and version of each crate that has a part in the binary."""
    command = ["cargo", "tree", "--locked", "--package", AGENT, "--target", target]
    command += ["--edges", "normal,build", "--prefix", "none", "--format", "{p}"]
    tree = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout
    crates = (line.split()[:2] for line in tree.splitlines() if line)
    return {(name, version.removeprefix("v")) for name, version in crates}


def others(source: pathlib.Path) -> list[dict]:
    """What is in the binary, but has no crate in the lock file."""
    page = (source / "src/api/page/vendor/uPlot.iife.min.js").read_text()
    found = re.search(r"uPlot \(v([\d.]+)\)", page)
    if not found:
        sys.exit("sbom: src/api/page/vendor/uPlot.iife.min.js does not say its version")
    toolchain = tomllib.loads((source / "rust-toolchain.toml").read_text())
    rust = toolchain["toolchain"]["channel"]
    return [
        {
            "type": "library", "bom-ref": f"pkg:npm/uplot@{found[1]}", "name": "uplot", "version": found[1],
            "description": "The charts of the page", "scope": "required",
            "licenses": [{"license": {"id": "MIT"}}], "purl": f"pkg:npm/uplot@{found[1]}",
        },
        {
            "type": "library", "bom-ref": f"rust@{rust}", "name": "rust", "version": rust,
            "description": "The standard library of Rust", "scope": "required",
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
        },
        # Rust's toolchain brings it, and says nowhere which version it is.
        {
            "type": "library", "bom-ref": f"musl@rust-{rust}", "name": "musl", "version": "",
            "description": f"The C library, as the toolchain of Rust {rust} has it", "scope": "required",
            "licenses": [{"license": {"id": "MIT"}}],
        },
    ]  # fmt: skip


def main(source: pathlib.Path, target: str) -> None:
    command = ["cargo", "cyclonedx", "-qq", "--manifest-path", str(source / "Cargo.toml")]
    command += ["--format", "json", "--spec-version", "1.5", "--target", target]
    subprocess.run([*command, "--override-filename", "sbom"], check=True)
    # Where it was made is nobody's business, and would make two of them differ.
    text = (source / "sbom.json").read_text()
    text = text.replace(f"file://{source}", "file:///src").replace("?download_url=file://.", "")
    bill = json.loads(text)

    # The tool goes by `cargo metadata`, which has crates of features too that only tests switch on.
    crates = built_in(source, target)
    bill["components"] = [c for c in bill["components"] if (c["name"], c["version"]) in crates]
    extra = others(source)
    bill["components"] += extra
    bill["dependencies"] += [{"ref": component["bom-ref"]} for component in extra]
    for dependency in bill["dependencies"]:
        if dependency["ref"] == bill["metadata"]["component"]["bom-ref"]:
            dependency.setdefault("dependsOn", []).extend(component["bom-ref"] for component in extra)
    known = {c["bom-ref"] for c in [bill["metadata"]["component"], *bill["components"]]}
    bill["dependencies"] = [d for d in bill["dependencies"] if d["ref"] in known]
    for dependency in bill["dependencies"]:
        if "dependsOn" in dependency:
            dependency["dependsOn"] = [ref for ref in dependency["dependsOn"] if ref in known]
    print(json.dumps(bill, indent=2))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2])
