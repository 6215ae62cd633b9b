/* How many may shake hands at one door at a time: sshd turns further ones away (MaxStartups, 10 by default).
 * A door is a proxy command, or a bastion that each host has a connection to of its own. */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct SshGate SshGate;

/* Waits for its turn. False when `is_aborted` (asked now and then) says so, SLIPWAY_ERROR_UNREADY, or at an
 * interrupt meanwhile, SLIPWAY_ERROR_INTERRUPTED. `door` is any text that names it. */
bool ssh_gate_enter(const char *door, bool (*is_aborted)(gpointer data), gpointer data, SshGate **gate,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* *gate may be NULL, and is then. */
void ssh_gate_leave(SshGate **gate);
