#!/usr/bin/env bash
# What arrives at an independent implementation of CloudWatch, read back with boto3.
#
#     tests/e2e/run.sh BINARY
#
# Exits with 3 where there is no Python of at least 3.10 with venv.
set -euo pipefail
cd "$(dirname "$0")/../.."
binary=$1
tests/e2e/venv.sh
target/venv/bin/python tests/e2e/ministack.py "$binary"
target/venv/bin/python tests/e2e/distribution.py "$binary"
