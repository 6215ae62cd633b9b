/* The two signals that ask slipway to stop, turned into a flag. */
#include "support/interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "support/poison.h"

static volatile sig_atomic_t requested;

static void request(int signal_number) {
  (void)signal_number;
  requested = 1;
}

void interrupt_install(void) {
  struct sigaction action = {.sa_handler = request, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
}

bool interrupt_requested(void) {
  return requested != 0;
}
