/* EC2: what is asked, and what becomes of its answers. Against an EC2 that checks signatures:
 * tests/fleet/test_ec2.sh. */
#include <criterion/criterion.h>
#include <string.h>

#include "environments/inventory/inventory.h"
#include "fixture.h"
#include "support/errors.h"

static char *home;
static void enter(void) {
  home = home_make();
  g_setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", TRUE);
  g_setenv("AWS_SECRET_ACCESS_KEY", "the-secret-key", TRUE);
}
static void leave(void) {
  home_remove(home);
}

TestSuite(ec2, .init = enter, .fini = leave);

#define PAGE_BEGINS                                                                                          \
  "200 <DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><reservationSet>"
#define PAGE_ENDS   "</reservationSet></DescribeInstancesResponse>"
#define MORE(token) "</reservationSet><nextToken>" token "</nextToken></DescribeInstancesResponse>"
#define INSTANCE(id, name, address)                                                                          \
  "<item><instancesSet><item><instanceId>" id "</instanceId><privateIpAddress>" address                      \
  "</privateIpAddress><ipAddress/><dnsName></dnsName><privateDnsName>" id                                    \
  ".internal</privateDnsName><tagSet><item><key>Name</key><value>" name                                      \
  "</value></item></tagSet></item></instancesSet></item>"

#define HOSTS "{ec2: {region: eu-west-1, tags: {App: \"a b&c\", Env: \"*\"}}}"

/* The hosts, or the error's message. *requests: what was asked. Caller frees both. */
static char *resolve(const char *const *replies, const char *hosts, char **requests) {
  g_autoptr(GError) error = NULL;
  PlayedServer *server = played_server_start(replies);
  g_setenv("AWS_ENDPOINT_URL_EC2", played_server_url(server), TRUE);
  g_autoptr(Config) config = config_with_hosts(home, hosts);
  bool ok = inventory_resolve(config, prod_of(config), &error);
  if (requests != NULL)
    *requests = played_server_requests(server);
  played_server_stop(server);
  cr_assert(ok || error_is(error, SLIPWAY_ERROR_UNREADY));
  return ok ? hosts_text(prod_of(config)) : g_strdup(error->message);
}

static void assert_contains(const char *text, const char *fragment) {
  cr_assert(strstr(text, fragment) != NULL, "\"%s\" is not in: %s", fragment, text);
}

Test(ec2, asks_page_by_page_and_names_hosts_by_unique_tags) {
  g_autofree char *requests = NULL;
  g_autofree char *hosts =
      resolve((const char *const[]){PAGE_BEGINS INSTANCE("i-3", "web", "10.0.0.3") MORE("t=1&amp;"),
                                    PAGE_BEGINS INSTANCE("i-2", "db", "10.0.0.2")
                                        INSTANCE("i-1", "web", "10.0.0.1") PAGE_ENDS,
                                    NULL},
              HOSTS, &requests);
  cr_assert_str_eq(hosts, "db=10.0.0.2#i-2 i-1=10.0.0.1#i-1 i-3=10.0.0.3#i-3");
  assert_contains(requests, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=instance-state-name&"
                            "Filter.1.Value.1=running&Filter.2.Name=tag%3AApp&Filter.2.Value.1=a%20b%26c&"
                            "Filter.3.Name=tag%3AEnv&Filter.3.Value.1=%2A&MaxResults=200\n----\n");
  assert_contains(requests, "&MaxResults=200&NextToken=t%3D1%26\n");
  assert_contains(requests, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/");
  assert_contains(requests, "/eu-west-1/ec2/aws4_request");
  cr_assert_null(strstr(requests, "the-secret-key"));
}

Test(ec2, sends_the_session_token_signed) {
  g_autofree char *requests = NULL;
  g_setenv("AWS_SESSION_TOKEN", "the-token", TRUE);
  g_autofree char *hosts =
      resolve((const char *const[]){PAGE_BEGINS INSTANCE("i-1", "x y", "10.0.0.1") PAGE_ENDS, NULL}, HOSTS,
              &requests);
  cr_assert_str_eq(hosts, "i-1=10.0.0.1#i-1"); /* "x y" is no name for a host */
  g_autofree char *lower = g_ascii_strdown(requests, -1);
  assert_contains(lower, "x-amz-security-token: the-token\r\n");
  assert_contains(lower, ";x-amz-security-token,");
}

Test(ec2, asks_each_region) {
  g_autofree char *requests = NULL;
  g_autofree char *hosts =
      resolve((const char *const[]){PAGE_BEGINS INSTANCE("i-2", "web2", "10.0.0.2") PAGE_ENDS,
                                    PAGE_BEGINS INSTANCE("i-1", "web1", "10.0.0.1") PAGE_ENDS, NULL},
              "{ec2: {region: [eu-west-1, us-east-1], tags: {App: shop}}}", &requests);
  cr_assert_str_eq(hosts, "web1=10.0.0.1#i-1 web2=10.0.0.2#i-2");
  assert_contains(requests, "/us-east-1/ec2/");
}

Test(ec2, uses_the_address_that_is_wanted_or_says_who_lacks_it) {
  const char *const page[] = {PAGE_BEGINS INSTANCE("i-1", "web1", "10.0.0.1") PAGE_ENDS, NULL};
  g_autofree char *by_dns =
      resolve(page, "{ec2: {region: eu-west-1, tags: {App: shop}, address: dns}}", NULL);
  cr_assert_str_eq(by_dns, "web1=i-1.internal#i-1");
  g_autofree char *public =
      resolve(page, "{ec2: {region: eu-west-1, tags: {App: shop}, address: public}}", NULL);
  assert_contains(public, "prod: EC2 in eu-west-1: i-1 (web1) has no public address");
}

Test(ec2, finds_none) {
  g_autofree char *none = resolve((const char *const[]){PAGE_BEGINS PAGE_ENDS, NULL}, HOSTS, NULL);
  assert_contains(none, "EC2: no instance that runs in eu-west-1 has the tags App=a b&c, Env=*");
}

Test(ec2, says_what_aws_says) {
  g_autofree char *refused = resolve(
      (const char *const[]){"401 <?xml version=\"1.0\"?><Response><Errors><Error><Code>AuthFailure</Code>"
                            "<Message>AWS was not able to validate the provided access credentials</Message>"
                            "</Error></Errors><RequestID>1</RequestID></Response>",
                            NULL},
      HOSTS, NULL);
  assert_contains(refused, "EC2 in eu-west-1: AuthFailure: AWS was not able to validate the provided access "
                           "credentials (status 401, asked with the keys of the environment");
  g_autofree char *other = resolve((const char *const[]){"404 <html/>", NULL}, HOSTS, NULL);
  assert_contains(other, "it did not say why (status 404");
  g_autofree char *strange = resolve((const char *const[]){"200 <html/>", NULL}, HOSTS, NULL);
  assert_contains(strange, "no DescribeInstancesResponse");
}

Test(ec2, believes_no_strange_answer) {
  g_autofree char *id = resolve(
      (const char *const[]){PAGE_BEGINS INSTANCE("*", "web", "10.0.0.3") PAGE_ENDS, NULL}, HOSTS, NULL);
  assert_contains(id, "EC2 in eu-west-1: its answer has an instance with \"*\" for an id");
  g_autofree char *entity =
      resolve((const char *const[]){"200 <!DOCTYPE r [<!ENTITY e \"i-1\">]><DescribeInstancesResponse>"
                                    "<reservationSet/></DescribeInstancesResponse>",
                                    NULL},
              HOSTS, NULL);
  assert_contains(entity, "its answer is not EC2's");
}

Test(ec2, asks_no_region_that_is_none) {
  g_setenv("AWS_REGION", "example.org/x#", TRUE);
  g_autofree char *region =
      resolve((const char *const[]){"404 <html/>", NULL}, "{ec2: {tags: {App: shop}}}", NULL);
  assert_contains(region, "\"example.org/x#\" is no AWS region: expected an AWS region such as eu-west-1");
}

Test(ec2, tries_again_when_it_is_told_to_slow_down) {
  g_autofree char *hosts = resolve(
      (const char *const[]){"503 <Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow"
                            "</Message></Error></Errors></Response>",
                            PAGE_BEGINS INSTANCE("i-1", "web1", "10.0.0.1") PAGE_ENDS, NULL},
      HOSTS, NULL);
  cr_assert_str_eq(hosts, "web1=10.0.0.1#i-1");
}

Test(ec2, asks_the_region_of_the_aws_configuration_when_none_is_named) {
  g_autofree char *requests = NULL;
  const char *const page[] = {PAGE_BEGINS INSTANCE("i-1", "web1", "10.0.0.1") PAGE_ENDS, NULL};
  g_autofree char *nowhere = resolve(page, "{ec2: {tags: {App: shop}}}", NULL);
  assert_contains(nowhere, "no AWS region: set `region:` in slipway.yml, AWS_REGION");
  home_write(home, ".aws/config", "[default]\nregion = eu-north-1\n");
  g_autofree char *hosts = resolve(page, "{ec2: {tags: {App: shop}}}", &requests);
  cr_assert_str_eq(hosts, "web1=10.0.0.1#i-1");
  assert_contains(requests, "/eu-north-1/ec2/");
  g_setenv("AWS_REGION", "eu-south-1", TRUE);
  g_autofree char *again_requests = NULL;
  g_autofree char *again = resolve(page, "{ec2: {tags: {App: shop}}}", &again_requests);
  cr_assert_str_eq(again, "web1=10.0.0.1#i-1");
  assert_contains(again_requests, "/eu-south-1/ec2/");
}
