/* bench_delay DEVICE RTT_MS: a point-to-point link between this network namespace and a new one, which is its
 * own, that takes its time: a TUN device called DEVICE in each, packets go to the other end half of RTT_MS
 * after they came, in order, as many at once as come. Says "ready" when both devices are there; ends, and
 * namespace and devices with it, when its standard input does. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "support/text.h"

#include "support/poison.h"

enum { PACKET_CAP = 64 << 10, RTT_MOST_MS = 10000 };

typedef struct {
  gint64 due; /* monotonic, microseconds */
  gsize length;
  guint8 bytes[];
} Packet;

/* Packets from one device to the other. */
typedef struct {
  int from, to;
  GQueue waiting; /* Packet, oldest first */
} Way;

static int open_tun(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
  (void)g_strlcpy(request.ifr_name, name, sizeof request.ifr_name);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0)
    g_error("TUN device %s: %s", name, g_strerror(errno));
  return fd;
}

static void take_packets(Way *way, gint64 delay_us) {
  static guint8 bytes[PACKET_CAP];
  for (ssize_t count = 0; (count = read(way->from, bytes, sizeof bytes)) > 0;) {
    Packet *packet = g_malloc(sizeof *packet + (gsize)count);
    *packet = (Packet){.due = g_get_monotonic_time() + delay_us, .length = (gsize)count};
    memcpy(packet->bytes, bytes, (gsize)count);
    g_queue_push_tail(&way->waiting, packet);
  }
}

/* When the next one is due, or G_MAXINT64. What the other end does not take is lost, as on any link. */
static gint64 pass_on(Way *way) {
  for (;;) {
    Packet *packet = g_queue_peek_head(&way->waiting);
    if (packet == NULL)
      return G_MAXINT64;
    if (packet->due > g_get_monotonic_time())
      return packet->due;
    if (write(way->to, packet->bytes, packet->length) < 0 && errno != EIO && errno != EAGAIN)
      g_error("cannot pass on a packet: %s", g_strerror(errno));
    g_free(g_queue_pop_head(&way->waiting));
  }
}

/* False when standard input has ended. */
static bool await(const Way *ways, gint64 due) {
  struct pollfd polled[] = {{.fd = ways[0].from, .events = POLLIN},
                            {.fd = ways[1].from, .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};
  const gint64 left_us = MAX(due - g_get_monotonic_time(), 0);
  const struct timespec left = {.tv_sec = left_us / G_USEC_PER_SEC,
                                .tv_nsec = left_us % G_USEC_PER_SEC * 1000};
  if (ppoll(polled, G_N_ELEMENTS(polled), due == G_MAXINT64 ? NULL : &left, NULL) < 0 && errno != EINTR)
    g_error("poll: %s", g_strerror(errno));
  char word = '\0';
  return polled[2].revents == 0 || read(STDIN_FILENO, &word, 1) > 0;
}

int main(int argc, char **argv) {
  gint64 rtt_ms = 0;
  if (argc != 3 || !number_parse(argv[2], 0, RTT_MOST_MS, &rtt_ms)) {
    (void)fprintf(stderr, "usage: bench_delay DEVICE RTT_MS\n");
    return 2;
  }
  const int here = open_tun(argv[1]);
  if (unshare(CLONE_NEWNET) != 0)
    g_error("no network namespace: %s", g_strerror(errno));
  const int there = open_tun(argv[1]); /* it belongs to the namespace that /dev/net/tun is opened in */
  Way ways[] = {{.from = here, .to = there}, {.from = there, .to = here}};
  (void)printf("ready\n");
  (void)fflush(stdout);
  for (gint64 due = G_MAXINT64; await(ways, due);) {
    due = G_MAXINT64;
    for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
      take_packets(&ways[i], rtt_ms * 1000 / 2);
      due = MIN(due, pass_on(&ways[i]));
    }
  }
  return 0;
}
