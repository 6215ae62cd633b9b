/* <curl/curl.h>, for a library that is not linked but loaded by libcurl_load: it brings some thirty others
 * along, which cost every command 15 ms, and most commands talk to nobody. Not found: the program ends, as if
 * it had been linked. A new function needs a row and a #define; curl_easy_setopt and curl_easy_getinfo are
 * without curl's checks of types here: who calls them casts (long, curl_off_t). */
#pragma once

#include <curl/curl.h>

#undef curl_easy_getinfo
#undef curl_easy_setopt

#define CURL_FUNCTIONS(F)                                                                                    \
  F(easy_cleanup)                                                                                            \
  F(easy_getinfo)                                                                                            \
  F(easy_init)                                                                                               \
  F(easy_perform)                                                                                            \
  F(easy_reset)                                                                                              \
  F(easy_setopt)                                                                                             \
  F(easy_strerror)                                                                                           \
  F(free)                                                                                                    \
  F(global_init)                                                                                             \
  F(multi_add_handle)                                                                                        \
  F(multi_cleanup)                                                                                           \
  F(multi_info_read)                                                                                         \
  F(multi_init)                                                                                              \
  F(multi_perform)                                                                                           \
  F(multi_poll)                                                                                              \
  F(multi_remove_handle)                                                                                     \
  F(multi_timeout)                                                                                           \
  F(slist_append)                                                                                            \
  F(slist_free_all)                                                                                          \
  F(url)                                                                                                     \
  F(url_cleanup)                                                                                             \
  F(url_get)                                                                                                 \
  F(url_set)

#define POINTER(name) __typeof__(curl_##name) *name; /* NOLINT(bugprone-macro-parentheses): a member */
typedef struct {
  CURL_FUNCTIONS(POINTER)
} LibCurl;
#undef POINTER

/* Empty until libcurl_load, which may be called again. */
extern LibCurl libcurl;
void libcurl_load(void);

#define curl_easy_cleanup        libcurl.easy_cleanup
#define curl_easy_getinfo        libcurl.easy_getinfo
#define curl_easy_init           libcurl.easy_init
#define curl_easy_perform        libcurl.easy_perform
#define curl_easy_reset          libcurl.easy_reset
#define curl_easy_setopt         libcurl.easy_setopt
#define curl_easy_strerror       libcurl.easy_strerror
#define curl_free                libcurl.free
#define curl_global_init         libcurl.global_init
#define curl_multi_add_handle    libcurl.multi_add_handle
#define curl_multi_cleanup       libcurl.multi_cleanup
#define curl_multi_info_read     libcurl.multi_info_read
#define curl_multi_init          libcurl.multi_init
#define curl_multi_perform       libcurl.multi_perform
#define curl_multi_poll          libcurl.multi_poll
#define curl_multi_remove_handle libcurl.multi_remove_handle
#define curl_multi_timeout       libcurl.multi_timeout
#define curl_slist_append        libcurl.slist_append
#define curl_slist_free_all      libcurl.slist_free_all
#define curl_url                 libcurl.url
#define curl_url_cleanup         libcurl.url_cleanup
#define curl_url_get             libcurl.url_get
#define curl_url_set             libcurl.url_set
