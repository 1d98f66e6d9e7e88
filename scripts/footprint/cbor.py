"""Reads CBOR, as much of it as the agent's SDK writes."""

import io
import struct


def read(stream: io.BytesIO):
    """The next value."""
    first = stream.read(1)[0]
    major, minor = first >> 5, first & 31
    if major == 7:
        return struct.unpack({26: ">f", 27: ">d"}[minor], stream.read({26: 4, 27: 8}[minor]))[0]
    ends = minor == 31
    count = minor if minor < 24 else 0 if ends else int.from_bytes(stream.read(1 << (minor - 24)), "big")
    if major in (0, 6):
        return count if major == 0 else read(stream)  # The tag of a timestamp says nothing new.
    if major == 1:
        return -1 - count
    if major in (2, 3) and not ends:
        data = stream.read(count)
        return data.decode() if major == 3 else data

    def items():
        left = count
        while not at_break(stream) if ends else left:
            left -= 1
            yield read(stream)

    if major == 4:
        return list(items())
    if major == 5:
        keys = iter(items()) if ends else iter([read(stream) for _ in range(2 * count)])
        return dict(zip(keys, keys))
    raise ValueError(f"CBOR with a first byte of {first:#x}")


def at_break(stream: io.BytesIO) -> bool:
    if stream.read(1) == b"\xff":
        return True
    stream.seek(-1, io.SEEK_CUR)
    return False
