"""A terminal server: gives a modem of the exchange to one TCP client after the other, by RFC 2217.

The protocol is pyserial's (serial.rfc2217.PortManager); the modem is a PTY, which has no modem lines, so carrier is what
the modem says: CONNECT, until its device goes away or DTR is lowered (which for a PTY is: closed).

    serial_server.py DEVICE      prints the port that it listens on
"""

import os
import select
import socket
import sys
import termios
import time
import tty

import serial.rfc2217


class Modem:
    baudrate, bytesize, parity, stopbits = 9600, 8, "N", 1
    xonxoff = rtscts = break_condition = ri = cd = False
    cts = dsr = rts = True

    def __init__(self, path):
        self.path, self.fd, self.said = path, None, b""
        self.dtr = True

    @property
    def dtr(self):
        return self.fd is not None

    @dtr.setter
    def dtr(self, high):
        if high and self.fd is None:
            # After a hang-up the exchange makes the device anew.
            while True:
                try:
                    self.fd = os.open(self.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
                    tty.setraw(self.fd)
                    break
                except OSError:
                    if self.fd is not None:
                        os.close(self.fd)
                    time.sleep(0.01)
        elif not high and self.fd is not None:
            os.close(self.fd)
            self.fd, self.cd, self.said = None, False, b""

    def reset_input_buffer(self):
        if self.fd is not None:
            termios.tcflush(self.fd, termios.TCIFLUSH)

    def reset_output_buffer(self):
        pass

    def read(self):
        try:
            data = os.read(self.fd, 4096)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.dtr = False
            self.dtr = True
        if not self.cd:
            self.said = (self.said + data)[-200:]
            self.cd = b"CONNECT" in self.said and b"\n" in self.said.split(b"CONNECT", 1)[1]
        return data

    def write(self, data):
        while data and self.fd is not None:
            try:
                data = data[os.write(self.fd, data):]
            except BlockingIOError:
                select.select([], [self.fd], [], 1)
            except OSError:
                return


class Connection:
    def __init__(self, stream):
        self.write = stream.sendall


def serve(stream, modem):
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = serial.rfc2217.PortManager(modem, Connection(stream))
    while True:
        ends = [stream] + ([modem.fd] if modem.fd is not None else [])
        ready, _, _ = select.select(ends, [], [], 0.02)
        if modem.fd in ready:
            data = modem.read()
            # The words before the carrier: a driver that watches it has to have read them first.
            stream.sendall(b"".join(port.escape(data)))
        port.check_modem_lines()
        if stream in ready:
            data = stream.recv(4096)
            if not data:
                return
            modem.write(b"".join(port.filter(data)))


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        stream, _ = listener.accept()
        modem = Modem(sys.argv[1])
        try:
            serve(stream, modem)
        except OSError:
            pass
        modem.dtr = False
        stream.close()


main()
