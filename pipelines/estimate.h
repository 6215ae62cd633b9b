/* How many bytes a host has to pull: an estimate, for it cannot see layers that came by `docker load`. Pure.
 */
#pragma once

#include <glib.h>

/* `images`: RegistryImage, what is to run; `chains`: GPtrArray of char * (diff_ids, base first), one for each
 * image on the host. Of each image the layers count after the longest beginning that an image on the host
 * shares; a layer of several images counts once. */
gint64 estimate_pull(GPtrArray *images, GPtrArray *chains);
