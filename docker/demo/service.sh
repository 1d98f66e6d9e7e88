#!/bin/sh
# The service of the demo: it says at http://127.0.0.1:PORT/health how it is, and is idle and overloaded in turns. It
# holds 48 MiB of memory. The HTTP server is that of busybox, or of Python where there is none.
set -eu
port=${DEMO_SERVICE_PORT:-8092} turn=${DEMO_TURN:-25}
folder=$(mktemp -d -p /dev/shm demo.XXXXXX)
server='' work='' pause=''
end() {
  # shellcheck disable=SC2086 # those that run, which may be none
  kill $server $work $pause 2> /dev/null || true
  rm -rf "$folder"
  exit 0
}
trap end INT TERM HUP

dd if=/dev/zero of="$folder/held" bs=1M count=48 2> /dev/null
echo ok > "$folder/health"
if command -v httpd > /dev/null && httpd --help 2>&1 | grep -qi busybox; then
  httpd -f -p "127.0.0.1:$port" -h "$folder" &
else
  python3 -m http.server --bind 127.0.0.1 --directory "$folder" "$port" > /dev/null 2>&1 &
fi
server=$!

# A signal ends `wait` at once, and would have to wait for a `sleep`.
turn() {
  sleep "$turn" &
  pause=$!
  wait $pause
}
while :; do
  echo ok > "$folder/health"
  turn
  echo overloaded > "$folder/health"
  sh -c 'while :; do :; done' demo-work &
  work=$!
  turn
  kill $work
done
