// Runs a command in cgroup and mount namespaces of its own: what container runtimes do, and
// busybox cannot.
//
//     private COMMAND ARGUMENT...

#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

// Since Linux 4.6; not every C library's headers have it.
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

int main(int count, char **arguments) {
    if (count < 2) return 2;
    if (unshare(CLONE_NEWCGROUP | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        perror("unshare");
        return 1;
    }
    execv(arguments[1], arguments + 1);
    perror(arguments[1]);
    return 1;
}
