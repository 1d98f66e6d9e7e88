"""The rows of the fault matrix that are made in a machine of their own.

    python tests/kernel/clock.py KERNEL INITRAMFS ROWS

tests/kernel/clock.sh builds both.
"""

import sys

from guest import run

# Software emulation, because it is everywhere. It suspends and wakes as a real machine.
MACHINE = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "512", "-nodefaults"]
MACHINE += ["-no-reboot", "-display", "none", "-serial", "stdio"]
MACHINE += ["-append", "console=ttyS0 quiet loglevel=1 panic=-1"]


def main(kernel, initramfs, rows):
    command = [*MACHINE, "-kernel", kernel, "-initrd", initramfs]
    console = run(command)
    if not console:
        # As in guest.py: nothing has run then.
        print("the emulator hung before the guest ran, and is started anew", flush=True)
        console = run(command)
    said = [line.removeprefix("@@ ") for line in console if line.startswith("@@ ")]
    for line in console:
        if not line.startswith("@@ row"):
            print(line)
    if "end |" not in said:
        print("the guest did not come to its end", file=sys.stderr)
        return 1
    with open(rows, "w", encoding="utf-8") as file:
        for line in said:
            name, _, text = line.partition(" |")
            if name == "row":
                print(text, file=file)
    return 0 if "code |0" in said else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python tests/kernel/clock.py KERNEL INITRAMFS ROWS")
    sys.exit(main(*sys.argv[1:]))
