"""assembly.py WHEEL FILE: the description of all types, out of the wheel of the AWS provider's
bindings."""

import sys
import tarfile
import zipfile
from pathlib import Path

wheel, file = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    package, = [name for name in archive.namelist() if name.endswith(".jsii.tgz")]
    with archive.open(package) as packed, tarfile.open(fileobj=packed) as inner:
        Path(file).write_bytes(inner.extractfile("package/.jsii").read())
