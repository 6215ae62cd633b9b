/* Libraries that are loaded when they are needed, because most commands are over sooner than it takes to load
 * them. The linker knows nothing of them: who calls a function of one goes through a pointer, and who
 * packages the program must name libcurl and libxml2 among what it depends on, for no tool finds them. */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef struct {
  const char *name; /* NULL: the end of the list */
  gsize offset;     /* of the pointer to it */
} LazySymbol;

/* Fills the pointers in `table`; stays loaded. When the library or one of them is not there, the program ends
 * with 127 and a line on stderr. */
void lazy_load(const char *soname, const LazySymbol *symbols, void *table);
