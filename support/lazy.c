/* Loading libraries. */
#include "support/lazy.h"

#include <dlfcn.h>

#include "support/poison.h"

void lazy_load(const char *soname, const LazySymbol *symbols, void *table) {
  void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
  if (library == NULL)
    g_error("%s", dlerror()); /* NOLINT(concurrency-mt-unsafe): of this thread */
  for (const LazySymbol *symbol = symbols; symbol->name != NULL; symbol++) {
    void *found = dlsym(library, symbol->name);
    if (found == NULL)
      g_error("%s has no %s", soname, symbol->name);
    *(void **)((char *)table + symbol->offset) = found;
  }
}
