/* A disk that fails now and then: loaded before the C library, it makes one in so many syncs,
 * writes and reads of a ledger's files answer EIO. A failing write writes its first half. What
 * fails follows from a fixed seed. The test `failing` builds it and says how often. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned long seed = 88172645463325252UL;

static int fails(int file, const char *what) {
  char link[64], name[512];
  const char *times = getenv(what);
  ssize_t length;
  if (!times) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  length = readlink(link, name, sizeof name - 1);
  if (length < 0) return 0;
  name[length] = 0;
  if (!strstr(name, "changes.db")) return 0;
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  if (seed % strtoul(times, 0, 10)) return 0;
  errno = EIO;
  return 1;
}

int fsync(int file) {
  int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
  return fails(file, "FAILING_SYNCS") ? -1 : next(file);
}

int fdatasync(int file) {
  int (*next)(int) = dlsym(RTLD_NEXT, "fdatasync");
  return fails(file, "FAILING_SYNCS") ? -1 : next(file);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
  ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
  if (!fails(file, "FAILING_WRITES")) return next(file, bytes, length, at);
  next(file, bytes, length / 2, at);
  errno = EIO;
  return -1;
}

ssize_t pread64(int file, void *bytes, size_t length, off64_t at) {
  ssize_t (*next)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
  return fails(file, "FAILING_READS") ? -1 : next(file, bytes, length, at);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
  return pwrite64(file, bytes, length, at);
}

ssize_t pread(int file, void *bytes, size_t length, off_t at) {
  return pread64(file, bytes, length, at);
}
