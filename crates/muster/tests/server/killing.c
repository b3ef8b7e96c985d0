/* Kills its process at the n-th call that changes files: loaded before the C library, it counts the
 * calls that create, write, sync, rename, cut or remove something, and at the one that KILLING_AT
 * names the process ends, as by SIGKILL, before the call; of a write, after its first half. With
 * KILLING_COUNT it writes the number of calls to that file instead. The test `kills` builds it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static unsigned long calls;

static int is_last(void) {
  const char *at = getenv("KILLING_AT");
  unsigned long number = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  return at && number == strtoul(at, 0, 10);
}

static void end(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

__attribute__((destructor)) static void count(void) {
  const char *file = getenv("KILLING_COUNT");
  FILE *out = file ? fopen(file, "w") : 0;
  if (!out) return;
  fprintf(out, "%lu", calls);
  fclose(out);
}

#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define CHANGES(type, name, parameters, arguments) \
  type name parameters {                           \
    NEXT(name);                                    \
    if (is_last()) end();                          \
    return next arguments;                         \
  }

CHANGES(int, fsync, (int file), (file))
CHANGES(int, fdatasync, (int file), (file))
CHANGES(int, ftruncate, (int file, off_t length), (file, length))
CHANGES(int, ftruncate64, (int file, off64_t length), (file, length))
CHANGES(int, rename, (const char *from, const char *to), (from, to))
CHANGES(int, unlink, (const char *path), (path))
CHANGES(int, mkdir, (const char *path, mode_t mode), (path, mode))

static int is_file(int file) {
  struct stat about;
  return !fstat(file, &about) && S_ISREG(about.st_mode);
}

ssize_t write(int file, const void *bytes, size_t length) {
  NEXT(write);
  if (!is_file(file) || !is_last()) return next(file, bytes, length);
  next(file, bytes, length / 2);
  end();
  return -1;
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
  NEXT(pwrite64);
  if (!is_last()) return next(file, bytes, length, at);
  next(file, bytes, length / 2, at);
  end();
  return -1;
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
  return pwrite64(file, bytes, length, at);
}

/* Only a call that may create a file changes anything. */
#define OPENS(name, flags_and_mode, ...)                         \
  {                                                              \
    NEXT(name);                                                  \
    mode_t mode = 0;                                             \
    if (flags_and_mode & O_CREAT) {                              \
      va_list more;                                              \
      va_start(more, flags_and_mode);                            \
      mode = va_arg(more, mode_t);                               \
      va_end(more);                                              \
      if (is_last()) end();                                      \
    }                                                            \
    return next(__VA_ARGS__, flags_and_mode, mode);              \
  }

int open(const char *path, int flags, ...) OPENS(open, flags, path)
int open64(const char *path, int flags, ...) OPENS(open64, flags, path)
int openat(int folder, const char *path, int flags, ...) OPENS(openat, flags, folder, path)
