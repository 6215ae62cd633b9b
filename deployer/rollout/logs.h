/* What the containers of an environment wrote and write: all hosts and services at once. Nothing is locked,
 * recorded or changed. */
#pragma once

#include "environments/config/config.h"

typedef struct {
  const char *host, *service; /* "web-2" where the host has several containers of a service */
  gint64 time;                /* microseconds, the host's clock */
  bool is_stderr;
  const char *text; /* without secrets, printable */
} LogLine;

typedef struct {
  const Config *config;
  const Environment *environment;
  const char *service;    /* NULL: all */
  const GPtrArray *hosts; /* char *: only these, which are hosts of it; NULL: all */
  bool follow;            /* until the containers end, or somebody interrupts */
  gint64 since_ms;        /* only what is younger; 0: all */
  guint tail;             /* only so many lines of each container; 0: all */
  /* All three from one thread at a time. There is such a container. */
  void (*on_container)(const char *host, const char *service, void *data);
  /* Without `follow` lines come by their time. False: nobody reads any more. */
  bool (*on_line)(const LogLine *line, void *data);
  /* A host that could not be asked, or was lost. */
  void (*on_problem)(const char *host, const char *problem, void *data);
  void *data;
} LogsRequest;

/* *containers: how many were found. SLIPWAY_ERROR_UNREADY: some host failed and not one line came from the
 * others; SLIPWAY_ERROR_INTERRUPTED. */
bool rollout_logs(const LogsRequest *request, guint *containers, GError **error) G_GNUC_WARN_UNUSED_RESULT;
