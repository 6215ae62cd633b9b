/* Loading libraries. */
#include "support/lazy.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/poison.h"

/* As the loader ends a program that is linked: nothing that it could still write would be better. */
static void end_without(const char *problem) G_GNUC_NORETURN;
static void end_without(const char *problem) {
  (void)fprintf(stderr, "slipway: %s\n", problem);
  _exit(127);
}

void lazy_load(const char *soname, const LazySymbol *symbols, void *table) {
  void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
  if (library == NULL)
    end_without(dlerror()); /* NOLINT(concurrency-mt-unsafe): of this thread */
  for (const LazySymbol *symbol = symbols; symbol->name != NULL; symbol++) {
    void *found = dlsym(library, symbol->name);
    if (found == NULL) {
      g_autofree char *problem = g_strdup_printf("%s has no %s", soname, symbol->name);
      end_without(problem);
    }
    memcpy((char *)table + symbol->offset, &found,
           sizeof found); /* the pointers there have types of their own */
  }
}
