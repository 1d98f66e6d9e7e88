// The first process of a container: a load of a known size, and the agent beside it. It ends with
// the agent's exit code, and passes SIGTERM on to it.
//
//     load PERCENT HELD SHARED FILE AGENT [ARGUMENT]...
//
// Uses PERCENT of one core (100 never rests), holds HELD MB of anonymous memory and SHARED MB in
// /dev/shm, and has a file of FILE MB. Each line that comes in is a command, and is answered when
// it is done:
//
//     cache MEGABYTES     reads so much from the file's start, which is then in the page cache
//     exceed MEGABYTES    a process that takes so much memory, and has to be killed for it
//     use MILLISECONDS    uses so much CPU time

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kernel/burn.h"

// So short that it hardly matters where in a turn a counter is read.
#define TURN_NS 5000000LL

static pid_t agent;

static void check(int good, const char *what) {
    if (good) return;
    perror(what);
    exit(1);
}

static void say(const char *what) {
    printf("load: %s\n", what);
    fflush(stdout);
}

static void hold(size_t bytes, int flags, int file) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
    check(memory != MAP_FAILED, "mmap");
    memset(memory, 1, bytes);
}

static int file_of(const char *path, size_t bytes) {
    int file = open(path, O_RDWR | O_CREAT, 0600);
    check(file >= 0 && ftruncate(file, (off_t)bytes) == 0, path);
    return file;
}

// The file is nothing but a hole, which is cached like any other data when it is read.
static void cache(size_t bytes, size_t size) {
    static char part[1 << 16];
    int file = file_of("/cached", size);
    for (ssize_t length; bytes; bytes -= (size_t)length) {
        length = read(file, part, bytes < sizeof part ? bytes : sizeof part);
        check(length > 0, "/cached");
    }
    close(file);
}

// Of the container's processes the kernel kills the largest, and this one asks to be chosen.
static void exceed(size_t bytes) {
    pid_t victim = fork();
    check(victim >= 0, "fork");
    if (!victim) {
        int choice = open("/proc/self/oom_score_adj", O_WRONLY);
        check(choice >= 0 && write(choice, "1000", 4) == 4, "oom_score_adj");
        hold(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        exit(0);
    }
    int status;
    check(waitpid(victim, &status, 0) == victim, "waitpid");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return;
    fprintf(stderr, "load: %zu bytes were not too much\n", bytes);
    exit(1);
}

static void obey(size_t size) {
    char command[16];
    for (size_t number; scanf("%15s %zu", command, &number) == 2; say(command)) {
        if (!strcmp(command, "cache")) cache(number << 20, size);
        if (!strcmp(command, "exceed")) exceed(number << 20);
        if (!strcmp(command, "use")) use((long long)number * 1000000LL);
    }
}

static void pass_on(int signal) { kill(agent, signal); }

int main(int count, char **arguments) {
    if (count < 6) return 2;
    size_t megabytes[3];
    for (int i = 0; i < 3; i++) megabytes[i] = (size_t)atoi(arguments[2 + i]) << 20;
    if (megabytes[0]) hold(megabytes[0], MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (megabytes[1]) hold(megabytes[1], MAP_SHARED, file_of("/dev/shm/held", megabytes[1]));
    say("ready");
    agent = fork();
    check(agent >= 0, "fork");
    if (!agent) {
        execv(arguments[5], arguments + 5);
        check(0, arguments[5]);
    }
    // The first process of a container gets only the signals that it asks for.
    signal(SIGTERM, pass_on);
    pid_t burner = fork();
    if (!burner) burn(atoll(arguments[1]), TURN_NS);
    pid_t servant = fork();
    if (!servant) obey(megabytes[2]), exit(0);
    check(burner > 0 && servant > 0, "fork");
    for (;;) {
        int status;
        pid_t ended = wait(&status);
        if (ended != agent) continue;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}
