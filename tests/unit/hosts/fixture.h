/* A real sshd on a loopback port, with its own keys and its own home folder, for tests of the ssh row; and
 * what tests of both rows share. Everything is below one temporary folder, and gone with fixture_stop. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "environments/config/config.h"
#include "environments/hosts/facts.h"
#include "environments/hosts/host.h"

typedef struct {
  char *folder;
  char *home;        /* on the "host" */
  char *bin;         /* first on the PATH of the "host" */
  char *key;         /* the user's private key */
  GPtrArray *keys;   /* that one */
  char *known_hosts; /* knows the host's ed25519 key (not its ECDSA key), until a test changes that */
  guint port;
  pid_t sshd; /* 0: not running */
} Fixture;

/* Skips the test where there is no sshd. `extra`: more lines of sshd_config, or NULL. */
void fixture_start(Fixture *fixture, const char *extra);
void fixture_stop(Fixture *fixture);
/* Another sshd, that lets the first one's user in; the first one's known_hosts knows it. */
void fixture_start_beside(Fixture *fixture, const Fixture *first, const char *extra);
/* To the processes of the connections that its sshd serves, not to the sshd: "KILL". */
void signal_connections(const Fixture *fixture, const char *signal);
/* How often somebody logged in. */
guint count_logins(const Fixture *fixture);
/* Valid while the fixture is. */
HostConfig fixture_config(const Fixture *fixture);

/* A folder, with HOME set to it, for the local row. */
void fixture_start_local(Fixture *fixture);

/* Runs a program of the test's own and expects success; its standard output, caller frees. */
char *run(const char *const *argv);
void write_text(const char *folder, const char *name, const char *text, int mode);
char *fixture_path(const Fixture *fixture, const char *name);
/* What the known_hosts file says of a public key file, for a name. */
char *known_hosts_line(const Fixture *fixture, const char *name, const char *public_key);

/* Opens without a lock. */
Host *open_host(const HostConfig *config);
/* The error that opening gives; the test fails when it opens. */
GError *open_error(const HostConfig *config, const HostPurpose *purpose);
/* Waits for a condition, at most ten seconds. */
bool wait_until(bool (*holds)(gpointer), gpointer data);
bool does_exist(gpointer path); /* for wait_until */
guint count_descriptors(void);
guint free_port(void);
void expect_error(const GError *error, int kind, const char *fragment);

/* What every row must do; the host is open. (rows.c) */
void expect_shell_works(Host *host);
void expect_timeout_works(Host *host); /* the host is lost afterwards */
void expect_write_works(Host *host, const char *home);
void expect_facts_and_lock_work(const HostConfig *config, const char *home);

/* A Unix socket with an HTTP/1.1 server behind it that answers every request with its own path; keep-alive.
 * In a process of its own; returns its id. */
pid_t serve_http(const char *socket_path, guint tcp_port);
/* A controller in a process of its own, which has taken the lock of app--env, and waits. */
pid_t start_locker(const HostConfig *config);
bool is_lock_free(gpointer path);
/* A docker client, in Python: it leads to the socket that it is told, and $HOME/asked says how often it was.
 */
extern const char fake_docker[];
/* A program that runs beside the test, at most as long. */
pid_t start_process(const char *const *argv);
void end_process(pid_t *process);
