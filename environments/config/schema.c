/* The keys of slipway.yml: one row each, the only place that knows its name, type, default, range and help.
 */
#include "environments/config/schema.h"

#include "support/poison.h"

#define SECONDS(n) (G_GINT64_CONSTANT(1000) * (n))
#define HOURS(n)   SECONDS((n)*3600)

static const char *const host_key_policies[] = {
    [HOST_KEYS_STRICT] = "strict", [HOST_KEYS_ACCEPT_NEW] = "accept-new", NULL};
static const char *const failure_actions[] = {
    [ON_FAILURE_RESTORE] = "restore", [ON_FAILURE_STOP] = "stop", NULL};
static const char *const ssh_clients[] = {
    [SSH_CLIENT_AUTO] = "auto", [SSH_CLIENT_LIBSSH2] = "libssh2", [SSH_CLIENT_OPENSSH] = "openssh", NULL};
static const char *const ec2_addresses[] = {
    [EC2_PRIVATE_ADDRESS] = "private", [EC2_PUBLIC_ADDRESS] = "public", [EC2_DNS_NAME] = "dns", NULL};
static const char *const task_hosts[] = {[TASK_ON_ONE] = "one", [TASK_ON_ALL] = "all", NULL};
static const char *const check_origins[] = {"host", "controller", NULL};

#define FIELD(field) offsetof(SshSettings, field)
static const SchemaKey ssh_keys[] = {
    {"user", &type_text, FIELD(user), .text = &text_user, .help = "login name on the host"},
    {"port", &type_number, FIELD(port), .low = 1, .high = 65535, .help = "port of sshd"},
    {"key", &type_text_or_texts, FIELD(keys), .text = &text_path,
     .help = "private key files, tried in order"},
    {"agent", &type_boolean, FIELD(agent), "true", .help = "try the keys of the SSH agent"},
    {"known_hosts", &type_text, FIELD(known_hosts), .text = &text_path, .help = "known_hosts file"},
    {"host_keys", &type_choice, FIELD(host_keys), "strict", .choices = host_key_policies,
     .help = "strict refuses unknown host keys, accept-new remembers them; changed ones are always refused"},
    {"connect_timeout", &type_duration, FIELD(connect_timeout_ms), "10s", .low = 1, .high = HOURS(1),
     .help = "for connecting, the handshake and authentication, each"},
    {"keepalive", &type_duration, FIELD(keepalive_ms), "5s", .low = 1, .high = HOURS(1),
     .help = "between keepalives; two unanswered ones end the connection"},
    {"proxy_jump", &type_text, FIELD(proxy_jump), .text = &text_jumps,
     .help = "bastions to go through: [user@]host[:port], several with commas; none: directly"},
    {"proxy_command", &type_text, FIELD(proxy_command), .text = &text_shell,
     .help =
         "shell command whose stdin and stdout are the connection; %h %p %r as in ssh_config; none: no such"},
    {"client", &type_choice, FIELD(client), "auto", .choices = ssh_clients,
     .help = "openssh: the user's own ssh program; auto: where libssh2 cannot do it"},
    {.name = NULL},
};
const Schema ssh_schema = {ssh_keys, sizeof(SshSettings), NULL};
#undef FIELD

#define FIELD(field) offsetof(HostConfig, field)
static const SchemaKey host_keys[] = {
    {"name", &type_text, FIELD(name), .text = &text_host_name,
     .help = "in output and history; default: the address"},
    {"address", &type_address, FIELD(address), .is_required = true,
     .help = "host, user@host:port, or local for this machine"},
    {"ssh", &type_section, FIELD(ssh), .section = &ssh_schema,
     .help = "SSH to this host, over the environment's"},
    {"engine", &type_text, FIELD(engine), .text = &text_socket, .help = "engine socket on this host"},
    {"id", &type_text, FIELD(id), .text = &text_host_name,
     .help = "what the machine is, whatever its address: its key is remembered by it"},
    {"profiles", &type_text_or_texts, FIELD(profiles), .text = &text_name,
     .help = "Compose profiles that run on this host"},
    {.name = NULL},
};
const Schema host_schema = {host_keys, sizeof(HostConfig), NULL};
#undef FIELD

#define FIELD(field) offsetof(Ec2Config, field)
static const SchemaKey ec2_keys[] = {
    {"region", &type_text_or_texts, FIELD(regions), .text = &text_region,
     .help = "where to look; default: the AWS configuration's region"},
    {"tags", &type_named_texts, FIELD(tags), .name_text = &text_tag, .text = &text_tag,
     .help = "an instance must have all of them"},
    {"address", &type_choice, FIELD(address), "private", .choices = ec2_addresses,
     .help = "which of an instance's addresses to connect to"},
    {"profile", &type_text, FIELD(profile), .text = &text_name, .help = "of the AWS configuration"},
    {.name = NULL},
};
static const Schema ec2_schema = {ec2_keys, sizeof(Ec2Config), NULL};
#undef FIELD

/* An entry of `hosts` that stands for many; what they have in common is read over the environment's. */
#define FIELD(field) offsetof(InventoryConfig, field)
static const SchemaKey inventory_keys[] = {
    {"ec2", &type_section, FIELD(ec2), .section = &ec2_schema, .help = "instances that run in AWS EC2"},
    {"command", &type_command, FIELD(command), .text = &text_value,
     .help = "program and arguments; prints a host a line, or JSON"},
    {"timeout", &type_duration, FIELD(timeout_ms), "30s", .low = 1, .high = HOURS(1),
     .help = "of the command"},
    {"ssh", &type_section, FIELD(host.ssh), .section = &ssh_schema,
     .help = "SSH to these hosts, over the environment's"},
    {"engine", &type_text, FIELD(host.engine), .text = &text_socket, .help = "engine socket on these hosts"},
    {"profiles", &type_text_or_texts, FIELD(host.profiles), .text = &text_name,
     .help = "Compose profiles that run on these hosts"},
    {.name = NULL},
};
const Schema inventory_schema = {inventory_keys, sizeof(InventoryConfig), NULL};
#undef FIELD

#define FIELD(field) offsetof(HttpCheck, field)
static const SchemaKey http_keys[] = {
    {"url", &type_text, FIELD(url), .text = &text_url, .is_required = true, .help = "to GET"},
    {"expect", &type_number, FIELD(expect), "200", .low = 100, .high = 599,
     .help = "HTTP status that means well"},
    {"from", &type_either, FIELD(from_controller), "host", .choices = check_origins,
     .help = "where the URL is seen from"},
    {.name = NULL},
};
static const Schema http_schema = {http_keys, sizeof(HttpCheck), (GDestroyNotify)http_check_free};
#undef FIELD

#define FIELD(field) offsetof(HealthConfig, field)
static const SchemaKey health_keys[] = {
    {"deadline", &type_duration, FIELD(deadline_ms), "2m", .low = 1, .high = HOURS(24),
     .help = "to become well, from the container's start"},
    {"settle", &type_duration, FIELD(settle_ms), "5s", .low = 0, .high = HOURS(24),
     .help = "to stay well before it counts"},
    {"restarts", &type_number, FIELD(restarts), "2", .low = 0, .high = 1000,
     .help = "more than these fail at once"},
    {"early", &type_boolean, FIELD(early), "true",
     .help = "run the image's own check before the engine does"},
    {"http", &type_sections, FIELD(http), .section = &http_schema, .help = "URLs that must answer"},
    {.name = NULL},
};
static const Schema health_schema = {health_keys, sizeof(HealthConfig), NULL};
#undef FIELD

#define FIELD(field) offsetof(RolloutConfig, field)
static const SchemaKey rollout_keys[] = {
    {"canary", &type_number, FIELD(canary), "0", .low = 0, .high = MOST_ENTRIES,
     .help = "hosts to change first, by themselves"},
    {"batch", &type_batch, FIELD(batch), "100%", .low = 1, .high = MOST_ENTRIES,
     .help = "hosts to change at a time: a number, or a share such as 50%"},
    {"pause", &type_duration, FIELD(pause_ms), "0s", .low = 0, .high = HOURS(24),
     .help = "to wait between one batch and the next"},
    {"on_failure", &type_choice, FIELD(on_failure), "restore", .choices = failure_actions,
     .help = "put the changed hosts back, or stop and leave them"},
    {.name = NULL},
};
static const Schema rollout_schema = {rollout_keys, sizeof(RolloutConfig), NULL};
#undef FIELD

#define FIELD(field) offsetof(TaskConfig, field)
#define TASK_NAME                                                                                            \
  {                                                                                                          \
    "name", &type_text, FIELD(name), .text = &text_name, .is_required = true,                                \
                                     .help = "in output and history"                                         \
  }
#define TASK_TIMEOUT                                                                                         \
  {                                                                                                          \
    "timeout", &type_duration, FIELD(timeout_ms), "10m",                                                     \
        .low = 1, .high = HOURS(24), .help = "it is ended, and has failed, after this long"                  \
  }
static const SchemaKey host_task_keys[] = {
    TASK_NAME,
    {"command", &type_command, FIELD(command), .text = &text_value, .is_required = true,
     .help = "program and arguments, without a shell, from the folder of slipway.yml"},
    TASK_TIMEOUT,
    {.name = NULL},
};
static const Schema host_task_schema = {host_task_keys, sizeof(TaskConfig), (GDestroyNotify)task_config_free};

static const SchemaKey task_keys[] = {
    TASK_NAME,
    {"service", &type_text, FIELD(service), .text = &text_service,
     .help = "runs in a container like this service's; default: on the controller"},
    {"command", &type_command, FIELD(command), .text = &text_value, .is_required = true,
     .help = "program and arguments, without a shell"},
    {"on", &type_choice, FIELD(on), "one", .choices = task_hosts, .help = "on how many hosts it runs"},
    {"environments", &type_text_or_texts, FIELD(environments), .text = &text_environment,
     .help = "it runs only in these; default: in all"},
    TASK_TIMEOUT,
    {"artifacts", &type_text_or_texts, FIELD(artifacts), .text = &text_artifact,
     .help = "files or folders to copy out of the container, PATH or PATH:DESTINATION"},
    {"stdin", &type_text, FIELD(input), .text = &text_path, .help = "file that it reads"},
    {.name = NULL},
};
const Schema task_schema = {task_keys, sizeof(TaskConfig), (GDestroyNotify)task_config_free};
#undef TASK_NAME
#undef TASK_TIMEOUT
#undef FIELD

#define FIELD(field) offsetof(TasksConfig, field)
static const SchemaKey tasks_keys[] = {
    {"before", &type_tasks, FIELD(before), .section = &task_schema,
     .help = "once a deployment, in the new image, before any container changes: migrations"},
    {"verify", &type_tasks, FIELD(verify), .section = &task_schema,
     .help = "when all hosts are well: tests; a failure puts everything back"},
    {"after", &type_tasks, FIELD(after), .section = &task_schema,
     .help = "when all is done; a failure is a warning"},
    {"run", &type_tasks, FIELD(run), .section = &task_schema, .help = "only when asked for: slipway run"},
    {"before_host", &type_sections, FIELD(before_host), .section = &host_task_schema,
     .help = "on the controller, before a host changes: take it out of the load balancer"},
    {"after_host", &type_sections, FIELD(after_host), .section = &host_task_schema,
     .help = "on the controller, when a host is well again: put it back"},
    {.name = NULL},
};
static const Schema tasks_schema = {tasks_keys, sizeof(TasksConfig), NULL};
#undef FIELD

#define FIELD(field) offsetof(SecretConfig, field)
static const SchemaKey secret_keys[] = {
    {"env", &type_text, FIELD(env), .text = &text_any_variable,
     .help = "variable of the controller's environment"},
    {"file", &type_text, FIELD(file), .text = &text_path, .help = "file that it is the content of"},
    {"command", &type_command, FIELD(command), .text = &text_value,
     .help = "program and arguments whose output it is; with dotenv, what decrypts that file"},
    {"dotenv", &type_text, FIELD(dotenv), .text = &text_path, .help = "file of NAME=VALUE lines that has it"},
    {"key", &type_text, FIELD(key), .text = &text_any_variable,
     .help = "the NAME in the dotenv file; default: the secret's own"},
    {"timeout", &type_duration, FIELD(timeout_ms), "30s", .low = 1, .high = HOURS(1),
     .help = "of the command"},
    {"mount", &type_text, FIELD(mount), .text = &text_name,
     .help = "secret of the Compose files that it is the content of; default: it is a variable"},
    {.name = NULL},
};
const Schema secret_schema = {secret_keys, sizeof(SecretConfig), (GDestroyNotify)secret_config_free};
#undef FIELD

#define FIELD(field) offsetof(GatesConfig, field)
static const SchemaKey gates_keys[] = {
    {"requires", &type_requires, FIELD(requires), .text = &text_environment,
     .help = "environments that must have verified a release; default: the one before it in the pipeline"},
    {"soak", &type_duration, FIELD(soak_ms), "0s", .low = 0, .high = HOURS(24 * 365),
     .help = "for how long a release must have been verified there"},
    {"approvals", &type_number, FIELD(approvals), "0", .low = 0, .high = 100,
     .help = "people who must have approved it"},
    {"window", &type_text_or_texts, FIELD(window), .text = &text_window,
     .help = "when it may be deployed: Mon-Fri 09:00-17:00 Europe/London"},
    {"command", &type_command, FIELD(command), .text = &text_value,
     .help = "program and arguments; gets the plan as JSON, exit status 0 lets it pass"},
    {"timeout", &type_duration, FIELD(timeout_ms), "1m", .low = 1, .high = HOURS(24),
     .help = "of the command"},
    {.name = NULL},
};
static const Schema gates_schema = {gates_keys, sizeof(GatesConfig), NULL};
#undef FIELD

#define FIELD(field) offsetof(EnvironmentDraft, environment.field)
static const SchemaKey environment_keys[] = {
    {"ssh", &type_section, offsetof(EnvironmentDraft, ssh), .section = &ssh_schema, .is_folded = true,
     .help = "SSH to the hosts, over what ssh -G says"},
    {"engine", &type_text, offsetof(EnvironmentDraft, engine), .text = &text_socket, .is_folded = true,
     .help = "engine socket on the hosts"},
    {"hosts", &type_hosts, FIELD(hosts), .section = &host_schema, .is_required = true,
     .help = "host, user@host:port, local, a mapping, or an inventory"},
    {"max_hosts", &type_number, FIELD(max_hosts), "100", .low = 1, .high = MOST_ENTRIES,
     .help = "more hosts than these from inventories are an error"},
    {"compose", &type_text_or_texts, FIELD(compose), .text = &text_compose_path,
     .help = "Compose files, added after the base files"},
    {"files", &type_text_or_texts, FIELD(files), .text = &text_project_path,
     .help = "files and folders to upload besides what Compose names"},
    {"variables", &type_named_texts, FIELD(variables), .name_text = &text_variable, .text = &text_value,
     .help = "environment of Compose; ${NAME}, ${SLIPWAY_VERSION} and ${env:NAME} in values are followed"},
    {"secrets", &type_secrets, FIELD(secrets), .name_text = &text_variable, .section = &secret_schema,
     .help = "what must not be seen, and where it is had from"},
    {"health", &type_section, FIELD(health), .section = &health_schema, .help = "when a deployment is well"},
    {"rollout", &type_section, FIELD(rollout), .section = &rollout_schema, .help = "how hosts are changed"},
    {"tasks", &type_section, FIELD(tasks), .section = &tasks_schema, .help = "commands that go with it"},
    {"gates", &type_section, FIELD(gates), .section = &gates_schema, .help = "what keeps a release out"},
    {"ephemeral", &type_boolean, FIELD(is_ephemeral), "false",
     .help = "torn down after each deployment, volumes too, whatever happens"},
    {"protected", &type_boolean, FIELD(is_protected), "false",
     .help = "ask, or want --yes, before changing it"},
    {"retain", &type_number, FIELD(retain), "5", .low = 1, .high = 1000,
     .help = "rollback targets whose images and files stay on the hosts"},
    {.name = NULL},
};
const Schema environment_schema = {environment_keys, sizeof(EnvironmentDraft), NULL};
#undef FIELD

#define FIELD(field) offsetof(RootDraft, config.field)
static const SchemaKey root_keys[] = {
    {"app", &type_text, FIELD(app), .text = &text_app, .is_required = true, .help = "the application's name"},
    {"images", &type_named_texts, FIELD(images), .name_text = &text_name, .text = &text_repository,
     .is_required = true, .help = "what one build makes: name and repository"},
    {"pipeline", &type_texts, FIELD(pipeline), .text = &text_environment, .is_required = true,
     .help = "environments in promotion order"},
    {"compose", &type_text_or_texts, offsetof(RootDraft, compose), .text = &text_compose_path,
     .is_folded = true, .help = "base Compose files of all environments"},
    {"history", &type_text, FIELD(history), .text = &text_path,
     .help = "database; default: $XDG_STATE_HOME/slipway/APP.db"},
    {"insecure_registries", &type_texts, FIELD(insecure_registries), .text = &text_registry,
     .help = "registries that may speak plain HTTP; loopback always may"},
    {"defaults", &type_defaults, 0, .section = &environment_schema, .is_folded = true,
     .help = "any environment key; an environment overrides it key by key"},
    {"environments", &type_environments, FIELD(environments), .section = &environment_schema,
     .is_required = true, .help = "the named places"},
    {.name = NULL},
};
const Schema root_schema = {root_keys, sizeof(RootDraft), NULL};
#undef FIELD
