/* The files of a Compose project as one list, whatever they are taken along for. */
#pragma once

#include "environments/compose/compose.h"

typedef enum {
  CONTENT_COMPOSE, /* a Compose file */
  CONTENT_BESIDE,  /* read by one, or listed in `files:` */
  CONTENT_MOUNTED,
} ContentKind;
const char *content_kind_name(ContentKind kind);

typedef struct {
  char *path; /* relative to the folder of slipway.yml */
  ContentKind kind;
  guint mode;
  GBytes *bytes;  /* a reference; NULL: a folder without files */
  char *sha256;   /* of the bytes */
  bool is_secret; /* the Compose files call it one, though it lies beside them: its bytes are not for showing
                   */
} Content;
/* Content, in the order of the project: what it reads first. Caller frees. */
GPtrArray *contents_of(const ComposeProject *project);
