/* The middle of a session, for exec (engine_attach.c) and one-off containers (engine_one_off.c). */
#pragma once

#include "environments/hosts/engine_attach.h"
#include "environments/hosts/engine_wire.h"

/* Moves bytes both ways until the other side has ended, or is_cancelled (*was_cancelled). `resize`: path of
 * the request that sets the terminal's size, without its query. */
bool engine_session_run(Engine *engine, EngineWire *wire, const EngineSession *session, const char *resize,
                        bool *was_cancelled, GError **error) G_GNUC_WARN_UNUSED_RESULT;
