/* Hosts that slipway.yml does not name: what EC2 or a command says there is, as HostConfigs of the
 * environment.
 *
 * A command prints a host a line, "[NAME] [user@]host[:port]", "#" begins a comment; or, when its output
 * begins with "[" or "{", JSON: an array (or {"hosts": array}) of such addresses and of objects {"address",
 * "name", "id", "user", "port", "profiles": []}, where only the address is needed. */
#pragma once

#include "environments/config/config.h"

/* Asks all inventories of `environment` and puts their hosts where slipway.yml has them, sorted by name;
 * afterwards it has no inventories left. A host's name is the one it was given where that is a valid and
 * unique one (EC2: the tag Name), else its id, else its address; its id is EC2's. Takes as long as AWS and
 * the commands; one thread at a time, a signal ends it. SLIPWAY_ERROR_UNREADY, and the environment as it was:
 * an inventory that cannot be asked, finds no host or one without the address that is wanted; more hosts than
 * max_hosts; the same host twice. SLIPWAY_ERROR_INTERRUPTED. */
bool inventory_resolve(const Config *config, Environment *environment,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
