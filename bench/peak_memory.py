"""Runs a command and prints the most memory it had, in MiB: of its largest process, and of all its processes together.

  peak_memory.py CMD...       prints "RSS PSS": the first is exact (getrusage: VmHWM of one process), the second a sum over the
                              command and all below it, shared pages divided among them, looked at ten times a second
"""

import os
import resource
import subprocess
import sys
import time

LOOK_SECONDS = 0.1


def parents():
    """Process id -> its parent's."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                found[int(name)] = int(stat.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            pass  # it has ended
    return found


def family(root):
    above = parents()
    for process in above:
        ancestor = process
        while ancestor in above and ancestor != root:
            ancestor = above[ancestor]
        if ancestor == root:
            yield process


def pss_kib(process):
    try:
        with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as rollup:
            return next((int(line.split()[1]) for line in rollup if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def main():
    peak = 0
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as command:
        while command.poll() is None:
            peak = max(peak, sum(map(pss_kib, family(command.pid))))
            time.sleep(LOOK_SECONDS)
    rss = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"{rss / 1024:.1f} {max(peak, 1) / 1024:.1f}")
    return command.returncode


sys.exit(main())
