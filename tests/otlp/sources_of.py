"""Writes the sources of apt of another release of Debian: sources_of.py RELEASE FOLDER

They are this machine's own sources of its own release, with the name of that replaced. Exits with 1 where
there are none.
"""

import pathlib
import platform
import sys


def of_release(stanza, own, other):
    """A stanza of a file in the newer format, if it is of this machine's release."""
    lines = []
    for line in stanza.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "suites":
            if own not in value.split():
                return None
            line = f"Suites: {other}"
        if not line.startswith("#"):
            lines.append(line)
    return "\n".join(lines) + "\n" if any(line.startswith("Suites:") for line in lines) else None


def of_line(line, own, other):
    """A line of a file in the older format, if it is of this machine's release."""
    words = line.partition("#")[0].split()
    return " ".join(other if word == own else word for word in words) + "\n" if own in words[:1] + words[2:] else None


def main(other, folder):
    own = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    apt = pathlib.Path("/etc/apt")
    stanzas, lines = [], []
    for file in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if not file.is_file():
            continue
        text = file.read_text()
        if file.suffix == ".sources":
            stanzas += [of_release(stanza, own, other) for stanza in text.split("\n\n")]
        elif file.suffix == ".list":
            lines += [of_line(line, own, other) for line in text.splitlines() if line.startswith("deb ")]
    stanzas, lines = [one for one in stanzas if one], [one for one in lines if one]
    pathlib.Path(folder, "other.sources").write_text("\n".join(stanzas))
    pathlib.Path(folder, "other.list").write_text("".join(lines))
    sys.exit(0 if own and stanzas + lines else 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
