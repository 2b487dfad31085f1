"""A serial port as hwtest uses it, and the modem behind it: bytes within a time, AT commands, modem signals, counters."""

import errno
import fcntl
import os
import select
import struct
import termios
import time

# <asm-generic/ioctls.h> and <asm-generic/termios.h>: what Python's termios does not name.
TIOCGSERIAL = 0x541E
TIOCGICOUNT = 0x545D
TIOCM_OUT1, TIOCM_OUT2, TIOCM_LOOP = 0x2000, 0x4000, 0x8000
# <linux/serial_core.h>, PORT_*: the types that matter to a modem line.
UARTS = {1: "8250", 2: "16450", 3: "16550", 4: "16550A", 6: "16650", 7: "16650V2", 8: "16750", 10: "16C950"}
NO_FIFO = {"8250", "16450", "16550"}
SIGNALS = {"DTR": termios.TIOCM_DTR, "RTS": termios.TIOCM_RTS, "CTS": termios.TIOCM_CTS, "DSR": termios.TIOCM_DSR,
           "DCD": termios.TIOCM_CAR, "RI": termios.TIOCM_RNG}
# What a program sets; the others come from the modem.
OUTPUTS = termios.TIOCM_DTR | termios.TIOCM_RTS | TIOCM_OUT1 | TIOCM_OUT2
# <linux/serial.h>, struct serial_icounter_struct.
COUNTERS = ("cts", "dsr", "rng", "dcd", "rx", "tx", "frame", "overrun", "parity", "brk", "buf_overrun")
ERRORS = ("frame", "overrun", "parity", "brk", "buf_overrun")
RESULTS = ("OK", "ERROR", "BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "CONNECT")


class Failed(Exception):
    pass


class NotRun(Exception):
    pass


class Line:
    """A serial port in raw mode."""

    def __init__(self, device, speed):
        self.device = device
        self.speed = speed
        self.fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        flags = list(termios.tcgetattr(self.fd))
        flags[0] = termios.IGNBRK
        flags[1] = 0
        flags[2] = termios.CS8 | termios.CREAD | termios.CLOCAL | termios.HUPCL | termios.CRTSCTS
        flags[3] = 0
        flags[4] = flags[5] = self.code()
        termios.tcsetattr(self.fd, termios.TCSANOW, flags)

    def code(self):
        try:
            return getattr(termios, "B%d" % self.speed)
        except AttributeError:
            raise Failed("%d bit/s is no standard speed" % self.speed)

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def write(self, data, limit=30.0):
        end = time.monotonic() + limit
        while data:
            left = end - time.monotonic()
            if left <= 0 or not select.select([], [self.fd], [], left)[1]:
                raise Failed("the port takes no bytes (flow control? try with CTS connected)")
            data = data[os.write(self.fd, data):]

    def read(self, limit):
        """What comes within the time; empty if nothing does, None at the end of the line."""
        if not select.select([self.fd], [], [], max(limit, 0))[0]:
            return b""
        try:
            return os.read(self.fd, 4096) or None
        except OSError as error:
            if error.errno == errno.EIO:
                return None
            if error.errno == errno.EAGAIN:
                return b""
            raise

    def quiet(self, time_of_quiet=0.3, limit=5.0):
        """Reads until nothing comes any more."""
        seen, end = b"", time.monotonic() + limit
        while time.monotonic() < end:
            data = self.read(time_of_quiet)
            if not data:
                break
            seen += data
        return seen

    def results(self, limit, wanted=RESULTS):
        """Lines up to a result code; the last of them is the result."""
        seen, end = b"", time.monotonic() + limit
        while True:
            data = self.read(end - time.monotonic())
            if data is None:
                raise Failed("the line ended after %r" % seen[-80:])
            seen += data
            *whole, _ = seen.replace(b"\n", b"\r").split(b"\r")
            lines = [line.decode("ascii", "replace").strip() for line in whole if line.strip()]
            for at, line in enumerate(lines):
                if any(line == word or (word == "CONNECT" and line.startswith("CONNECT ")) for word in wanted):
                    return lines[:at + 1]
            if time.monotonic() >= end:
                raise Failed("no result code within %.0f s; seen: %r" % (limit, seen[-80:]))

    def ask(self, command, limit=5.0):
        self.write(command.encode() + b"\r")
        return self.results(limit)

    def order(self, command, limit=5.0):
        lines = self.ask(command, limit)
        if lines[-1] != "OK":
            raise Failed("%s was answered with %s" % (command, lines[-1]))
        return [line for line in lines[:-1] if line != command]

    def attention(self):
        """Gets the modem to say OK, out of a call if need be."""
        self.quiet()
        for attempt in range(4):
            if attempt == 2:
                self.escape(check=False)
                self.write(b"ATH\r")
                self.quiet(1.0)
            self.write(b"AT\r")
            try:
                if self.results(2.0)[-1] == "OK":
                    self.quiet()
                    return "answered at attempt %d" % (attempt + 1)
            except Failed as failure:
                last = failure
        raise Failed("the modem does not answer AT: %s" % last)

    def escape(self, check=True):
        time.sleep(1.2)
        self.write(b"+++")
        if check:
            if self.results(5.0, ("OK", "NO CARRIER"))[-1] != "OK":
                raise Failed("the carrier was lost")
        else:
            time.sleep(1.2)

    def signals(self):
        state = fcntl.ioctl(self.fd, termios.TIOCMGET, b"\0" * 4)
        return struct.unpack("i", state)[0]

    def carrier(self):
        return bool(self.signals() & termios.TIOCM_CAR)

    def has_signals(self):
        try:
            self.signals()
            return True
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EINVAL):
                return False
            raise

    def change(self, signals, on):
        """Switches signals that a program sets: DTR, RTS, or the UART's loopback."""
        request = termios.TIOCMBIS if on else termios.TIOCMBIC
        fcntl.ioctl(self.fd, request, struct.pack("i", signals))

    def restore(self, signals):
        """Sets the outputs to what they were, without loopback."""
        fcntl.ioctl(self.fd, termios.TIOCMSET, struct.pack("i", signals & OUTPUTS))

    def uart(self):
        """The UART's type and the size of its transmit FIFO, in bytes."""
        try:
            raw = fcntl.ioctl(self.fd, TIOCGSERIAL, b"\0" * 72)
        except OSError as error:
            raise NotRun("the driver does not tell (%s)" % errno.errorcode.get(error.errno, error.errno))
        kind, _, _, _, _, fifo = struct.unpack_from("iiIiii", raw)
        if kind not in UARTS:
            raise NotRun("type %d is none of the 8250 family (a USB adapter?)" % kind)
        return UARTS[kind], fifo

    def trigger(self):
        """At how many bytes in the receive FIFO it is read, where the driver says so."""
        name = os.path.basename(os.path.realpath(self.device))
        try:
            with open("/sys/class/tty/%s/rx_trig_bytes" % name, encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def counters(self):
        try:
            raw = fcntl.ioctl(self.fd, TIOCGICOUNT, b"\0" * 80)
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EINVAL):
                return None
            raise
        return dict(zip(COUNTERS, struct.unpack("20i", raw)))
