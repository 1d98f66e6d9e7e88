// A container beside the agent: a load of a known size, without the agent.
//
//     neighbour PERCENT HELD SHARED [WAY]
//
// Uses PERCENT of one core (0 none, 100 never rests), holds HELD MB of anonymous memory and SHARED MB in
// /dev/shm, and ends at SIGTERM. WAY is how it makes itself hard to look at: `setuid` becomes user and
// group 1000 as the workers of nginx do, `undumpable` forbids it. `late` takes its memory a second after
// its start, when the agent has seen it.
//
// Under the name `pause` it is what holds the PID namespace of a pod: it waits, and reaps orphans. Under
// the name `burst`, `burst MILLISECONDS [ORPHANS]` leaves so many orphans behind, uses so much CPU time
// and ends.

#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kernel/burn.h"

#define TURN_NS 5000000LL

static void end(int signal) {
    (void)signal;
    _exit(0);
}

static void check(int good, const char *what) {
    if (good) return;
    perror(what);
    exit(1);
}

static void hold(size_t bytes, int flags, int file) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
    check(memory != MAP_FAILED, "mmap");
    memset(memory, 1, bytes);
}

int main(int count, char **arguments) {
    // The first process of a namespace gets only the signals that it asks for.
    signal(SIGTERM, end);
    if (!strcmp(basename(arguments[0]), "pause"))
        for (;;)
            if (wait(NULL) < 0) usleep(10000);
    if (!strcmp(basename(arguments[0]), "burst")) {
        int orphans = count > 2 ? atoi(arguments[2]) : 0;
        for (int i = 0; i < orphans; i++) {
            pid_t parent = fork();
            check(parent >= 0, "fork");
            // Its child loses it at once, and ends as an orphan.
            if (!parent) {
                if (!fork()) usleep(1000);
                _exit(0);
            }
            check(waitpid(parent, NULL, 0) == parent, "waitpid");
        }
        if (count > 1) use(atoll(arguments[1]) * 1000000LL);
        return 0;
    }
    if (count < 4) return 2;
    size_t held = (size_t)atoi(arguments[2]) << 20, shared = (size_t)atoi(arguments[3]) << 20;
    if (count > 4 && !strcmp(arguments[4], "setuid"))
        check(!setgid(1000) && !setuid(1000), "setuid");
    if (count > 4 && !strcmp(arguments[4], "undumpable"))
        check(!prctl(PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE");
    if (count > 4 && !strcmp(arguments[4], "late")) usleep(1000000);
    if (held) hold(held, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (shared) {
        int file = open("/dev/shm/held", O_RDWR | O_CREAT, 0600);
        check(file >= 0 && !ftruncate(file, (off_t)shared), "/dev/shm/held");
        hold(shared, MAP_SHARED, file);
    }
    printf("neighbour: ready\n");
    fflush(stdout);
    long long percent = atoll(arguments[1]);
    if (percent) burn(percent, TURN_NS);
    for (;;) pause();
}
