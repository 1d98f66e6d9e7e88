#!/bin/sh
# Makes the surroundings of a container, and then becomes a command there.
#
#     private container.sh private COMMAND...            a cgroup namespace of its own
#     private container.sh pod COMMAND...                the same, with the /proc of its PID namespace
#     unshare -m container.sh bound CGROUP COMMAND...    the host's, with its own cgroup mounted
#                                                        in place of the root
. /guest/cgroups.sh

kind=$1
shift
case $kind in
  private | pod)
    unmount_cgroups
    mount_cgroups
    [ "$kind" = private ] || mount -t proc proc /proc
    ;;
  bound)
    own=/mnt/own
    mkdir $own
    mount -t tmpfs tmpfs $own
    for hierarchy in $hierarchies; do
      mkdir -p "$own/$hierarchy"
      mount --bind "$root/$hierarchy/$1" "$own/$hierarchy"
    done
    unmount_cgroups
    if [ "$layout" = v2 ]; then
      mount --bind $own $root
    else
      mount -t tmpfs tmpfs $root
      for hierarchy in $hierarchies; do
        mkdir $root/$hierarchy
        mount --move "$own/$hierarchy" "$root/$hierarchy"
      done
    fi
    umount -l $own
    shift
    ;;
esac
exec "$@"
