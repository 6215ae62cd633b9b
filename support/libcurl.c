/* Loading libcurl. */
#include "support/libcurl.h"

#include "support/lazy.h"
#include "support/poison.h"

LibCurl libcurl;

void libcurl_load(void) {
#define ROW(name) {"curl_" #name, offsetof(LibCurl, name)},
  static const LazySymbol symbols[] = {CURL_FUNCTIONS(ROW){NULL, 0}};
  static gsize is_loaded = 0;
  if (g_once_init_enter(&is_loaded)) {
    lazy_load(CURL_SONAME, symbols, &libcurl);
    g_once_init_leave(&is_loaded, 1);
  }
}
