/* The first slipway.yml of a project, made of its Compose file where there is one. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct {
  char *app;
  char *slipway;      /* the text of slipway.yml */
  char *compose;      /* the text of compose.yml; NULL: there is a Compose file */
  char *compose_path; /* that file, or "compose.yml" */
  GPtrArray *images;  /* char *: repositories that are taken for the build's own */
  GPtrArray *others;  /* char *: images that are not */
  GPtrArray *lacking; /* char *: services that have no image yet */
} Starter;
void starter_free(Starter *starter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Starter, starter_free)

/* `app` NULL: the folder's name as far as it can be one. SLIPWAY_ERROR_CONFIG: the Compose file cannot be
 * read, or `app` is no name for an application. */
bool starter_make(const char *folder, const char *app, Starter **starter,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
