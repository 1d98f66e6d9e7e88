#!/bin/sh
# How many files wait in each folder of a queue: jobs.sh [FOLDER]
queue=${1:-/var/spool}
echo "status looked at $queue"
for folder in "$queue"/*/; do
  [ -d "$folder" ] && [ -r "$folder" ] || continue # what cannot be read has no number
  name=$(basename "$folder" | tr ' .' '__')
  echo "metric $name.waiting int $(ls "$folder" | wc -l) count"
done
echo "metric kernel string $(uname -r)"
