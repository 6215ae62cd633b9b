/* Libraries that are loaded when they are needed, because most commands are over sooner than it takes to load
 * them. The linker knows nothing of them: who calls a function of one goes through a pointer. */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct {
  const char *name; /* NULL: the end of the list */
  gsize offset;     /* of the pointer to it */
} LazySymbol;

/* Fills the pointers in `table`; stays loaded. Ends the program when the library or one of them is not there.
 */
void lazy_load(const char *soname, const LazySymbol *symbols, void *table);
