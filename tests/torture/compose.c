/* `docker-compose` on a host of the torture test: hands images.yml to the fake engine, which does the rest. A
 * program because it runs some ten thousand times: Python and curl take 50 times as long to start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TEXT_CAP = 1 << 16 };

static int fail_with(const char *what) {
  (void)fprintf(stderr, "fake docker-compose: %s\n", what);
  return 1;
}

static int connect_to(const char *docker_host) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (docker_host == NULL || strncmp(docker_host, "unix://", 7) != 0 ||
      strlen(docker_host + 7) >= sizeof address.sun_path)
    return -1;
  memcpy(address.sun_path, docker_host + 7, strlen(docker_host + 7) + 1);
  int engine = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(engine, (const struct sockaddr *)&address, sizeof address) == 0)
    return engine;
  (void)close(engine);
  return -1;
}

static size_t read_all(int file, char *text) {
  size_t length = 0;
  ssize_t count = 0;
  while (length < TEXT_CAP - 1 && (count = read(file, text + length, TEXT_CAP - 1 - length)) > 0)
    length += (size_t)count;
  text[length] = '\0';
  return length;
}

static int ask(int engine, const char *action, const char *project) {
  static char text[TEXT_CAP];
  FILE *override = fopen("images.yml", "re");
  if (override == NULL)
    return fail_with("no images.yml here");
  size_t length = read_all(fileno(override), text);
  (void)fclose(override);
  (void)dprintf(engine, "POST /compose/%s?project=%s HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s", action,
                project, length, text);
  (void)shutdown(engine, SHUT_WR);
  (void)read_all(engine, text);
  const char *body = strstr(text, "\r\n\r\n");
  if (body == NULL)
    return fail_with("the engine is gone");
  int is_well = strncmp(text, "HTTP/1.1 200 ", 13) == 0;
  (void)fputs(body + 4, is_well ? stdout : stderr);
  return is_well ? 0 : 1;
}

int main(int argc, char **argv) {
  const char *action = NULL;
  const char *project = "";
  for (int i = 1; i < argc && action == NULL; i++) {
    if (strcmp(argv[i], "-p") == 0 && i + 1 < argc)
      project = argv[i + 1];
    if (argv[i][0] == '-')
      i++; /* every option before the action has a value */
    else
      action = argv[i];
  }
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--hash") == 0)
      action = "hash";
  int engine = connect_to(getenv("DOCKER_HOST"));
  if (action == NULL || engine < 0)
    return fail_with("no action, or no engine");
  return ask(engine, action, project);
}
