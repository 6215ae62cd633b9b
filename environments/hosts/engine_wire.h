/* One exchange with the engine on a connection of its own, spoken by hand (HTTP/1.1, RFC 9112) for what
 * libcurl cannot do: bytes read while they come, and bytes written after the reply began (a "hijacked"
 * connection, "Upgrade: tcp"). Failures are SLIPWAY_ERROR_UNREADY. One thread at a time. */
#pragma once

#include "environments/hosts/engine.h"
#include "support/json.h"

typedef struct {
  const char *doing;  /* for errors, after "cannot ": "read the log of container web" */
  const char *method; /* NULL: GET */
  const char *path;   /* "/containers/…/logs?follow=1" */
  const cJSON *body;  /* NULL: none */
  bool is_upgraded;   /* the connection is for raw bytes both ways afterwards */
} WireRequest;

typedef enum { WIRE_DATA, WIRE_TIMEOUT, WIRE_END } WireState;

typedef struct EngineWire EngineWire;
/* Sends the request and waits, at most a minute, for the head of the reply. A status that is no success is a
 * failure with the engine's own message. */
bool engine_wire_open(Engine *engine, const WireRequest *request, EngineWire **wire,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Several requests at once, none of them upgraded; does not wait. The replies come in this order: one
 * engine_wire_next for each. */
bool engine_wire_send_all(Engine *engine, const WireRequest *requests, guint count, EngineWire **wire,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The next reply, whatever its status: written on success only, cleared by the caller. The body has at most
 * 16 MiB. */
bool engine_wire_next(EngineWire *wire, const char *doing, HttpReply *reply,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* engine_wire_next has failed because the peer hung up behind a whole reply. */
bool engine_wire_has_hung_up(const EngineWire *wire);
void engine_wire_free(EngineWire *wire);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EngineWire, engine_wire_free)

/* Appends what has come of the reply's body to `into`, at most 64 KiB; waits at most timeout_ms for the first
 * byte (0: does not wait). WIRE_END: there is no more. A body that is cut off is a failure. */
bool engine_wire_read(EngineWire *wire, int timeout_ms, WireState *state, GByteArray *into,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* To poll for input, once engine_wire_read says WIRE_TIMEOUT. */
int engine_wire_descriptor(const EngineWire *wire);

/* Of an upgraded one: takes bytes to be sent, and sends what goes without waiting (also with length 0). False
 * with the peer gone: nobody reads any more, which is no failure. */
bool engine_wire_send(EngineWire *wire, const void *bytes, gsize length);
/* Bytes that are still to be sent: poll for output. */
gsize engine_wire_unsent(const EngineWire *wire);
/* Everything is sent; the peer is told that no more will come. */
void engine_wire_send_end(EngineWire *wire);
