/*
 * Another time of the day, by preload: CLOCK_REALTIME is ahead of the kernel's by what a file says, which a test writes meanwhile.
 * The monotonic clock goes as it goes.
 *
 *     cc -shared -fPIC -o wall_clock.so wall_clock.c
 *     LD_PRELOAD=./wall_clock.so WALL_CLOCK=FILE program
 *
 * Only what goes through the C library is seen here.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Seconds. */
static int64_t *ahead;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WALL_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    ahead = mapped == MAP_FAILED ? NULL : mapped;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && ahead)
        time->tv_sec += __atomic_load_n(ahead, __ATOMIC_SEQ_CST);
    return result;
}
