"""The guest as a machine: QEMU with three 16550As: the console, and two that modems of the exchange are joined to.

A thread carries the bytes between each UART and its modem. QEMU takes the signals of a UART from a serial port of the host.
The one behind ttyS1 is a PTY, to which tests/support/modem_lines.c gives signals: DTR goes to the modem as it does on a PTY of
the exchange, by speed B0, and the carrier comes from what the exchange tells. The one behind ttyS2 is a socket, for which
QEMU shows CTS, DSR and DCD as on. A break comes by QMP.
"""

import errno
import json
import mmap
import os
import select
import socket
import struct
import subprocess
import termios
import threading
import tty

PRELOAD = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "tests", "support", "modem_lines.c")
# What is read at once, in bytes, and what may wait for the other side.
CHUNK = 512
# How often DTR is looked at, in seconds.
LOOK = 0.02
# How long QEMU may take to connect to the sockets, in seconds.
STARTING = 30.0


class Signals:
    """The modem signals of a PTY, in a file that is mapped by whoever has it open: words, first the inputs, then the outputs."""

    SIZE = 64

    def __init__(self, folder):
        self.library = os.path.join(folder, "modem_lines.so")
        self.path = os.path.join(folder, "modem_lines")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, PRELOAD], check=True)
        with open(self.path, "w+b") as file:
            file.truncate(self.SIZE)
            self.words = mmap.mmap(file.fileno(), self.SIZE)
        self.carrier(False)

    def environment(self):
        return {"LD_PRELOAD": self.library, "MODEM_LINES": self.path}

    def carrier(self, on):
        modem_on = termios.TIOCM_CTS | termios.TIOCM_DSR
        struct.pack_into("I", self.words, 0, modem_on | (termios.TIOCM_CAR if on else 0))

    def dtr(self):
        return bool(struct.unpack_from("I", self.words, 4)[0] & termios.TIOCM_DTR)


class Machine:
    def __init__(self, folder, kernel, initramfs, modems):
        """`modems`: the paths of the modems behind ttyS1 and ttyS2."""
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                   "-accel", "tcg", "-cpu", "max,la57=off", "-m", "512",
                   "-kernel", kernel, "-initrd", initramfs,
                   "-append", "console=ttyS0 quiet panic=-1 mitigations=off nokaslr"]
        self.signals = Signals(folder)
        port, device = os.openpty()
        tty.setraw(device)
        monitor, monitor_path = listen(folder, "monitor")
        other, other_path = listen(folder, "other")
        # Interrupt 4 is usual for the third too, but on an ISA bus it cannot be shared.
        for index, interrupt, name, backend in ((0, 4, "console", "stdio,signal=off"),
                                                (1, 3, "modem", "serial,path=" + os.ttyname(device)),
                                                (2, 5, "other", "socket,path=" + other_path)):
            command += ["-chardev", "%s,id=%s" % (backend, name)]
            command += ["-device", "isa-serial,chardev=%s,index=%d,irq=%d" % (name, index, interrupt)]
        command += ["-chardev", "socket,id=monitor,path=%s" % monitor_path, "-mon", "chardev=monitor,mode=control"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env={**os.environ, **self.signals.environment()})
        try:
            for guest, modem, signals in ((port, modems[0], self.signals), (accept(other).detach(), modems[1], None)):
                threading.Thread(target=carry, args=(guest, modem, signals), daemon=True).start()
            self.monitor = accept(monitor).makefile("rwb")
            self.monitor.readline()
            self.order("qmp_capabilities")
        except OSError as error:
            self.stop()
            raise OSError("QEMU does not start: %s" % self.process.stdout.read().decode(errors="replace")) from error

    def order(self, command, **arguments):
        """A command of the QEMU Machine Protocol."""
        self.monitor.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.monitor.flush()
        while True:
            line = self.monitor.readline()
            if not line:
                raise OSError("QEMU has ended")
            answer = json.loads(line)
            if "error" in answer:
                raise OSError("QEMU: %s: %s" % (command, answer["error"]["desc"]))
            if "return" in answer:
                return

    def send_break(self):
        """A break arrives at ttyS1."""
        self.order("chardev-send-break", id="modem")

    def console(self):
        """The lines of the console, until the guest ends."""
        for line in self.process.stdout:
            yield line.decode(errors="replace").rstrip("\r\n")

    def stop(self):
        self.process.kill()
        self.process.wait()


def listen(folder, name):
    path = os.path.join(folder, name + ".socket")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(1)
    listening.settimeout(STARTING)
    return listening, path


def accept(listening):
    with listening:
        return listening.accept()[0]


def carry(guest, modem, signals):
    """Carries bytes between a UART of the guest and a modem of the exchange, and DTR, as long as there are both."""
    to_modem, to_guest, line, dtr = b"", b"", None, True
    os.set_blocking(guest, False)
    try:
        while True:
            if line is None:
                line, dtr = os.open(modem, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK), True
            if signals is not None and signals.dtr() != dtr:
                dtr = not dtr
                set_speed(line, termios.B115200 if dtr else termios.B0)
            readers = [guest] * (len(to_modem) < CHUNK) + [line] * (len(to_guest) < CHUNK)
            writers = [line] * bool(to_modem) + [guest] * bool(to_guest)
            readable, writable, _ = select.select(readers, writers, [], LOOK)
            if guest in readable:
                came = os.read(guest, CHUNK)
                if not came:
                    return
                to_modem += came
            if guest in writable:
                to_guest = to_guest[os.write(guest, to_guest):]
            try:
                if line in readable:
                    came = os.read(line, CHUNK)
                    if not came:
                        raise OSError(errno.EIO, "the modem hung up")
                    to_guest += came
                if line in writable:
                    to_modem = to_modem[os.write(line, to_modem):]
            except BlockingIOError:
                pass
            except OSError:
                # A call is over: the modem is at a new PTY, which the path names already.
                os.close(line)
                line, to_modem = None, b""
    except OSError:
        # The exchange or the guest is gone; the checks will say so.
        pass
    finally:
        os.close(guest)
        if line is not None:
            os.close(line)


def set_speed(line, speed):
    flags = termios.tcgetattr(line)
    flags[4] = flags[5] = speed
    termios.tcsetattr(line, termios.TCSANOW, flags)
