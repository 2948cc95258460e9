#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "connx.h"

// O_NONBLOCK, so that opening a pipe returns and it can be refused.
enum { READ = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static const connx_file_status ok = {CONNX_FILE_OK, 0};

static connx_file_status refuse(connx_file_code code) { return (connx_file_status){code, 0}; }

static connx_file_status failure(int error) {
  switch (error) {
  case ENOENT:
  case ENOTDIR: return refuse(CONNX_FILE_MISSING);
  case EACCES:
  case EPERM: return refuse(CONNX_FILE_DENIED);
  case ENXIO: return refuse(CONNX_FILE_IRREGULAR);
  default: return (connx_file_status){CONNX_FILE_FAILED, error};
  }
}

// Maps an open file, and closes it.
static connx_file_status map_descriptor(int file, bool single_link, connx_mapping *mapping) {
  struct stat info;
  connx_file_status status = ok;
  if (fstat(file, &info) != 0) {
    status = failure(errno);
  } else if (S_ISDIR(info.st_mode)) {
    status = refuse(CONNX_FILE_DIRECTORY);
  } else if (!S_ISREG(info.st_mode)) {
    status = refuse(CONNX_FILE_IRREGULAR);
  } else if (single_link && info.st_nlink != 1) {
    status = refuse(CONNX_FILE_HARD_LINK);
  } else if (info.st_size == 0) {
    status = refuse(CONNX_FILE_EMPTY);
  } else {
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
      status = failure(errno);
    } else {
      *mapping = (connx_mapping){bytes, (size_t)info.st_size};
    }
  }
  close(file);
  return status;
}

connx_file_status connx_map_file(const char *path, connx_mapping *mapping) {
  *mapping = (connx_mapping){0};
  int file = open(path, READ);
  return file < 0 ? failure(errno) : map_descriptor(file, false, mapping);
}

void connx_unmap(connx_mapping *mapping) {
  if (mapping->bytes) munmap((void *)mapping->bytes, mapping->length);
  *mapping = (connx_mapping){0};
}

int connx_open_folder(const char *path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }

void connx_close_folder(int folder) { close(folder); }

// Copies a location that names nothing outside the folder, ending it with a NUL.
static connx_file_status check_location(
  const char *location, size_t length, char copy[static PATH_MAX]) {
  static const char in_memory[] = "_ORT_MEM_ADDR_";
  if (length == 0) return refuse(CONNX_NAME_EMPTY);
  if (memchr(location, 0, length)) return refuse(CONNX_NAME_NUL);
  if (memmem(location, length, in_memory, sizeof in_memory - 1)) {
    return refuse(CONNX_NAME_IN_MEMORY);
  }
  if (location[0] == '/') return refuse(CONNX_NAME_ABSOLUTE);
  if (memchr(location, '\\', length)) return refuse(CONNX_NAME_FOREIGN);
  if (length >= 2 && isalpha((unsigned char)location[0]) && location[1] == ':') {
    return refuse(CONNX_NAME_FOREIGN);
  }
  if (length >= PATH_MAX) return refuse(CONNX_NAME_TOO_LONG);
  memcpy(copy, location, length);
  copy[length] = 0;
  for (const char *at = copy;; at++) {
    size_t size = strcspn(at, "/");
    if (size == 2 && at[0] == '.' && at[1] == '.') return refuse(CONNX_NAME_PARENT);
    at += size;
    if (!*at) return ok;
  }
}

// Opens a checked location one component after another, following no link.
static int walk(int folder, char *location) {
  int current = fcntl(folder, F_DUPFD_CLOEXEC, 0);
  char *rest = location;
  while (current >= 0) {
    char *slash = strchr(rest, '/');
    if (slash) *slash = 0;
    int flags = slash ? O_PATH | O_DIRECTORY | O_CLOEXEC : READ;
    int next = openat(current, *rest ? rest : ".", flags | O_NOFOLLOW);
    int error = errno;
    // A folder opened by O_PATH | O_DIRECTORY reports a link as ENOTDIR.
    struct stat info;
    if (next < 0 && error == ENOTDIR && fstatat(current, rest, &info, AT_SYMLINK_NOFOLLOW) == 0
        && S_ISLNK(info.st_mode)) {
      error = ELOOP;
    }
    close(current);
    if (next < 0) errno = error;
    if (next < 0 || !slash) return next;
    current = next;
    rest = slash + 1;
  }
  return -1;
}

static connx_file_status map_opened(int file, connx_mapping *mapping) {
  if (file >= 0) return map_descriptor(file, true, mapping);
  return errno == ELOOP || errno == EXDEV ? refuse(CONNX_FILE_SYMBOLIC_LINK) : failure(errno);
}

connx_file_status connx_map_beside_walking(
  int folder, const char *location, size_t length, connx_mapping *mapping) {
  char path[PATH_MAX];
  *mapping = (connx_mapping){0};
  connx_file_status status = check_location(location, length, path);
  return status.code != CONNX_FILE_OK ? status : map_opened(walk(folder, path), mapping);
}

connx_file_status connx_map_beside(
  int folder, const char *location, size_t length, connx_mapping *mapping) {
  char path[PATH_MAX];
  *mapping = (connx_mapping){0};
  connx_file_status status = check_location(location, length, path);
  if (status.code != CONNX_FILE_OK) return status;
  struct open_how how = {
    .flags = READ,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  int file = (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
  // Containers whose seccomp filter is older than the call answer EPERM.
  if (file < 0 && (errno == ENOSYS || errno == EPERM)) file = walk(folder, path);
  return map_opened(file, mapping);
}
