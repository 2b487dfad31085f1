"""What the guest boots: a Debian kernel unpacked from its package, and an initramfs made here."""

import glob
import os
import re
import shutil
import stat
import subprocess
import tarfile
import tempfile

# Small, and with the drivers of virtual machines alone; the 8250 driver is built in.
KERNEL = "linux-image-cloud-amd64"
# Folders of Python's library that the guest has no use for.
LEFT_OUT = {"test", "idlelib", "lib2to3", "distutils", "ensurepip", "pydoc_data", "asyncio", "email", "xml", "unittest",
            "multiprocessing", "sqlite3", "site-packages", "dist-packages"}


class Unavailable(Exception):
    """Something that the guest is made of cannot be had."""


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, check=False, **more)
    if done.returncode:
        raise Unavailable("%s: %s" % (" ".join(command), done.stderr.decode(errors="replace").strip()))
    return done.stdout


def kernel(cache):
    return unpacked(cache, "vmlinuz", kernel_package, r"\./boot/vmlinuz-.*")


def busybox(cache):
    return unpacked(cache, "busybox", lambda: "busybox-static", r"\./(usr/)?bin/busybox")


def kernel_package():
    """The package of today's kernel, which that of the newest depends on."""
    for line in run("apt-cache", "depends", KERNEL).decode().splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind == "Depends" and name.startswith("linux-image-"):
            return name
    raise Unavailable("%s depends on no kernel (apt-get update)" % KERNEL)


def unpacked(cache, name, package, wanted):
    """One file of a package that need not be installed; downloaded once."""
    path = os.path.join(cache, name)
    if os.path.exists(path):
        return path
    os.makedirs(cache, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        try:
            run("apt-get", "download", package(), cwd=folder)
        except Unavailable:
            # A fresh machine has no lists of packages.
            run("apt-get", "update")
            run("apt-get", "download", package(), cwd=folder)
        (archive,) = glob.glob(os.path.join(folder, "*.deb"))
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as unpacking:
            with tarfile.open(fileobj=unpacking.stdout, mode="r|") as files:
                for file in files:
                    if re.fullmatch(wanted, file.name):
                        beside = os.path.join(folder, name)
                        with open(beside, "wb") as out:
                            shutil.copyfileobj(files.extractfile(file), out)
                        os.chmod(beside, 0o755)
                        os.rename(beside, path)
                        break
                else:
                    raise Unavailable("%s holds no %s" % (os.path.basename(archive), wanted))
            unpacking.kill()
    return path


class Initramfs:
    """A cpio archive in the form "newc": the kernel's driver-api/early-userspace/buffer-format.rst.

    Each entry is a header of 13 numbers in hexadecimal, the name, the contents; both padded to four bytes.
    """

    def __init__(self):
        self.parts = []
        self.names = set()

    def add(self, name, mode, data=b"", mtime=0, device=(0, 0)):
        """An entry, below folders that are made for it; the same name only once."""
        if name in self.names:
            return
        above = os.path.dirname(name)
        if above:
            self.add(above, stat.S_IFDIR | 0o755)
        self.names.add(name)
        coded = name.encode() + b"\0"
        # inode, mode, owner, group, links, mtime, size, device of the file, device that it is, name, checksum
        numbers = (len(self.names), mode, 0, 0, 1, mtime, len(data), 0, 0, *device, len(coded), 0)
        self.parts += [self.padded(b"070701" + b"".join(b"%08X" % number for number in numbers) + coded), self.padded(data)]

    @staticmethod
    def padded(data):
        return data + b"\0" * (-len(data) % 4)

    def file(self, source, name=None):
        """A file of this machine, at the same place there unless told."""
        with open(source, "rb") as file:
            status = os.fstat(file.fileno())
            self.add((name or source).lstrip("/"), stat.S_IFREG | stat.S_IMODE(status.st_mode), file.read(), int(status.st_mtime))

    def contents(self, name, data, mode=0o644):
        self.add(name, stat.S_IFREG | mode, data)

    def folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def program(self, source, name=None):
        """A program with its libraries, without what only a debugger reads."""
        with tempfile.TemporaryDirectory() as folder:
            lean = os.path.join(folder, "lean")
            try:
                run("strip", "-o", lean, source)
            except (Unavailable, FileNotFoundError):
                lean = source
            self.file(lean, name or source)
        for library in re.findall(r"(/\S+) \(0x", run("ldd", source).decode()):
            self.file(library)

    def python(self, program="/usr/bin/python3"):
        """Debian's Python with its library."""
        self.program(os.path.realpath(program), program)
        library = run(program, "-c", "import os; print(os.path.dirname(os.__file__))").decode().strip()
        for folder, folders, files in os.walk(library):
            folders[:] = [name for name in folders if name not in LEFT_OUT and not name.startswith("config-")]
            for name in files:
                self.file(os.path.join(folder, name))

    def write(self, path):
        self.add("TRAILER!!!", 0)
        with open(path, "wb") as file:
            file.writelines(self.parts)
