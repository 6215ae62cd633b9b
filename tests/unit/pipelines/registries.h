/* Registries to test against: the real docker-registry of the distribution, and a small fake that misbehaves
 * as told. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* ---- environment
 * ----------------------------------------------------------------------------------------------------- */
/* A new folder that is $HOME, $DOCKER_CONFIG unset; what CI sets for builds is unset. Caller frees; leave it
 * with home_remove. */
char *home_make(void);
void home_remove(const char *home);
/* Writes HOME/.docker/config.json. */
void home_write_docker_config(const char *home, const char *json);
/* An executable sh script HOME/bin/NAME, with HOME/bin first on $PATH. */
void home_write_program(const char *home, const char *name, const char *script);

/* ---- the real one
 * ---------------------------------------------------------------------------------------------------- */
typedef struct {
  char *address; /* "127.0.0.1:PORT" */
  char *folder;
  GPid pid;
} RealRegistry;
#define REAL_USER     "deployer"
#define REAL_PASSWORD "s3cret:pw"
/* Skips the test where docker-registry is not installed. */
RealRegistry *real_registry_start(bool wants_password);
void real_registry_stop(RealRegistry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RealRegistry, real_registry_stop)
/* Each returns the digest; caller frees. */
char *push_blob(const RealRegistry *registry, const char *repository, const char *text);
char *push_manifest(const RealRegistry *registry, const char *repository, const char *name, const char *type,
                    const char *text);
/* An image of one layer with this content. `labels`: a JSON object or NULL. */
char *push_image(const RealRegistry *registry, const char *repository, const char *tag,
                 const char *architecture, const char *layer, const char *labels);
/* An index of linux/amd64, linux/arm64 and an attestation, which stands first. */
char *push_index(const RealRegistry *registry, const char *repository, const char *tag);

/* ---- the fake
 * -------------------------------------------------------------------------------------------------------- */
typedef struct {
  const char *request;  /* how the request begins: "GET /v2/" */
  const char *contains; /* somewhere in its head or body, or NULL */
  guint times;          /* 0: always */
  const char *reply;    /* head and body; "ADDRESS" in it becomes the fake's own, Content-Length is added */
} FakeRow;
typedef struct FakeRegistry FakeRegistry;
/* The first row that fits answers; without one: 404. `rows` end with an empty one. */
FakeRegistry *fake_registry_start(const FakeRow *rows);
void fake_registry_stop(FakeRegistry *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeRegistry, fake_registry_stop)
const char *fake_address(const FakeRegistry *fake);
/* The text of the Nth request; NULL: there were fewer. Caller frees. */
char *fake_request(FakeRegistry *fake, guint index);
guint fake_count(FakeRegistry *fake);
