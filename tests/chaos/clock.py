"""A clock for real workers that a test can set: a library before the system's own, compiled here."""

import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead(void) {
    char text[32] = "0";
    const char *path = getenv("SET_CLOCK");
    int before = errno, file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        if (read(file, text, sizeof text - 1) < 0) text[0] = 0;
        close(file);
    }
    errno = before;
    return atol(text);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, id, now);
    if (!result && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead();
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    now->tv_sec = found.tv_sec;
    now->tv_usec = found.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME, &found);
    if (now) *now = found.tv_sec;
    return found.tv_sec;
}
"""


class SetClock:
    """The time of day for a process with this `environment` and all that it starts; other clocks stay as they are."""

    can_be_made = sys.platform == "linux" and shutil.which("cc") is not None

    def __init__(self, folder: Path) -> None:
        source, library, self.file = folder / "clock.c", folder / "clock.so", folder / "clock"
        source.write_text(SOURCE)
        self.set_by(0)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self.environment = {"LD_PRELOAD": str(library), "SET_CLOCK": str(self.file)}

    def set_by(self, seconds: int) -> None:
        """So much ahead of the machine's. At once: nobody reads half of it."""
        draft = self.file.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}")
        draft.replace(self.file)
