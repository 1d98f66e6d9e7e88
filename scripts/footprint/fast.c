/* Lets a program's time pass FAST_TIMES as fast: a day in a quarter of an hour with 96. For LD_PRELOAD, and for programs
 * that are linked to a libc. Clocks of CPU time stay as they are, and so do the kernel's timers (timerfd), by which the
 * agent takes samples. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const long long SECOND = 1000000000LL;
static long long times = 1, begun[2];

static long long now(clockid_t clock) {
  struct timespec time;
  syscall(SYS_clock_gettime, clock, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
  const char *told = getenv("FAST_TIMES");
  begun[0] = now(CLOCK_REALTIME);
  begun[1] = now(CLOCK_MONOTONIC);
  if (told && atoll(told) > 0) times = atoll(told);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) {
    long long from = begun[clock == CLOCK_MONOTONIC];
    /* Before the constructor has run. */
    long long is = from ? from + (now(clock) - from) * times : now(clock);
    time->tv_sec = is / SECOND;
    time->tv_nsec = is % SECOND;
    return 0;
  }
  return syscall(SYS_clock_gettime, clock, time);
}

int epoll_pwait(int poll, struct epoll_event *events, int most, int milliseconds, const sigset_t *signals) {
  struct timespec wait;
  long long nanoseconds = milliseconds * 1000000LL / times;
  wait.tv_sec = nanoseconds / SECOND;
  wait.tv_nsec = nanoseconds % SECOND;
  return syscall(SYS_epoll_pwait2, poll, events, most, milliseconds < 0 ? NULL : &wait, signals, 8);
}

int epoll_wait(int poll, struct epoll_event *events, int most, int milliseconds) {
  return epoll_pwait(poll, events, most, milliseconds, NULL);
}
