/* support/redact: secret values in text, in the notations programs put them in. */
#include "support/redact.h"

#include <criterion/criterion.h>
#include <string.h>

#include "support/http.h"

#define VALUE "pa$$ 'w\"ör/d+\\n1"

static void known(const char *value) {
  redact_add(value, strlen(value));
}

static void check(const char *text, const char *expected) {
  g_autofree char *redacted = redact_text(text);
  cr_assert_str_eq(redacted, expected, "%s -> %s", text, redacted);
}

Test(redact, text_without_a_value_stays_byte_by_byte) {
  check("before any is known \xff", "before any is known \xff");
  known("s3cret-value");
  check("", "");
  check("100% \\ \\u12 $ ' \xff s3cret-valu.", "100% \\ \\u12 $ ' \xff s3cret-valu.");
  cr_assert_null(redact_text(NULL));
}

Test(redact, a_value_of_six_bytes_is_hidden_and_a_shorter_one_is_not) {
  known("12345");
  known("abcdef");
  check("12345 abcdef abcdefabcdef xabcdefx", "12345 *** *** x***x");
}

Test(redact, overlapping_values_leave_nothing_of_either) {
  known("abcdefgh");
  known("fghijk");
  known("abcdefghXYZ");
  check("-abcdefghijk-", "-***-");
  check("-abcdefghXYZ-", "-***-");
}

Test(redact, each_notation_is_found) {
  static const char *const texts[] = {
      VALUE,
      "pa%24%24%20%27w%22%C3%B6r%2Fd%2B%5Cn1",
      "pa%24%24%20%27w%22%c3%b6r%2fd%2b%5cn1",
      "pa$$+'w%22%c3%b6r/d%2B%5Cn1",                /* a form's */
      "pa$$ 'w\\\"ör/d+\\\\n1",                     /* JSON */
      "pa$$ \\u0027w\\\"\\u00f6r\\/d\\u002b\\\\n1", /* JSON in ASCII */
      "pa$$$$ ''w\"ör/d+\\n1",                      /* YAML, and Compose's dollars */
      "pa$$$$ '\\''w\"ör/d+\\n1",                   /* for a shell */
  };
  known(VALUE);
  g_autofree char *escaped = http_escape(VALUE);
  check(escaped, "***");
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *text = g_strdup_printf("<%s>", texts[i]);
    check(text, "<***>");
  }
}

static void check_base64(const char *value, const char *before, const char *behind) {
  g_autofree char *whole = g_strconcat(before, value, behind, NULL);
  g_autofree char *text = g_base64_encode((const guchar *)whole, strlen(whole));
  g_autofree char *redacted = redact_text(text);
  cr_assert(strstr(redacted, REDACTED) != NULL, "%s -> %s", text, redacted);
  cr_assert_leq(strlen(redacted), strlen(text) - strlen(value) * 8 / 6 + 1 + strlen(REDACTED), "%s -> %s",
                text, redacted);
  g_strdelimit(text, "+", '-');
  g_strdelimit(text, "/", '_');
  cr_assert(redact_finds(text));
}

Test(redact, base64_is_found_wherever_the_value_begins_in_it) {
  static const char *const values[] = {"s3cret", "s3cret-value?>~\xff\xfe"};
  static const char *const around[] = {"", "a", "ab", "abc"};
  for (gsize v = 0; v < G_N_ELEMENTS(values); v++) {
    known(values[v]);
    for (gsize i = 0; i < G_N_ELEMENTS(around); i++)
      for (gsize j = 0; j < G_N_ELEMENTS(around); j++)
        check_base64(values[v], around[i], around[j]);
  }
}

Test(redact, base64_that_is_wrapped_or_escaped_is_found) {
  g_autofree char *value = g_strnfill(200, '~');
  known(value);
  g_autofree char *text = g_base64_encode((const guchar *)value, strlen(value));
  static const char *const breaks[] = {"\n", "\r\n", "\\n"};
  for (gsize i = 0; i < G_N_ELEMENTS(breaks); i++) {
    g_autofree char *wrapped =
        g_strdup_printf("%.76s%s%.76s%s%s", text, breaks[i], text + 76, breaks[i], text + 152);
    g_autofree char *redacted = redact_text(wrapped);
    cr_assert(g_str_has_prefix(redacted, REDACTED) && strlen(redacted) < 10, "%s", redacted);
  }
  redact_forget();
  known("?\?\?>>>?\?\?");
  check("token=Pz8%2FPj4%2bPz8_", "token=***");
}

Test(redact, lines_of_a_value_are_hidden_by_themselves) {
  known("-----BEGIN KEY-----\r\n  MIIEvQIBADANBg\nshort\n-----END KEY-----\n");
  check("key: MIIEvQIBADANBg", "key: ***");
  check("short", "short");
  check("-----BEGIN KEY-----", "***");
}

Test(redact, a_value_with_blanks_around_it_is_found_trimmed) {
  known("  hunter2-hunter2\n");
  check("<hunter2-hunter2>", "<***>");
}

static void check_cut(const char *text, const char *expected) {
  g_autofree char *redacted = redact_cut_text(text);
  cr_assert_str_eq(redacted, expected, "%s -> %s", text, redacted);
}

Test(redact, a_value_that_a_limit_cut_off_is_hidden) {
  known("s3cret-value");
  check("a service named s3cret", "a service named s3cret");
  check_cut("probe: s3cret", "probe: ***");
  check_cut("probe: s3cret-va\n", "probe: s3cret-va\n");
  check_cut("probe: s3cre", "probe: s3cre");
}

Test(redact, a_value_is_found_in_text_that_was_made_printable) {
  known("se\tcr\x1b"
        "et-\xff"
        "value");
  check("<se cr?et-\xef\xbf\xbdvalue>", "<***>");
}

/* What a stream shows when the text comes in pieces of `size`. */
static char *through_stream(const char *text, gsize size) {
  g_autoptr(RedactStream) stream = redact_stream_new();
  GString *out = g_string_new(NULL);
  for (gsize at = 0; at < strlen(text); at += size)
    redact_stream_add(stream, text + at, MIN(size, strlen(text) - at), out);
  redact_stream_flush(stream, out);
  return g_string_free(out, FALSE);
}

Test(redact, a_stream_shows_the_same_however_it_is_cut) {
  static const char text[] =
      "a s3cret-value b s3cret%2Dvalue c s3cret-valu s3cret-s3cret-values3cret \\u00 %2 s3c";
  known("s3cret-value");
  known("value");
  known("values3cret");
  g_autofree char *whole = redact_text(text);
  cr_assert(strstr(whole, "s3cret-value") == NULL);
  for (gsize size = 1; size < sizeof text; size++) {
    g_autofree char *shown = through_stream(text, size);
    cr_assert_str_eq(shown, whole, "pieces of %zu: %s", size, shown);
  }
}

Test(redact, a_stream_holds_back_only_what_may_become_a_value) {
  g_autoptr(RedactStream) stream = redact_stream_new();
  g_autoptr(GString) out = g_string_new(NULL);
  known("s3cret-value");
  redact_stream_add(stream, "login: s3c", 10, out);
  cr_assert_str_eq(out->str, "login: ");
  redact_stream_flush(stream, out);
  cr_assert_str_eq(out->str, "login: s3c");
}
