/*
 * Modem lines for pseudo terminals, by preload: every PTY that the process has open gets the lines and the UART of one
 * serial port, which are kept in a file that a test maps or reads beside it.
 *
 *     cc -shared -fPIC -o modem_lines.so modem_lines.c
 *     LD_PRELOAD=./modem_lines.so MODEM_LINES=FILE program
 *
 * What is answered: TIOCMGET, TIOCMSET, TIOCMBIS, TIOCMBIC, TIOCGICOUNT, TIOCGSERIAL, TIOCOUTQ. Facts: tty_ioctl(4),
 * <linux/serial.h>. Everything else goes to the kernel, as does everything of other devices, and all of it without the
 * variable. DTR low is passed on as speed B0, which whoever holds the other side of the PTY can see.
 *
 * PTYs are known by their device number, not by their path: a modem of `uugate exchange` is a new PTY at each call.
 * Only what goes through the C library is seen here.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

/* tests/support/modem_lines.rs has the same places. */
struct port {
    uint32_t incoming;       /* TIOCM_CTS, TIOCM_DSR, TIOCM_CAR, TIOCM_RNG: the test's */
    uint32_t outgoing;       /* TIOCM_DTR, TIOCM_RTS: the program's */
    uint32_t dtr_falls;      /* how often DTR went from high to low */
    uint32_t uart;           /* PORT_* of <linux/serial.h> */
    uint32_t fifo;           /* its FIFO, in characters */
    uint32_t frame, overrun, parity, brk, buf_overrun;
    uint32_t unsent;         /* characters that wait for CTS */
};

static struct port *port;
/* The settings of the terminal while DTR is low. */
static struct termios before;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("MODEM_LINES");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof *port, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    port = mapped == MAP_FAILED ? NULL : mapped;
}

/* The slaves of Unix98 pseudo terminals (the kernel's devices.txt). */
static int is_pty(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) >= 136 &&
           major(status.st_rdev) <= 143;
}

/* Both words change one bit at a time, from several threads. */
static void set_outgoing(int fd, uint32_t high, uint32_t low)
{
    uint32_t was = __atomic_load_n(&port->outgoing, __ATOMIC_SEQ_CST);
    uint32_t is;
    do
        is = (was | high) & ~low;
    while (!__atomic_compare_exchange_n(&port->outgoing, &was, is, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if ((was & TIOCM_DTR) && !(is & TIOCM_DTR)) {
        __atomic_add_fetch(&port->dtr_falls, 1, __ATOMIC_SEQ_CST);
        struct termios now;
        if (tcgetattr(fd, &now) == 0) {
            before = now;
            cfsetispeed(&now, B0);
            cfsetospeed(&now, B0);
            tcsetattr(fd, TCSANOW, &now);
        }
    } else if (!(was & TIOCM_DTR) && (is & TIOCM_DTR)) {
        struct termios now;
        if (tcgetattr(fd, &now) == 0 && cfgetospeed(&now) == B0 && cfgetospeed(&before) != B0)
            tcsetattr(fd, TCSANOW, &before);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    int ours = request == TIOCMGET || request == TIOCMSET || request == TIOCMBIS || request == TIOCMBIC ||
               request == TIOCGICOUNT || request == TIOCGSERIAL || request == TIOCOUTQ;
    if (!port || !ours || !is_pty(fd))
        return (int)syscall(SYS_ioctl, fd, request, argument);
    uint32_t bits = 0;
    if (request == TIOCMSET || request == TIOCMBIS || request == TIOCMBIC)
        bits = *(uint32_t *)argument & (TIOCM_DTR | TIOCM_RTS);
    switch (request) {
    case TIOCMGET:
        *(uint32_t *)argument = __atomic_load_n(&port->incoming, __ATOMIC_SEQ_CST) |
                                __atomic_load_n(&port->outgoing, __ATOMIC_SEQ_CST);
        break;
    case TIOCMSET:
        set_outgoing(fd, bits, ~bits);
        break;
    case TIOCMBIS:
        set_outgoing(fd, bits, 0);
        break;
    case TIOCMBIC:
        set_outgoing(fd, 0, bits);
        break;
    case TIOCGICOUNT: {
        struct serial_icounter_struct counters;
        memset(&counters, 0, sizeof counters);
        counters.frame = (int)port->frame;
        counters.overrun = (int)port->overrun;
        counters.parity = (int)port->parity;
        counters.brk = (int)port->brk;
        counters.buf_overrun = (int)port->buf_overrun;
        memcpy(argument, &counters, sizeof counters);
        break;
    }
    case TIOCGSERIAL: {
        struct serial_struct serial;
        memset(&serial, 0, sizeof serial);
        serial.type = (int)port->uart;
        serial.xmit_fifo_size = (int)port->fifo;
        serial.baud_base = 115200;
        memcpy(argument, &serial, sizeof serial);
        break;
    }
    case TIOCOUTQ:
        *(int *)argument = (int)port->unsent;
        break;
    }
    /* The other side of the PTY may be gone, as an adapter may be pulled. */
    struct termios alive;
    if (tcgetattr(fd, &alive) != 0) {
        errno = EIO;
        return -1;
    }
    return 0;
}
