// A steady CPU load. The loads of the guests and of the containers have it in common.

#ifndef BURN_H
#define BURN_H

#include <time.h>

static long long now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// Uses so many nanoseconds of CPU time.
static void use(long long nanoseconds) {
    long long end = now(CLOCK_THREAD_CPUTIME_ID) + nanoseconds;
    while (now(CLOCK_THREAD_CPUTIME_ID) < end) {
    }
}

// Uses PERCENT of one core, the first part of each turn, until it is killed; 100 never rests.
static void burn(long long percent, long long turn_nanoseconds) {
    long long turn = now(CLOCK_MONOTONIC);
    for (;;) {
        do use(turn_nanoseconds * percent / 100);
        while (percent >= 100);
        // After a stall the next turn is the next multiple: what was missed is not made up for.
        do turn += turn_nanoseconds;
        while (turn < now(CLOCK_MONOTONIC));
        struct timespec until = {turn / 1000000000LL, turn % 1000000000LL};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

#endif
