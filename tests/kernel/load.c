// A load of a known size, which runs until it is killed.
//
//     load hold MEGABYTES    holds anonymous memory
//     load burn PERCENT      uses this much of one core: a part of each 100 ms; 100 never rests
//     load miss FOLDER       looks for files that are not there, which the kernel remembers in
//                            reclaimable slabs, and ends

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// As long as the kernel's own quota period, so that every such period sees the same work.
#define TURN_NS 100000000LL

static long long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void hold(size_t bytes) {
    char *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    memset(memory, 1, bytes);
    for (;;) pause();
}

static void burn(long long percent) {
    long long turn = now(CLOCK_MONOTONIC);
    for (;;) {
        long long end = now(CLOCK_THREAD_CPUTIME_ID) + TURN_NS * percent / 100;
        while (percent >= 100 || now(CLOCK_THREAD_CPUTIME_ID) < end) {
        }
        // After a stall the next turn is the next multiple: what was missed is not made up for.
        do turn += TURN_NS;
        while (turn < now(CLOCK_MONOTONIC));
        struct timespec until = {turn / 1000000000LL, turn % 1000000000LL};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

static void miss(const char *folder) {
    char path[64];
    // 192 bytes each: 4 MB in all.
    for (int file = 0; file < 20000; file++) {
        snprintf(path, sizeof path, "%s/%d", folder, file);
        access(path, F_OK);
    }
    exit(0);
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    if (!strcmp(arguments[1], "hold")) hold((size_t)atoi(arguments[2]) << 20);
    if (!strcmp(arguments[1], "burn")) burn(atoll(arguments[2]));
    if (!strcmp(arguments[1], "miss")) miss(arguments[2]);
    return 2;
}
