# Builds the images of inits.py: docker/entrypoint.sh with each init, as the Dockerfiles beside it
# have it, and with the sh and the tools of Debian and of busybox. For run.sh.

# add IMAGE PROGRAM...: puts programs of this machine into an image, with the libraries they need.
add() {
  local root=$data/$1/root program path
  shift
  for program; do
    path=$(type -P "$program")
    mkdir -p "$root/usr/bin"
    cp -L "$path" "$root/usr/bin/$program"
    # A line names a library's file, or says that there is none.
    ldd "$path" | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p' | while read -r library; do
      mkdir -p "$root${library%/*}"
      cp -Ln "$library" "$root$library"
    done
  done
}

# build NAME: from the folder's file system; with each init.
build() {
  local folder=$data/$1
  mkdir -p "$folder/root/usr/local/bin"
  cp "$binary" "$folder/root/usr/local/bin/cloudwatch_metrics_agent"
  cp ../../docker/entrypoint.sh "$folder/root/"
  add "$1" tini dumb-init
  for init in tini dumb-init none; do
    {
      printf 'FROM scratch\nCOPY root /\n'
      if [ $init = none ]; then
        echo 'ENTRYPOINT ["/entrypoint.sh"]'
      else
        grep '^ENTRYPOINT ' "../../docker/Dockerfile.$init"
      fi
    } > "$folder/Dockerfile"
    build_image "agent-$init-$1" "$folder"
  done
}

add debian dash setsid env grep sleep true
mkdir -p "$data/debian/root/bin"
ln -s /usr/bin/dash "$data/debian/root/bin/sh"
build debian

unpack_busybox "$data/packages"
mkdir -p "$data/busybox/root/bin"
cp "$(find "$data/packages" -path '*/bin/busybox' -print -quit)" "$data/busybox/root/bin/"
for program in sh setsid env grep sleep true; do
  ln -s busybox "$data/busybox/root/bin/$program"
done
build busybox
