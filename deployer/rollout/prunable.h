/* Which of an environment's images may leave a host. Pure. */
#pragma once

#include "environments/hosts/engine.h"

typedef struct {
  const char *place;       /* "APP--ENV" */
  GHashTable *superfluous; /* set of "repository@sha256:…": what releases that go were made of */
  GHashTable *needed;      /* set of "sha256:…": what releases that stay name, of whichever application */
  const EngineUse *use;    /* what containers are made of stays, whole */
} ImageRules;

/* Of `images` (EngineImage, all that the host has). *names: slipway.local/PLACE/… that nothing needs any
 * more, also where their release is long gone; *references: the digests they protected, unless another
 * application's name protects them too. char *, owned by the caller. *bytes: of the images that are left
 * without any name, layers that others share included. */
void images_that_go(const ImageRules *rules, const GPtrArray *images, GPtrArray **names,
                    GPtrArray **references, gint64 *bytes);
