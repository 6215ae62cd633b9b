/* Configurations, programs, AWS files and an AWS that answers as it is told, for the tests of inventories. */
#pragma once

#include <criterion/criterion.h>
#include <glib.h>

#include "environments/config/config.h"

/* $HOME and the current folder are an empty one, AWS's variables are unset, nobody is an instance. */
char *home_make(void);
void home_remove(char *home);
/* Below $HOME; a program is executable. */
void home_write(const char *home, const char *path, const char *text);
void home_write_program(const char *home, const char *path, const char *script);

/* `hosts`: the value of the environment prod's key, "{command: [./list]}". Fails the test when it is wrong.
 */
Config *config_with_hosts(const char *home, const char *hosts);
Environment *prod_of(Config *config);
/* "name=address[#id] …" of all hosts. Caller frees. */
char *hosts_text(const Environment *environment);

/* A server on loopback that answers each request with the next of `replies` ("200 TEXT", the last one again
 * and again) and keeps what it was asked. */
typedef struct PlayedServer PlayedServer;
PlayedServer *played_server_start(const char *const *replies);
/* "http://127.0.0.1:PORT". Borrowed. */
const char *played_server_url(const PlayedServer *server);
/* All requests so far, with their bodies, "\n----\n" between them. Caller frees. */
char *played_server_requests(PlayedServer *server);
void played_server_stop(PlayedServer *server);
