"""The guest as a machine: QEMU with three 16550As: the console, and two that modems of the exchange are joined to.

QEMU joins a UART to a socket here, and a thread carries the bytes between the socket and the modem. Modem signals do not
cross: QEMU shows the guest CTS, DSR and DCD as on. A break does, by QMP.
"""

import errno
import json
import os
import select
import socket
import subprocess
import threading

# What is read at once, in bytes, and what may wait for the other side.
CHUNK = 512
# The third UART has an interrupt of its own: an ISA interrupt cannot be shared.
UARTS = (("modem", 1, 3), ("other", 2, 5))
# How long QEMU may take to connect to the sockets, in seconds.
STARTING = 30.0


class Machine:
    def __init__(self, folder, kernel, initramfs, modems):
        """`modems`: the paths of the modems behind ttyS1 and ttyS2."""
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                   "-accel", "tcg", "-cpu", "max,la57=off", "-m", "512",
                   "-kernel", kernel, "-initrd", initramfs,
                   "-append", "console=ttyS0 quiet panic=-1 mitigations=off nokaslr",
                   "-chardev", "stdio,id=console,signal=off", "-device", "isa-serial,chardev=console,index=0"]
        listening = {}
        for name in ["monitor", *(uart[0] for uart in UARTS)]:
            path = os.path.join(folder, name + ".socket")
            listening[name] = socket.socket(socket.AF_UNIX)
            listening[name].bind(path)
            listening[name].listen(1)
            listening[name].settimeout(STARTING)
            command += ["-chardev", "socket,id=%s,path=%s" % (name, path)]
        for name, index, interrupt in UARTS:
            command += ["-device", "isa-serial,chardev=%s,index=%d,irq=%d" % (name, index, interrupt)]
        command += ["-mon", "chardev=monitor,mode=control"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            for (name, _, _), modem in zip(UARTS, modems):
                threading.Thread(target=carry, args=(accept(listening[name]), modem), daemon=True).start()
            self.monitor = accept(listening["monitor"]).makefile("rwb")
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


def accept(listening):
    with listening:
        return listening.accept()[0]


def carry(guest, modem):
    """Carries bytes between a UART of the guest and a modem of the exchange, as long as there are both."""
    to_modem, to_guest, line = b"", b"", None
    try:
        while True:
            if line is None:
                line = os.open(modem, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            readers = [guest] * (len(to_modem) < CHUNK) + [line] * (len(to_guest) < CHUNK)
            writers = [line] * bool(to_modem) + [guest] * bool(to_guest)
            readable, writable, _ = select.select(readers, writers, [])
            if guest in readable:
                came = guest.recv(CHUNK)
                if not came:
                    return
                to_modem += came
            if guest in writable:
                to_guest = to_guest[guest.send(to_guest):]
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
        guest.close()
        if line is not None:
            os.close(line)
