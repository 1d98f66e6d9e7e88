// A load of a known size, which runs until it is killed.
//
//     load hold MEGABYTES      holds anonymous memory
//     load exceed MEGABYTES    the same, as the one that is killed if that is too much
//     load burn PERCENT        uses this much of one core: a part of each 100 ms; 100 never rests
//     load use MILLISECONDS    uses so much CPU time, and ends
//     load miss FOLDER         looks for files that are not there, which the kernel remembers in
//                              reclaimable slabs, and ends

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "burn.h"

// As long as the kernel's own quota period, so that every such period sees the same work.
#define TURN_NS 100000000LL

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

// Takes more than its group may have, and is the one that is killed for it: of the group's
// processes the kernel chooses the largest, and this one asks to be chosen.
static void exceed(size_t bytes) {
    FILE *choice = fopen("/proc/self/oom_score_adj", "w");
    if (!choice || fputs("1000", choice) < 0 || fclose(choice)) {
        perror("oom_score_adj");
        exit(1);
    }
    hold(bytes);
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
    if (!strcmp(arguments[1], "exceed")) exceed((size_t)atoi(arguments[2]) << 20);
    if (!strcmp(arguments[1], "burn")) burn(atoll(arguments[2]), TURN_NS);
    if (!strcmp(arguments[1], "use")) use(atoll(arguments[2]) * 1000000LL), exit(0);
    if (!strcmp(arguments[1], "miss")) miss(arguments[2]);
    return 2;
}
