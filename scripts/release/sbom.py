"""Prints the bill of materials (CycloneDX) of the binary for one target.

    python3 scripts/release/sbom.py SOURCE TARGET

SOURCE is a copy of the repository that may be written to. Needs cargo-cyclonedx; SOURCE_DATE_EPOCH is
its time.
"""

import json
import pathlib
import subprocess
import sys

AGENT = "cloudwatch_metrics_agent"


def built_in(source: pathlib.Path, target: str) -> set[tuple[str, str]]:
    """Name and version of each crate that has a part in the binary."""
    command = ["cargo", "tree", "--locked", "--package", AGENT, "--target", target]
    command += ["--edges", "normal,build", "--prefix", "none", "--format", "{p}"]
    tree = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True).stdout
    crates = (line.split()[:2] for line in tree.splitlines() if line)
    return {(name, version.removeprefix("v")) for name, version in crates}


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
