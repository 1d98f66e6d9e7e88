# A disk's load: writes and reads past the page cache, again and again.
while :; do
  dd if=/dev/zero of=/dev/nvme0n1 bs=256k count=16 oflag=direct 2> /dev/null
  dd if=/dev/nvme0n1 of=/dev/null bs=256k count=8 iflag=direct 2> /dev/null
  sleep 0.4
done
