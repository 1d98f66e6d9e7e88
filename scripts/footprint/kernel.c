/* What it costs to sleep and to read files of the kernel, and nothing else: no parsing, no allocation.
 *
 *   kernel warm TIMES READ...            each read so many times without a pause
 *   kernel cold SAMPLES SLEEP READ...    a sleep of 0.9 s, then each read once, so many times
 *
 * SLEEP is `nanosleep`, or `timerfd`, which is the agent's way: epoll_wait(2) and a read of a timerfd. READ is
 * BYTES:FILE, which is read at offset 0 with the descriptor left open, open:FILE, which is opened and closed each
 * time, or the name of a system call: getppid or sysinfo. It prints a line for each read with the median of its
 * CPU time in microseconds, and at last a line `sample` with that of all that a sample takes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MOST_READS 16
static const struct timespec INTERVAL = {0, 900000000};
static char page[65536];

struct read {
  const char *name, *file;
  size_t bytes;
  int descriptor;
  double *took;
};

/* CPU time of this process, in microseconds. The scheduler counts it to the nanosecond. */
static double cpu(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int compare(const void *one, const void *other) {
  double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

static double median(double *values, int count) {
  qsort(values, count, sizeof *values, compare);
  return values[count / 2];
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct read opened(const char *name, int times) {
  struct read read = {name, strchr(name, ':'), 0, -1, calloc(times, sizeof(double))};
  if (read.file && strncmp(name, "open:", 5) != 0) {
    read.bytes = strtoul(name, NULL, 10);
    read.descriptor = open(read.file + 1, O_RDONLY | O_CLOEXEC);
    if (read.descriptor < 0 || read.bytes > sizeof page) fail(name);
  }
  return read;
}

static void do_read(struct read *read) {
  struct sysinfo info;
  if (read->descriptor >= 0) {
    if (pread(read->descriptor, page, read->bytes, 0) < 0) fail(read->name);
  } else if (read->file) {
    int descriptor = open(read->file + 1, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || pread(descriptor, page, 4096, 0) < 0) fail(read->name);
    close(descriptor);
  } else if (strcmp(read->name, "sysinfo") == 0) {
    sysinfo(&info);
  } else {
    syscall(SYS_getppid);
  }
}

int main(int count, char **arguments) {
  struct read reads[MOST_READS];
  int cold = count > 3 && strcmp(arguments[1], "cold") == 0, first = cold ? 4 : 3;
  int times = count > 2 ? atoi(arguments[2]) : 0, known = count - first;
  if (times < 1 || known < 0 || known > MOST_READS) return 2;
  for (int n = 0; n < known; n++) reads[n] = opened(arguments[first + n], times);
  if (!cold) {
    for (int n = 0; n < known; n++) {
      double begun = cpu();
      for (int time = 0; time < times; time++) do_read(&reads[n]);
      printf("%s %.3f\n", reads[n].name, (cpu() - begun) / times);
    }
    return 0;
  }
  int by_timer = strcmp(arguments[3], "timerfd") == 0, timer = -1, poll = -1;
  if (by_timer) {
    struct itimerspec every = {INTERVAL, INTERVAL};
    struct epoll_event event = {EPOLLIN | EPOLLET, {0}};
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    poll = epoll_create1(EPOLL_CLOEXEC);
    if (timer < 0 || poll < 0 || timerfd_settime(timer, 0, &every, NULL) < 0) fail("timerfd");
    if (epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event) < 0) fail("epoll");
  }
  /* The first two samples fault pages in and fill what is cached. */
  const int settled = 2;
  double *samples = calloc(times, sizeof *samples), last = cpu();
  for (int sample = -settled; sample < times; sample++) {
    if (by_timer) {
      struct epoll_event event;
      unsigned long long ticks;
      if (epoll_wait(poll, &event, 1, -1) < 0 || read(timer, &ticks, sizeof ticks) < 0) fail("timerfd");
    } else {
      nanosleep(&INTERVAL, NULL);
    }
    double before = cpu();
    for (int n = 0; n < known; n++) {
      do_read(&reads[n]);
      double now = cpu();
      if (sample >= 0) reads[n].took[sample] = now - before;
      before = now;
    }
    if (sample >= 0) samples[sample] = before - last;
    last = before;
  }
  for (int n = 0; n < known; n++) printf("%s %.3f\n", reads[n].name, median(reads[n].took, times));
  printf("sample %.3f\n", median(samples, times));
  return 0;
}
