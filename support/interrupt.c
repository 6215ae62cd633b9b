/* The two signals that ask slipway to stop, turned into a flag. */
#include "support/interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "support/poison.h"

static volatile sig_atomic_t requests;

static void request(int signal_number) {
  (void)signal_number;
  if (requests < 2)
    requests++;
}

void interrupt_install(void) {
  struct sigaction action = {.sa_handler = request, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
}

bool interrupt_requested(void) {
  return requests > 0;
}

bool interrupt_insisted(void) {
  return requests > 1;
}

bool interrupt_came_since(bool before) {
  return before ? interrupt_insisted() : interrupt_requested();
}
