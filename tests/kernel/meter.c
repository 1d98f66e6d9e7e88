// Reads the kernel's own counters at a steady pace, until it is killed: the second opinion on
// what the agent says.
//
//     meter EVERY_MILLISECONDS FILE[:FIELD[,FIELD]...]...
//
// One line a reading: wall clock in nanoseconds, then the number of each file, or those of its
// fields, which were read at once. A field is the name that a line begins with, or NAME/KEY where the
// line has KEY=NUMBER.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// The number behind the field's name at the start of a line, or behind a key of that line.
static long long number(const char *text, const char *field, const char *path) {
    char key[64] = "";
    const char *slash = strchr(field, '/');
    size_t width = slash ? (size_t)(slash - field) : strlen(field);
    if (slash) snprintf(key, sizeof key, " %s=", slash + 1);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, field, width) || line[width] != ' ') continue;
        const char *found = strstr(line, key), *end = strchr(line, '\n');
        if (!slash) return atoll(line + width);
        if (found && (!end || found < end)) return atoll(found + strlen(key));
    }
    fprintf(stderr, "%s has no %s\n", path, field);
    exit(1);
}

static void tell(const char *argument) {
    static char text[16384];
    char path[256];
    snprintf(path, sizeof path, "%s", argument);
    char *fields = strchr(path, ':');
    if (fields) *fields++ = 0;
    int file = open(path, O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (length < 0) {
        perror(path);
        exit(1);
    }
    close(file);
    text[length] = 0;
    if (!fields) printf(" %lld", atoll(text));
    for (char *field = fields ? strtok(fields, ",") : NULL; field; field = strtok(NULL, ","))
        printf(" %lld", number(text, field, path));
}

int main(int count, char **arguments) {
    if (count < 3) return 2;
    long long every = atoll(arguments[1]) * 1000000LL;
    struct timespec now;
    for (;;) {
        clock_gettime(CLOCK_REALTIME, &now);
        long long nanoseconds = now.tv_sec * 1000000000LL + now.tv_nsec;
        printf("%lld", nanoseconds);
        for (int index = 2; index < count; index++) tell(arguments[index]);
        putchar('\n');
        fflush(stdout);
        long long next = (nanoseconds / every + 1) * every;
        struct timespec until = {next / 1000000000LL, next % 1000000000LL};
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
    }
}
