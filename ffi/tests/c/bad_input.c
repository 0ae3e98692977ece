/*
 * Bad input of every kind: each gets its status and a message that says what was wrong and where;
 * the state hash is as before, and nothing is written to the results.
 */

#include "check.h"

static tamias_kernel *kernel;
static tamias_session *driver, *framework, *other;
static uint64_t agent, offer, running;
static struct hash before;

#define UNCHANGED() CHECK(same(before, hash_of(kernel)))

static int32_t command(uint64_t session, const char *line)
{
    tamias_buffer out = TAMIAS_BUFFER_INIT;
    int32_t status = tamias_command(kernel, session, line, strlen(line), &out, &err);

    CHECK(status == TAMIAS_OK || out.data == NULL);
    tamias_buffer_free(&out);
    return status;
}

/* Two agents, a framework with an offer and a running task, and another framework. */
static void open_world(void)
{
    tamias_task spec = make_task("running", "cpus:1");

    kernel = open_json("{\"clock\":\"manual\",\"start\":100}");
    driver = open_driver(kernel);
    agent = register_agent(driver, "cpus:2");
    framework = open_framework(kernel, "dev");
    OK(tamias_framework_launch(framework, next_event(framework, 1).body.offer.offer, &spec,
                               &running, &err));
    register_agent(driver, "cpus:4;mem:64");
    offer = next_event(framework, TAMIAS_EVENT_OFFER).body.offer.offer;
    OK(tamias_agent_update_one(driver, running, TAMIAS_TASK_RUNNING, &err));
    other = open_framework(kernel, "other");
    before = hash_of(kernel);
}

static void pointers(void)
{
    tamias_kernel *opened = NULL;
    tamias_session *session = NULL;
    tamias_event event;
    tamias_buffer out = TAMIAS_BUFFER_INIT;
    tamias_subscription subscription = TAMIAS_SUBSCRIPTION_INIT;
    size_t count = 77;
    uint8_t hash[TAMIAS_HASH_BYTES];
    char bytes[sizeof(tamias_event) + 8];
    int64_t time = 0;
    int fd = 0;

    FAILS(tamias_kernel_open(NULL, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "out: is NULL");
    FAILS(tamias_kernel_state_hash(NULL, hash, &err), TAMIAS_ERR_BAD_STRUCT, "kernel: is NULL");
    FAILS(tamias_kernel_state_hash(kernel, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "hash: is NULL");
    FAILS(tamias_kernel_metrics(NULL, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "kernel: is NULL");
    FAILS(tamias_kernel_metrics(kernel, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "out: is NULL");
    FAILS(tamias_kernel_now(kernel, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "now_ns: is NULL");
    FAILS(tamias_kernel_now(NULL, &time, &err), TAMIAS_ERR_BAD_STRUCT, "kernel: is NULL");
    FAILS(tamias_kernel_next_deadline(NULL, &time, &err), TAMIAS_ERR_BAD_STRUCT, "kernel");
    FAILS(tamias_kernel_tick(NULL, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "kernel: is NULL");
    FAILS(tamias_kernel_drive(NULL, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "kernel: is NULL");
    FAILS(tamias_kernel_advance(NULL, 0, &err), TAMIAS_ERR_BAD_STRUCT, "kernel: is NULL");
    FAILS(tamias_kernel_subscribe(kernel, NULL, &session, &err), TAMIAS_ERR_BAD_STRUCT,
          "subscription: is NULL");
    FAILS(tamias_kernel_subscribe(kernel, &subscription, NULL, &err), TAMIAS_ERR_BAD_STRUCT,
          "out: is NULL");
    FAILS(tamias_kernel_agent_driver(kernel, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "out: is NULL");
    FAILS(tamias_kernel_operator(NULL, &session, &err), TAMIAS_ERR_BAD_STRUCT, "kernel: is NULL");
    FAILS(tamias_session_close(NULL, &err), TAMIAS_ERR_BAD_STRUCT, "session: is NULL");
    FAILS(tamias_session_wait(NULL, 0, &err), TAMIAS_ERR_BAD_STRUCT, "session: is NULL");
    FAILS(tamias_session_event_fd(NULL, &fd, &err), TAMIAS_ERR_BAD_STRUCT, "session: is NULL");
    FAILS(tamias_session_event_fd(framework, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "fd: is NULL");
    FAILS(tamias_session_poll(framework, NULL, 1, sizeof event, &count, &err),
          TAMIAS_ERR_BAD_STRUCT, "events: is NULL");
    FAILS(tamias_session_poll(framework, &event, 0, sizeof event, &count, &err),
          TAMIAS_ERR_BAD_STRUCT, "room for none");
    FAILS(tamias_session_poll(framework, &event, 1, sizeof event, NULL, &err),
          TAMIAS_ERR_BAD_STRUCT, "count: is NULL");
    FAILS(tamias_session_poll(framework, (tamias_event *)(void *)(bytes + 1), 1, sizeof event,
                              &count, &err),
          TAMIAS_ERR_BAD_STRUCT, "not aligned to 8 bytes");
    FAILS(tamias_framework_revive(NULL, NULL, 0, &err), TAMIAS_ERR_BAD_STRUCT, "framework: is");
    FAILS(tamias_framework_revive(framework, NULL, 2, &err), TAMIAS_ERR_BAD_STRUCT, "roles: is");
    FAILS(tamias_framework_accept(framework, NULL, NULL, 0, &err), TAMIAS_ERR_BAD_STRUCT,
          "accept: is NULL");
    FAILS(tamias_framework_decline(framework, NULL, 3, 0, NULL, &err), TAMIAS_ERR_BAD_STRUCT,
          "offers: is NULL");
    FAILS(tamias_agent_register(driver, NULL, &agent, &err), TAMIAS_ERR_BAD_STRUCT, "info: is");
    FAILS(tamias_command(kernel, 0, NULL, 5, &out, &err), TAMIAS_ERR_BAD_STRUCT,
          "line: is NULL with a length of 5");
    FAILS(tamias_command(kernel, 0, "{}", 2, NULL, &err), TAMIAS_ERR_BAD_STRUCT, "out: is NULL");
    FAILS(tamias_command(NULL, 0, "{}", 2, &out, &err), TAMIAS_ERR_BAD_STRUCT, "kernel: is NULL");
    /* No record at all: the status is enough. */
    CHECK(tamias_kernel_open(NULL, NULL, NULL) == TAMIAS_ERR_BAD_STRUCT);
    CHECK(opened == NULL && session == NULL && count == 77);
    tamias_kernel_free(NULL);
    tamias_session_free(NULL);
    tamias_buffer_free(NULL);
    UNCHANGED();
}

static void structs(void)
{
    tamias_options options = TAMIAS_OPTIONS_INIT;
    tamias_error small = TAMIAS_ERROR_INIT;
    tamias_agent_info info = TAMIAS_AGENT_INFO_INIT;
    tamias_accept accept = TAMIAS_ACCEPT_INIT;
    tamias_update update = TAMIAS_UPDATE_INIT;
    tamias_kill kill = TAMIAS_KILL_INIT;
    tamias_result result = {0, 0};
    tamias_kernel *opened = NULL;
    uint64_t id = 0;

    options.size = 8;
    FAILS(tamias_kernel_open(&options, &opened, &err), TAMIAS_ERR_BAD_STRUCT,
          "options: size 8 of tamias_options: at least 24");
    options.size = 0x40000000;
    FAILS(tamias_kernel_open(&options, &opened, &err), TAMIAS_ERR_BAD_STRUCT, "size 1073741824");
    options.size = sizeof options;
    options.abi_version = 2;
    FAILS(tamias_kernel_open(&options, &opened, &err), TAMIAS_ERR_NOT_SUPPORTED,
          "the header has ABI version 2");
    options.abi_version = 0;
    FAILS(tamias_kernel_open(&options, &opened, &err), TAMIAS_ERR_BAD_STRUCT, "is not set");
    small.size = 100;
    CHECK(tamias_kernel_open(NULL, &opened, &small) == TAMIAS_ERR_BAD_STRUCT);
    CHECK(small.message[0] == 0 && opened == NULL);

    info.resources = TAMIAS_STR("cpus:1");
    info.reserved = 1;
    FAILS(tamias_agent_register(driver, &info, &id, &err), TAMIAS_ERR_BAD_STRUCT,
          "info.reserved: must be zero");
    accept.on_invalid = 3;
    FAILS(tamias_framework_accept(framework, &accept, NULL, 0, &err), TAMIAS_ERR_BAD_STRUCT,
          "accept.on_invalid: 3 is none of");
    accept.on_invalid = 0;
    accept.offer_count = 99999999;
    accept.offers = &offer;
    FAILS(tamias_framework_accept(framework, &accept, NULL, 0, &err), TAMIAS_ERR_LIMIT_REACHED,
          "accept.offers: 99999999 items: at most");
    update.task = running;
    update.state = TAMIAS_TASK_RUNNING;
    FAILS(tamias_agent_update(driver, &update, 1, 4, TAMIAS_BATCH_ATOMIC, NULL, &err),
          TAMIAS_ERR_BAD_STRUCT, "stride 4: give sizeof(tamias_update)");
    FAILS(tamias_agent_update(driver, &update, 1, sizeof update + 1, TAMIAS_BATCH_ATOMIC, NULL,
                              &err),
          TAMIAS_ERR_BAD_STRUCT, "not a multiple of 8");
    FAILS(tamias_agent_update(driver, &update, 1, sizeof update, 0, NULL, &err),
          TAMIAS_ERR_BAD_STRUCT, "flags: 0 is neither");
    FAILS(tamias_agent_update(driver, &update, 1, sizeof update, 3, &result, &err),
          TAMIAS_ERR_BAD_STRUCT, "flags: 3 is neither");
    FAILS(tamias_agent_update(driver, &update, 1, sizeof update, TAMIAS_BATCH_BEST_EFFORT, NULL,
                              &err),
          TAMIAS_ERR_BAD_STRUCT, "results: is NULL");
    update.state = 77;
    FAILS(tamias_agent_update(driver, &update, 1, sizeof update, TAMIAS_BATCH_ATOMIC, NULL, &err),
          TAMIAS_ERR_BAD_STRUCT, "items[0].state: 77 is none of TAMIAS_TASK_");
    update.state = TAMIAS_TASK_RUNNING;
    update.reason = 500;
    FAILS(tamias_agent_update(driver, &update, 1, sizeof update, TAMIAS_BATCH_ATOMIC, NULL, &err),
          TAMIAS_ERR_BAD_STRUCT, "items[0].reason: 500");
    update.reason = TAMIAS_NONE;
    update.health = 9;
    FAILS(tamias_agent_update(driver, &update, 1, sizeof update, TAMIAS_BATCH_ATOMIC, NULL, &err),
          TAMIAS_ERR_BAD_STRUCT, "items[0].health: 9");
    FAILS(tamias_framework_kill(framework, &kill, 1, sizeof kill, TAMIAS_BATCH_ATOMIC, NULL, &err),
          TAMIAS_ERR_BAD_STRUCT, "items[0].task: give a handle or a name");
    UNCHANGED();
}

/* A struct of a newer header: longer. What we do not know must be zero. */
static void newer_structs(void)
{
    struct {
        tamias_options known;
        uint64_t unknown;
    } options = {TAMIAS_OPTIONS_INIT, 0};
    struct {
        tamias_task known;
        uint64_t unknown;
    } tasks[2] = {{TAMIAS_TASK_INIT, 0}, {TAMIAS_TASK_INIT, 0}};
    struct {
        tamias_task_result known;
        uint64_t unknown;
    } results[2] = {{{0, 0, 0}, 42}, {{0, 0, 0}, 42}};
    tamias_accept accept = TAMIAS_ACCEPT_INIT;
    tamias_kernel *opened = NULL;

    options.known.size = sizeof options;
    OK(tamias_kernel_open(&options.known, &opened, &err));
    tamias_kernel_free(opened);
    options.unknown = 1;
    FAILS(tamias_kernel_open(&options.known, &opened, &err), TAMIAS_ERR_NOT_SUPPORTED,
          "byte 24 of tamias_options is set");

    tasks[0].known = make_task("n1", "cpus:1");
    tasks[1].known = make_task("n2", "cpus:1");
    tasks[1].unknown = (uint64_t)1 << 56;
    accept.offers = &offer;
    accept.offer_count = 1;
    accept.tasks = &tasks[0].known;
    accept.task_count = 2;
    accept.task_stride = sizeof tasks[0];
    FAILS(tamias_framework_accept(framework, &accept, &results[0].known, sizeof results[0], &err),
          TAMIAS_ERR_NOT_SUPPORTED, "accept.tasks[1]: byte 55 of tamias_task is set");
    CHECK(err.index == 1 && results[0].known.task == 0);
    UNCHANGED();
}

static void texts(void)
{
    tamias_subscription subscription = TAMIAS_SUBSCRIPTION_INIT;
    tamias_agent_info info = TAMIAS_AGENT_INFO_INIT;
    tamias_str role = TAMIAS_STR("dev\377");
    tamias_session *session = NULL;
    tamias_task task = make_task("bad \303\050", "cpus:1");
    tamias_buffer out = TAMIAS_BUFFER_INIT;
    uint64_t id = 0;

    subscription.roles = &role;
    subscription.role_count = 1;
    FAILS(tamias_kernel_subscribe(kernel, &subscription, &session, &err), TAMIAS_ERR_BAD_NAME,
          "subscription.roles[0]: not UTF-8: byte 0xff at position 3");
    CHECK(err.index == 0);
    role = TAMIAS_STR("a//b");
    FAILS(tamias_kernel_subscribe(kernel, &subscription, &session, &err), TAMIAS_ERR_BAD_NAME,
          "a//b");
    role = TAMIAS_STR("dev");
    subscription.json = TAMIAS_STR("{\"rolls\":[]}");
    FAILS(tamias_kernel_subscribe(kernel, &subscription, &session, &err), TAMIAS_ERR_MALFORMED,
          "subscription.json.rolls: unknown field `rolls`");
    subscription.json = TAMIAS_STR("{\"roles\":[]}");
    FAILS(tamias_kernel_subscribe(kernel, &subscription, &session, &err), TAMIAS_ERR_MALFORMED,
          "subscription.json.roles: is a field of the struct");
    CHECK(session == NULL);
    FAILS(tamias_framework_launch(framework, offer, &task, NULL, &err), TAMIAS_ERR_BAD_NAME,
          "accept.tasks[0].name: not UTF-8: byte 0xc3 at position 4");
    task = make_task("t", "cpus:x");
    FAILS(tamias_framework_launch(framework, offer, &task, NULL, &err), TAMIAS_ERR_BAD_RESOURCES,
          "accept.tasks[0].resources: ");
    task = make_task("t", "cpus:nan");
    FAILS(tamias_framework_launch(framework, offer, &task, NULL, &err), TAMIAS_ERR_BAD_RESOURCES,
          "nan");
    task = make_task("t", "cpus:-1");
    FAILS(tamias_framework_launch(framework, offer, &task, NULL, &err), TAMIAS_ERR_BAD_RESOURCES,
          "-1");
    info.resources = TAMIAS_STR("cpus:1000000000001");
    FAILS(tamias_agent_register(driver, &info, &id, &err), TAMIAS_ERR_BAD_RESOURCES,
          "info.resources: ");
    info.resources = TAMIAS_STR("cpus:1");
    info.attributes = TAMIAS_STR("rack");
    FAILS(tamias_agent_register(driver, &info, &id, &err), TAMIAS_ERR_BAD_ATTRIBUTES,
          "attribute 0 \"rack\" has no value");
    task = make_task("t", "cpus:1");
    task.json = TAMIAS_STR("{\"command\":{\"argv\":[7]}}");
    FAILS(tamias_framework_launch(framework, offer, &task, NULL, &err), TAMIAS_ERR_MALFORMED,
          "accept.tasks[0].json.command.argv[0]: ");
    task.json = TAMIAS_STR("{\"command\":{}}");
    FAILS(tamias_framework_launch(framework, offer, &task, NULL, &err), TAMIAS_ERR_INVALID_TASK,
          "accept.tasks[0].command: give either `argv` or `shell`");
    FAILS(tamias_command(kernel, 0, "{\"\200\"}", 5, &out, &err), TAMIAS_ERR_MALFORMED,
          "line: not UTF-8: byte 0x80 at position 2");
    CHECK(id == 0 && out.data == NULL);
    UNCHANGED();
}

static void lines(void)
{
    uint64_t session = tamias_session_id(framework);
    tamias_options options = TAMIAS_OPTIONS_INIT;
    tamias_kernel *opened = NULL;

    FAILS(command(session, "{\"do\":\"reviev\"}"), TAMIAS_ERR_UNKNOWN_COMMAND, "reviev");
    FAILS(command(session, "{\"do\":\"revive\""), TAMIAS_ERR_MALFORMED, "");
    FAILS(command(session, "revive"), TAMIAS_ERR_MALFORMED, "");
    FAILS(command(session, "[1]"), TAMIAS_ERR_MALFORMED, "");
    FAILS(command(session, "{\"do\":\"revive\",\"role\":[]}"), TAMIAS_ERR_MALFORMED, "role");
    FAILS(command(999, "{\"do\":\"revive\"}"), TAMIAS_ERR_UNKNOWN_SESSION, "no session");
    FAILS(command(0, "{\"do\":\"revive\"}"), TAMIAS_ERR_WRONG_SESSION, "needs a session");
    FAILS(command(0, "{\"do\":\"tick\",\"now\":1767225600}"), TAMIAS_ERR_TIME_STEP, "24 hours");
    options.json = TAMIAS_STR("{\"options\":{\"offer_timeout\":3}}");
    FAILS(tamias_kernel_open(&options, &opened, &err), TAMIAS_ERR_MALFORMED, "offer_timeout");
    options.json = TAMIAS_STR("{\"options\":{\"offer_timeout_seconds\":0}}");
    FAILS(tamias_kernel_open(&options, &opened, &err), TAMIAS_ERR_BAD_OPTION, "above 0");
    CHECK(strcmp(err.field, "options.offer_timeout_seconds") == 0);
    options.json = TAMIAS_STR("not JSON");
    FAILS(tamias_kernel_open(&options, &opened, &err), TAMIAS_ERR_MALFORMED, "");
    CHECK(opened == NULL);
    UNCHANGED();
}

/* Offers: of another framework, gone, used twice; tasks: too large, twice, in bad company. */
static void offers(void)
{
    tamias_task tasks[2];
    tamias_accept accept = TAMIAS_ACCEPT_INIT;
    uint64_t twice[2], gone = 12345;

    tasks[0] = make_task("t", "cpus:1");
    FAILS(tamias_framework_launch(framework, gone, &tasks[0], NULL, &err), TAMIAS_ERR_OFFER_GONE,
          "accept.offers[0]: offer o");
    CHECK(err.index == 0 && err.id == gone);
    FAILS(tamias_framework_launch(other, offer, &tasks[0], NULL, &err), TAMIAS_ERR_NOT_YOURS,
          "another framework's");
    CHECK(err.id == offer);
    FAILS(tamias_framework_launch(driver, offer, &tasks[0], NULL, &err), TAMIAS_ERR_WRONG_SESSION,
          "needs a session of kind framework");
    tasks[0] = make_task("t", "cpus:99");
    FAILS(tamias_framework_launch(framework, offer, &tasks[0], NULL, &err),
          TAMIAS_ERR_EXCEEDS_OFFER, "accept.tasks[0].resources: cpus:99 is more than the offers");
    tasks[0] = make_task("running", "cpus:1");
    FAILS(tamias_framework_launch(framework, offer, &tasks[0], NULL, &err),
          TAMIAS_ERR_TASK_EXISTS, "accept.tasks[0].name: task \"running\" exists");
    CHECK(err.id == running);
    tasks[0] = make_task("t", "cpus:1");
    tasks[1] = make_task("t", "cpus:1");
    twice[0] = twice[1] = offer;
    accept.offers = twice;
    accept.offer_count = 1;
    accept.tasks = tasks;
    accept.task_count = 2;
    FAILS(tamias_framework_accept(framework, &accept, NULL, 0, &err), TAMIAS_ERR_TASK_EXISTS,
          "accept.tasks[1].name: task \"t\" is launched twice");
    CHECK(err.index == 1);
    accept.offer_count = 2;
    FAILS(tamias_framework_accept(framework, &accept, NULL, 0, &err), TAMIAS_ERR_BAD_LIST,
          "accept.offers[1]: offer");
    accept.offer_count = 0;
    FAILS(tamias_framework_accept(framework, &accept, NULL, 0, &err), TAMIAS_ERR_BAD_LIST,
          "no offer is listed");
    UNCHANGED();
}

static void tasks(void)
{
    tamias_acknowledgement item = {0, {0}};

    item.task = running;
    FAILS(tamias_framework_acknowledge(framework, &item, 1, sizeof item, TAMIAS_BATCH_ATOMIC, NULL,
                                       &err),
          TAMIAS_ERR_WRONG_UUID, "items[0].uuid: the update in flight for task t");
    CHECK(err.index == 0 && err.id == running);
    FAILS(tamias_framework_acknowledge(other, &item, 1, sizeof item, TAMIAS_BATCH_ATOMIC, NULL,
                                       &err),
          TAMIAS_ERR_UNKNOWN_TASK, "items[0].task: the framework has no task");
    item.task = 4242;
    FAILS(tamias_framework_acknowledge(framework, &item, 1, sizeof item, TAMIAS_BATCH_ATOMIC, NULL,
                                       &err),
          TAMIAS_ERR_UNKNOWN_TASK, "no task");
    FAILS(tamias_agent_update_one(driver, 4242, TAMIAS_TASK_RUNNING, &err),
          TAMIAS_ERR_UNKNOWN_TASK, "no task t4242.0");
    FAILS(tamias_agent_update_one(driver, running, TAMIAS_TASK_UNREACHABLE, &err),
          TAMIAS_ERR_BAD_TASK_STATE, "TASK_UNREACHABLE cannot be reported");
    FAILS(tamias_agent_update_one(framework, running, TAMIAS_TASK_RUNNING, &err),
          TAMIAS_ERR_WRONG_SESSION, "kind agent");
    FAILS(tamias_kernel_advance(kernel, 99 * SECOND, &err), TAMIAS_ERR_BAD_TIME,
          "to_ns: 99 s is before 100 s");
    FAILS(tamias_session_wait(framework, -1, &err), TAMIAS_ERR_BAD_TIME, "-1 is negative");
    UNCHANGED();
}

/* With `report` the same faults are outcomes: the call succeeds and the others go on. */
static void reported(void)
{
    tamias_accept accept = TAMIAS_ACCEPT_INIT;
    tamias_task specs[2];
    tamias_task_result results[2];
    tamias_event event;

    next_event(framework, TAMIAS_EVENT_UPDATE);
    specs[0] = make_task("large", "cpus:99");
    specs[1] = make_task("fits", "cpus:1");
    accept.offers = &offer;
    accept.offer_count = 1;
    accept.tasks = specs;
    accept.task_count = 2;
    accept.on_invalid = TAMIAS_ON_INVALID_REPORT;
    accept.refuse_ns = 3600 * SECOND;
    OK(tamias_framework_accept(framework, &accept, results, sizeof results[0], &err));
    CHECK(results[0].state == TAMIAS_TASK_ERROR && results[0].task == 0);
    CHECK(results[1].state == TAMIAS_TASK_STAGING && results[1].task != 0);
    event = next_event(framework, TAMIAS_EVENT_UPDATE);
    CHECK(event.body.update.state == TAMIAS_TASK_ERROR);
    CHECK(event.body.update.reason == TAMIAS_REASON_TASK_INVALID);
    CHECK(str_is(event.body.update.name, "large") && event.body.update.message.len > 0);

    /* The offer is used up: once more. */
    specs[0] = make_task("late", "cpus:1");
    accept.task_count = 1;
    OK(tamias_framework_accept(framework, &accept, results, sizeof results[0], &err));
    CHECK(results[0].state == TAMIAS_TASK_DROPPED);
    CHECK(results[0].reason == TAMIAS_REASON_INVALID_OFFERS);
    accept.on_invalid = TAMIAS_ON_INVALID_DEFAULT;
    before = hash_of(kernel);
    FAILS(tamias_framework_accept(framework, &accept, results, sizeof results[0], &err),
          TAMIAS_ERR_OFFER_GONE, "accept.offers[0]");
    UNCHANGED();
}

int main(void)
{
    open_world();
    pointers();
    structs();
    newer_structs();
    texts();
    lines();
    offers();
    tasks();
    reported();
    tamias_session_free(other);
    tamias_session_free(framework);
    tamias_session_free(driver);
    tamias_kernel_free(kernel);
    puts("bad_input: done");
    return 0;
}
