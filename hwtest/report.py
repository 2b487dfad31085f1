"""What the checks came to: a line each, and on demand a page that can be pasted into firmware-notes/."""

import os
import time


class Report:
    def __init__(self, device, speed):
        self.device = device
        self.speed = speed
        self.results = []
        self.answers = []

    def add(self, result, name, detail=""):
        """A check: `ok`, `failed` or `not run`."""
        self.results.append((result, name, detail))
        print("%-8s %s%s" % (result, name, ": " + detail if detail else ""), flush=True)

    def answer(self, command, lines):
        """What the modem said to a question about itself."""
        self.answers.append((command, lines))

    def count(self, result):
        return sum(entry[0] == result for entry in self.results)

    def sum(self):
        told = ["%d %s" % (self.count(result), result) for result in ("failed", "not run") if self.count(result)]
        return ", ".join(told) or "all is well"

    def driver(self):
        name = os.path.basename(os.path.realpath(self.device))
        try:
            return os.path.basename(os.readlink("/sys/class/tty/%s/device/driver" % name))
        except OSError:
            return "unknown"

    def write(self, path):
        system = os.uname()
        page = ["## %s, %s" % (self.device, time.strftime("%Y-%m-%d", time.gmtime())), ""]
        page += ["Tried with `hwtest/run` at %d bit/s; %s %s on %s, driver %s. %s." % (
            self.speed, system.sysname, system.release, system.machine, self.driver(), self.sum().capitalize()), ""]
        page += ["| check | result | seen |", "| --- | --- | --- |"]
        for result, name, detail in self.results:
            page.append("| %s | %s | %s |" % (name, result, detail.replace("|", "\\|")))
        if self.answers:
            page += ["", "What the modem says of itself:", ""]
            for command, lines in self.answers:
                page += ["    " + line for line in [command, *lines]]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(page) + "\n")
