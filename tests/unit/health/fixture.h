/* A Docker engine of our own for the tests of this program: started before the first test, stopped after the
 * last (and by the kernel when we crash). No network, no iptables; its containers run busybox. */
#pragma once

#include "environments/hosts/engine.h"

/* Skips the test, with the reason, where there is no such engine. For .init. */
void fixture_require_engine(void);
/* The engine's socket. */
const char *fixture_socket(void);

typedef struct {
  Host host;
  Engine *engine;
  char *project; /* of this test alone */
} Fixture;
void fixture_open(Fixture *fixture, const char *project);
/* Removes the project's containers, too. */
void fixture_close(Fixture *fixture);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fixture, fixture_close)

typedef struct {
  const char *service;
  const char *command; /* for sh -c */
  const char *check;   /* HEALTHCHECK, for sh -c; NULL: none */
  guint interval_ms;   /* 0: the engine's 30 s */
  guint timeout_ms;
  guint retries;
  const char *policy; /* NULL: no */
  guint most_retries; /* of on-failure */
} Service;
/* Creates and starts a container as Compose would. Caller frees the id. */
char *fixture_start(Fixture *fixture, const Service *service);
void fixture_remove(Fixture *fixture, const char *id);
/* A request to the engine that has to succeed; `body` may be NULL. Caller frees. */
char *fixture_ask(Fixture *fixture, const char *method, const char *path, const char *body);
