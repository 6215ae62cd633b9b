/* A VFS that is the default one with other io_methods. */
#include "store_fault.h"

#include <glib.h>
#include <sqlite3.h>

#include "support/poison.h"

enum { MOST_KINDS = 4 };

/* SQLite has a table of methods per kind of locking; ours are copies of those that came along. */
static struct {
  const sqlite3_io_methods *real;
  sqlite3_io_methods ours;
} kinds[MOST_KINDS];
static GMutex lock;
static gint is_full;
static sqlite3_vfs *real_vfs;

static const sqlite3_io_methods *real_methods(const sqlite3_file *file) {
  guint i = 0;
  while (file->pMethods != &kinds[i].ours)
    i++;
  return kinds[i].real;
}

static int write_file(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  return g_atomic_int_get(&is_full) ? SQLITE_FULL : real_methods(file)->xWrite(file, bytes, count, offset);
}

static int truncate_file(sqlite3_file *file, sqlite3_int64 size) {
  return g_atomic_int_get(&is_full) ? SQLITE_IOERR_TRUNCATE : real_methods(file)->xTruncate(file, size);
}

static int sync_file(sqlite3_file *file, int flags) {
  return g_atomic_int_get(&is_full) ? SQLITE_IOERR_FSYNC : real_methods(file)->xSync(file, flags);
}

static const sqlite3_io_methods *our_methods(const sqlite3_io_methods *real) {
  guint i = 0;
  g_mutex_lock(&lock);
  while (kinds[i].real != NULL && kinds[i].real != real)
    i++;
  g_assert(i + 1 < MOST_KINDS);
  if (kinds[i].real == NULL) {
    kinds[i].ours = *real;
    kinds[i].ours.xWrite = write_file;
    kinds[i].ours.xTruncate = truncate_file;
    kinds[i].ours.xSync = sync_file;
    kinds[i].real = real;
  }
  g_mutex_unlock(&lock);
  return &kinds[i].ours;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
  (void)vfs;
  int status = real_vfs->xOpen(real_vfs, name, file, flags, out_flags);
  if (file->pMethods != NULL)
    file->pMethods = our_methods(file->pMethods);
  return status;
}

void store_fault_install(void) {
  static sqlite3_vfs vfs;
  real_vfs = sqlite3_vfs_find(NULL);
  vfs = *real_vfs;
  vfs.zName = "torture";
  vfs.xOpen = open_file;
  (void)sqlite3_vfs_register(&vfs, 1);
}

void store_fault_begin(void) {
  g_atomic_int_set(&is_full, 1);
}
