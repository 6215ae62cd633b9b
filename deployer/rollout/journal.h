/* What the journals of an environment's hosts say together: which deployments there were, in which order, and
 * how each ended on each host. Pure; what a journal says is not trusted: a line that cannot be read, or is of
 * another application, is left out. */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>

typedef struct {
  const char *host; /* as this configuration calls it */
  const char *text; /* HostFacts.journal */
} Journal;

/* How a deployment went on one host. */
typedef struct {
  guint journal;                    /* which of the journals */
  guint position;                   /* among its deployments */
  char *host;                       /* as the deployment's own configuration called it, or NULL */
  bool has_succeeded, has_restored; /* neither: begun, and no more is known */
  bool is_touched;                  /* a container may have changed */
  char *problem;                    /* why it failed there, or NULL */
  char *snapshot;                   /* hash of what it was to run there, or NULL */
} JournalHost;

typedef struct {
  char *uid;
  cJSON *line;      /* the fullest one: app, environment, kind, release … (manifest.c) */
  gint64 begun_at;  /* its first line */
  gint64 ended_at;  /* its last line */
  GPtrArray *hosts; /* JournalHost, in the order of the journals */
} JournalEntry;
void journal_entry_free(JournalEntry *entry);

/* Something that is worth a warning: "web1: line 7 of its journal …". */
typedef void (*JournalComplaint)(const char *words, void *data);

/* JournalEntry, in the order in which they ended: as each journal has them, by time where that leaves a
 * choice. */
GPtrArray *journals_merge(const Journal *journals, guint count, const char *app, const char *environment,
                          JournalComplaint complain, void *data);

/* The form of unique_id(): such a word may become part of a path. */
bool is_unique_id(const char *text);
/* 64 lower-case hex digits. */
bool is_sha256(const char *text);
