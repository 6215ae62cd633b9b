/* Releases, their images and pins. */
#include "pipelines/history/history_private.h"

#include "support/errors.h"
#include "support/poison.h"
#include "support/text.h"

/* So much of a revision stands for it where a release has no version. */
#define REVISION_START 12

Release *release_new(void) {
  Release *release = g_new0(Release, 1);
  release->images = g_ptr_array_new_with_free_func((GDestroyNotify)release_image_free);
  return release;
}

ReleaseImage *release_image_new(const char *name, const char *reference) {
  ReleaseImage *image = g_new0(ReleaseImage, 1);
  image->name = g_strdup(name);
  image->reference = g_strdup(reference);
  return image;
}

void release_image_free(ReleaseImage *image) {
  if (image == NULL)
    return;
  g_free(image->name);
  g_free(image->reference);
  g_free(image);
}

static void release_drop_fields(Release *release) {
  g_free(release->uid);
  g_free(release->version);
  g_free(release->revision);
  g_free(release->build_url);
  g_ptr_array_unref(release->images);
}

void release_free(Release *release) {
  if (release == NULL)
    return;
  release_drop_fields(release);
  g_free(release);
}

/* `release` becomes what `source` is, which is used up. */
static void release_take(Release *release, Release *source) {
  release_drop_fields(release);
  *release = *source;
  g_free(source);
}

const char *release_image(const Release *release, const char *name) {
  for (guint i = 0; i < release->images->len; i++) {
    const ReleaseImage *image = release->images->pdata[i];
    if (g_str_equal(image->name, name))
      return image->reference;
  }
  return NULL;
}

static gint compare_images(gconstpointer a, gconstpointer b) {
  return g_strcmp0((*(const ReleaseImage *const *)a)->name, (*(const ReleaseImage *const *)b)->name);
}

/* ---- reading: the caller holds the transaction
 * ------------------------------------------------------------------------ */

/* A row per image, in the order that release_from_row and collect_release read. */
#define RELEASE_COLUMNS 7
#define SELECT_RELEASES                                                                                      \
  "SELECT r.id, r.uid, r.version, r.revision, r.committed_at, r.created_at, r.build_url, i.name, "           \
  "i.reference"                                                                                              \
  " FROM release r LEFT JOIN release_image i ON i.release = r.id "
/* By when they were made: r numbers only say when this history heard of them. */
#define NEWEST_FIRST " ORDER BY r.created_at DESC, r.uid DESC, i.name"

static Release *release_from_row(Query *query) {
  Release *release = release_new();
  release->id = column_integer(query);
  release->uid = column_text(query);
  release->version = column_text(query);
  release->revision = column_text(query);
  release->committed_at = column_integer(query);
  release->created_at = column_integer(query);
  release->build_url = column_text(query);
  return release;
}

static void collect_release(Query *query, GPtrArray *found) {
  Release *last = found->len > 0 ? found->pdata[found->len - 1] : NULL;
  if (last == NULL || last->id != column_integer(query)) {
    query->position = 0;
    last = release_from_row(query);
    g_ptr_array_add(found, last);
  }
  query->position = RELEASE_COLUMNS;
  g_autofree char *name = column_text(query);
  g_autofree char *reference = column_text(query);
  if (name != NULL)
    g_ptr_array_add(last->images, release_image_new(name, reference));
}

static bool collect_releases(Query *query, GPtrArray **releases, GError **error) {
  g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)release_free);
  for (;;) {
    bool has_row = false;
    if (!query_next(query, &has_row, error))
      return false;
    if (!has_row)
      break;
    collect_release(query, found);
  }
  *releases = g_steal_pointer(&found);
  return true;
}

static bool select_by_text(History *history, const char *sql, const char *text, GPtrArray **releases,
                           GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history, sql, &query, error))
    return false;
  query_text(&query, text);
  return collect_releases(&query, releases, error);
}

/* *release is NULL when there is none. */
static bool select_by_version(History *history, const char *version, Release **release, GError **error) {
  g_autoptr(GPtrArray) found = NULL;
  if (!select_by_text(history, SELECT_RELEASES "WHERE r.version = ?" NEWEST_FIRST, version, &found, error))
    return false;
  *release = found->len > 0 ? g_ptr_array_steal_index(found, 0) : NULL;
  return true;
}

static bool select_by_id(History *history, gint64 id, Release **release, GError **error) {
  g_auto(Query) query = {0};
  g_autoptr(GPtrArray) found = NULL;
  if (!query_prepare(history, SELECT_RELEASES "WHERE r.id = ?" NEWEST_FIRST, &query, error))
    return false;
  query_integer(&query, id);
  if (!collect_releases(&query, &found, error))
    return false;
  *release = found->len > 0 ? g_ptr_array_steal_index(found, 0) : NULL;
  return true;
}

static bool select_newest(History *history, guint limit, GPtrArray **releases, GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history,
                     SELECT_RELEASES "WHERE r.id IN (SELECT id FROM release"
                                     " ORDER BY created_at DESC, uid DESC LIMIT ?)" NEWEST_FIRST,
                     &query, error))
    return false;
  query_integer(&query, limit == 0 ? -1 : (gint64)limit);
  return collect_releases(&query, releases, error);
}

bool history_get_release(History *history, gint64 id, Release **release, GError **error) {
  g_auto(Transaction) transaction = {0};
  transaction_read(history, &transaction);
  return select_by_id(history, id, release, error);
}

bool history_list_releases(History *history, guint limit, GPtrArray **releases, GError **error) {
  g_auto(Transaction) transaction = {0};
  transaction_read(history, &transaction);
  return select_newest(history, limit, releases, error);
}

bool history_list_releases_since(History *history, gint64 oldest, GPtrArray **releases, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  g_autoptr(GPtrArray) found = NULL;
  transaction_read(history, &transaction);
  if (!query_prepare(history,
                     SELECT_RELEASES
                     "WHERE (" AGE("r") ") >= (SELECT " AGE("o") " FROM release o"
                                                                 " WHERE o.id = ?)" NEWEST_FIRST,
                     &query, error))
    return false;
  query_integer(&query, oldest);
  if (!collect_releases(&query, &found, error))
    return false;
  if (found->len == 0) /* it is not there */
    return select_newest(history, 0, releases, error);
  *releases = g_steal_pointer(&found);
  return true;
}

bool history_is_older_release(History *history, gint64 release, gint64 than, bool *is_older, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  bool has_row = false;
  transaction_read(history, &transaction);
  if (!query_prepare(history,
                     "SELECT (" AGE("a") ") < (" AGE("b") ") FROM release a, release b"
                                                          " WHERE a.id = ? AND b.id = ?",
                     &query, error))
    return false;
  query_integer(&query, release);
  query_integer(&query, than);
  if (!query_next(&query, &has_row, error))
    return false;
  *is_older = has_row && column_integer(&query) != 0;
  return true;
}

/* ---- recording
 * -------------------------------------------------------------------------------------------------------- */

/* "web (repository@sha256:… there), fpm (not there)"; empty when both have the same images. */
static char *image_differences(const Release *wanted, const Release *recorded) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < wanted->images->len; i++) {
    const ReleaseImage *image = wanted->images->pdata[i];
    const char *there = release_image(recorded, image->name);
    if (there == NULL)
      g_string_append_printf(text, "%s%s (not there)", text->len > 0 ? ", " : "", image->name);
    else if (!g_str_equal(there, image->reference))
      g_string_append_printf(text, "%s%s (%s there, %s here)", text->len > 0 ? ", " : "", image->name, there,
                             image->reference);
  }
  for (guint i = 0; i < recorded->images->len; i++) {
    const ReleaseImage *image = recorded->images->pdata[i];
    if (release_image(wanted, image->name) == NULL)
      g_string_append_printf(text, "%s%s (only there)", text->len > 0 ? ", " : "", image->name);
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool insert_image(History *history, gint64 release, const ReleaseImage *image, GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history, "INSERT INTO release_image (release, name, reference) VALUES (?, ?, ?)", &query,
                     error))
    return false;
  query_integer(&query, release);
  query_text(&query, image->name);
  query_text(&query, image->reference);
  return query_run(&query, error);
}

static bool insert_row(History *history, const Release *release, GError **error) {
  g_auto(Query) query = {0};
  if (!query_prepare(history,
                     "INSERT INTO release (id, uid, version, revision, committed_at, created_at, build_url)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?)",
                     &query, error))
    return false;
  query_integer(&query, release->id);
  query_text(&query, release->uid);
  query_text(&query, release->version);
  query_text(&query, release->revision);
  query_integer(&query, release->committed_at);
  query_integer(&query, release->created_at);
  query_words(&query, release->build_url);
  return query_run(&query, error);
}

static bool insert_release(History *history, const Release *release, GError **error) {
  if (!insert_row(history, release, error))
    return false;
  for (guint i = 0; i < release->images->len; i++)
    if (!insert_image(history, release->id, release->images->pdata[i], error))
      return false;
  return true;
}

/* *later: a moment after all releases that are known were made. */
static bool next_id(History *history, gint64 *id, gint64 *later, GError **error) {
  g_auto(Query) query = {0};
  bool has_row = false;
  if (!query_prepare(history,
                     "SELECT coalesce((SELECT max(id) FROM release), 0) + 1,"
                     " coalesce((SELECT max(created_at) FROM release), 0) + 1",
                     &query, error) ||
      !query_next(&query, &has_row, error))
    return false;
  *id = column_integer(&query);
  *later = column_integer(&query);
  return true;
}

bool release_is_short_name(const char *text, gint64 *id) {
  return text[0] == 'r' && number_parse(text + 1, 1, G_MAXINT64, id);
}

/* A version that nobody chose: the revision's start, or, where other images have that already, the short
 * name. */
static bool choose_version(History *history, const Release *release, gint64 id, char **version,
                           Release **recorded, GError **error) {
  *recorded = NULL;
  if (release->revision != NULL) {
    g_autofree char *start = g_strndup(release->revision, REVISION_START);
    g_autoptr(Release) same = NULL;
    if (!select_by_version(history, start, &same, error))
      return false;
    g_autofree char *differences = same == NULL ? NULL : image_differences(release, same);
    if (same == NULL || differences[0] == '\0') {
      *recorded = g_steal_pointer(&same);
      *version = g_steal_pointer(&start);
      return true;
    }
  }
  g_autoptr(GPtrArray) unnamed = NULL;
  if (!select_by_text(history,
                      SELECT_RELEASES "WHERE r.version = 'r' || r.id AND r.revision IS ?" NEWEST_FIRST,
                      release->revision, &unnamed, error))
    return false;
  for (guint i = 0; i < unnamed->len && *recorded == NULL; i++) {
    g_autofree char *differences = image_differences(release, unnamed->pdata[i]);
    if (differences[0] == '\0')
      *recorded = g_ptr_array_steal_index(unnamed, i);
  }
  *version = g_strdup_printf("r%" G_GINT64_FORMAT, id);
  return true;
}

static bool check_version(History *history, const Release *release, char **version, Release **recorded,
                          GError **error) {
  g_autoptr(Release) same = NULL;
  gint64 id;
  if (release_is_short_name(release->version, &id))
    return fail(
        error, SLIPWAY_ERROR_USAGE,
        "version %s: a version cannot look like a release's short name; choose another with --version",
        release->version);
  if (!select_by_version(history, release->version, &same, error))
    return false;
  g_autofree char *differences = same == NULL ? NULL : image_differences(release, same);
  if (same != NULL && differences[0] != '\0')
    return fail(error, SLIPWAY_ERROR_REFUSED,
                "version %s is r%" G_GINT64_FORMAT
                " already, with other images: %s; a release never changes: give "
                "this one another --version",
                release->version, same->id, differences);
  *version = g_strdup(release->version);
  *recorded = g_steal_pointer(&same);
  return true;
}

bool history_add_release(History *history, Release *release, bool *existed, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_autofree char *version = NULL;
  g_autoptr(Release) recorded = NULL;
  gint64 id = 0, later = 0;
  g_ptr_array_sort(release->images, compare_images);
  if (!transaction_begin(history, &transaction, error) || !next_id(history, &id, &later, error) ||
      !(release->version != NULL ? check_version(history, release, &version, &recorded, error)
                                 : choose_version(history, release, id, &version, &recorded, error)))
    return false;
  *existed = recorded != NULL;
  if (recorded != NULL) {
    release_take(release, g_steal_pointer(&recorded));
    return true;
  }
  Release row = *release;
  g_autofree char *uid = unique_id();
  row.id = id;
  row.uid = uid;
  row.version = version;
  /* A clock that went backwards makes no older release. */
  row.created_at = MAX(g_get_real_time(), later);
  if (!insert_release(history, &row, error) || !transaction_commit(&transaction, error))
    return false;
  release->id = id;
  release->created_at = row.created_at;
  g_free(release->uid);
  release->uid = g_steal_pointer(&uid);
  g_free(release->version);
  release->version = g_steal_pointer(&version);
  return true;
}

/* ---- importing
 * -------------------------------------------------------------------------------------------------------- */

/* So much of a uid tells two releases of one version apart: the part that is the time. */
#define UID_START 10

/* *recorded: the release that has `version` here with the same images; *is_free: nobody has it, and it is no
 * other release's short name. */
static bool try_version(History *history, const Release *release, const char *version, Release **recorded,
                        bool *is_free, GError **error) {
  gint64 id = 0;
  g_autoptr(Release) same = NULL;
  if (!select_by_version(history, version, &same, error))
    return false;
  *is_free = same == NULL && (!release_is_short_name(version, &id) || id == release->id);
  g_autofree char *differences = same == NULL ? NULL : image_differences(release, same);
  *recorded = differences != NULL && differences[0] == '\0' ? g_steal_pointer(&same) : NULL;
  return true;
}

/* By uid, or under one of its names. What it is inserted as, if it is not here: *version. */
static bool find_import(History *history, const Release *release, Release **recorded, char **version,
                        GError **error) {
  g_autoptr(GPtrArray) same = NULL;
  if (!select_by_text(history, SELECT_RELEASES "WHERE r.uid = ?" NEWEST_FIRST, release->uid, &same, error))
    return false;
  if (same->len > 0) {
    *recorded = g_ptr_array_steal_index(same, 0);
    return true;
  }
  char *versions[] = {
      g_strdup(release->version),
      g_strdup_printf("%s+%.*s", release->version, UID_START, release->uid),
      g_strdup_printf("%s+%s", release->version, release->uid),
  };
  bool ok = true, is_free = false;
  for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
    if (ok && !is_free && *recorded == NULL) {
      ok = try_version(history, release, versions[i], recorded, &is_free, error);
      if (ok && is_free)
        *version = g_steal_pointer(&versions[i]);
    }
    g_free(versions[i]);
  }
  return ok && (is_free || *recorded != NULL ||
                history_fail(history, error, "no name is left for release %s", release->version));
}

bool history_import_release(History *history, Release *release, GError **error) {
  g_autoptr(Release) recorded = NULL;
  g_autofree char *version = NULL;
  gint64 later = 0;
  g_ptr_array_sort(release->images, compare_images);
  if (!next_id(history, &release->id, &later, error) ||
      !find_import(history, release, &recorded, &version, error))
    return false;
  if (recorded != NULL) {
    release_take(release, g_steal_pointer(&recorded));
    return true;
  }
  g_free(release->version);
  release->version = g_steal_pointer(&version);
  return insert_release(history, release, error);
}

/* ---- pins
 * -------------------------------------------------------------------------------------------------------------
 */

bool history_get_pins(History *history, gint64 release, GHashTable **pins, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  transaction_read(history, &transaction);
  if (!query_prepare(history, "SELECT image, reference FROM pin WHERE release = ?", &query, error))
    return false;
  query_integer(&query, release);
  g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  for (;;) {
    bool has_row = false;
    if (!query_next(&query, &has_row, error))
      return false;
    if (!has_row)
      break;
    char *image = column_text(&query);
    g_hash_table_insert(found, image, column_text(&query));
  }
  *pins = g_steal_pointer(&found);
  return true;
}

bool history_set_pin(History *history, gint64 release, const char *image, const char *reference,
                     const char *environment, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_auto(Query) query = {0};
  if (!transaction_begin(history, &transaction, error) ||
      !query_prepare(history,
                     "INSERT OR REPLACE INTO pin (release, image, reference, environment, pinned_at)"
                     " VALUES (?, ?, ?, ?, ?)",
                     &query, error))
    return false;
  query_integer(&query, release);
  query_text(&query, image);
  query_text(&query, reference);
  query_text(&query, environment);
  query_integer(&query, g_get_real_time());
  return query_run(&query, error) && transaction_commit(&transaction, error);
}

/* ---- naming
 * -----------------------------------------------------------------------------------------------------------
 */

#define SHORTEST_START      4
#define CANDIDATES_SHOWN    5
#define STARTS_WITH(column) "substr(" column ", 1, length(?1)) = ?1"

static bool fail_ambiguous(const char *name, const GPtrArray *candidates, GError **error) {
  g_autoptr(GString) text = g_string_new(NULL);
  for (guint i = 0; i < candidates->len && i < CANDIDATES_SHOWN; i++) {
    const Release *release = candidates->pdata[i];
    g_string_append_printf(text, "%sr%" G_GINT64_FORMAT " (%s)", i > 0 ? ", " : "", release->id,
                           release->version);
  }
  if (candidates->len > CANDIDATES_SHOWN)
    g_string_append_printf(text, " and %u more", candidates->len - CANDIDATES_SHOWN);
  return fail(error, SLIPWAY_ERROR_USAGE, "release %s: could be %s; give more of it, or the r number", name,
              text->str);
}

static bool fail_unknown(History *history, const char *name, GError **error) {
  g_autoptr(GPtrArray) releases = NULL;
  if (!select_newest(history, 0, &releases, error))
    return false;
  if (releases->len == 0)
    return fail(
        error, SLIPWAY_ERROR_USAGE,
        "release %s: there is none, the history has no release at all; `slipway release create` makes one",
        name);
  g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
  for (guint i = 0; i < releases->len; i++) {
    const Release *release = releases->pdata[i];
    g_ptr_array_add(words, g_strdup(release->version));
    g_ptr_array_add(words, g_strdup_printf("r%" G_GINT64_FORMAT, release->id));
  }
  g_ptr_array_add(words, NULL);
  const char *nearest = nearest_word(name, (const char *const *)words->pdata);
  const Release *newest = releases->pdata[0];
  return fail(error, SLIPWAY_ERROR_USAGE,
              "release %s: there is none%s%s%s; the newest is r%" G_GINT64_FORMAT
              " (%s), `slipway release list` shows all",
              name, nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
              nearest == NULL ? "" : "?", newest->id, newest->version);
}

static bool find_by_start(History *history, const char *name, Release **release, GError **error) {
  g_autoptr(GPtrArray) found = NULL;
  if (g_utf8_strlen(name, -1) < SHORTEST_START)
    return fail_unknown(history, name, error);
  if (!select_by_text(history,
                      SELECT_RELEASES "WHERE " STARTS_WITH("r.version") " OR " STARTS_WITH("r.revision")
                          NEWEST_FIRST,
                      name, &found, error))
    return false;
  if (found->len == 0)
    return fail_unknown(history, name, error);
  if (found->len > 1)
    return fail_ambiguous(name, found, error);
  *release = g_ptr_array_steal_index(found, 0);
  return true;
}

bool history_find_release(History *history, const char *name, Release **release, GError **error) {
  g_auto(Transaction) transaction = {0};
  g_autoptr(Release) found = NULL;
  gint64 id;
  transaction_read(history, &transaction);
  if (release_is_short_name(name, &id)) {
    if (!select_by_id(history, id, &found, error))
      return false;
  } else if (!select_by_version(history, name, &found, error)) {
    return false;
  }
  if (found == NULL)
    return find_by_start(history, name, release, error);
  *release = g_steal_pointer(&found);
  return true;
}
