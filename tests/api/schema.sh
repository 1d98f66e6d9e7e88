#!/usr/bin/env bash
# Asks the API by its own description, openapi.json, with what that allows and what it does not: no answer
# is 500 or other than described. The same requests each time, at most a minute of them.
#
#   tests/api/schema.sh BASE_URL TOKEN
#
# Exits with 3 where this machine cannot run it.
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 BASE_URL TOKEN" >&2; exit 1; }
cd "$(dirname "$0")/../.."
python=$(tests/api/venv.sh)
mkdir -p target/api
# It writes what failed into the folder in which it runs.
config=$PWD/tests/api/schemathesis.toml
cd target/api
# What is given as examples, the borders of each parameter, then random values; these are the same in
# each run of the pinned versions, and there is no database of what failed before.
options=(--phases 'examples,coverage,fuzzing' --generation-deterministic --max-examples 25 --workers 1)
# Not positive_data_acceptance: an id that is made up is right by the description, and the answer is 404.
options+=(--checks "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,allow_header_conformance,ignored_auth")
# Streams have no end.
options+=(--exclude-path-regex '/stream$')
options+=(--header "X-Auth-Token: $2" --request-timeout 5 --max-redirects 0 --continue-on-failure --no-shrink)
code=0
timeout --signal=INT --kill-after=10 60 \
  "$(dirname "$python")/schemathesis" --config-file "$config" --no-color run "$1/openapi.json" "${options[@]}" > schema.log 2>&1 || code=$?
case $code in
  0) sed -n '/^API Operations:/,$p' schema.log ;;
  124 | 137) cat schema.log >&2; echo "api: by its description: not done in 60 s" >&2; exit 1 ;;
  *) cat schema.log >&2; exit 1 ;;
esac
