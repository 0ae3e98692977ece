/* The typed verbs and every kind of event, from an offer to the end of a framework. */

#include "check.h"

static const char MANUAL[] = "{\"clock\":\"manual\",\"start\":100}";

struct world {
    tamias_kernel *kernel;
    tamias_session *driver, *framework;
    uint64_t agent;
};

static struct world open_world(const char *resources)
{
    struct world w;

    w.kernel = open_json(MANUAL);
    w.driver = open_driver(w.kernel);
    w.agent = register_agent(w.driver, resources);
    w.framework = open_framework(w.kernel, "dev");
    return w;
}

static void close_world(struct world *w)
{
    tamias_session_free(w->framework);
    tamias_session_free(w->driver);
    tamias_kernel_free(w->kernel);
}

/* A task's whole life, every field of the events on its way. */
static void one_task(void)
{
    struct world w = open_world("cpus:4;mem:1024;ports:[1-9]");
    tamias_task spec = make_task("t", "cpus:1;ports:[3-4]");
    tamias_update update = TAMIAS_UPDATE_INIT;
    tamias_event event = next_event(w.framework, TAMIAS_EVENT_OFFER);
    tamias_event acknowledged;
    uint64_t task = 0;

    CHECK(event.body.offer.agent == w.agent);
    CHECK(event.body.offer.expires_ns == 160 * SECOND);
    CHECK(str_is(event.body.offer.role, "dev"));
    CHECK(str_is(event.body.offer.resources, "cpus:4;mem:1024;ports:[1-9]"));
    CHECK(event.body.offer.agent_name.ptr == NULL && event.body.offer.attributes.len == 0);

    spec.json = TAMIAS_STR("{\"command\":{\"argv\":[\"true\"]},\"kill_grace_seconds\":7}");
    OK(tamias_framework_launch(w.framework, event.body.offer.offer, &spec, &task, &err));
    event = next_event(w.driver, TAMIAS_EVENT_LAUNCH);
    CHECK(event.body.launch.task == task && event.body.launch.agent == w.agent);
    CHECK(event.body.launch.framework == tamias_framework_id(w.framework));
    CHECK(str_is(event.body.launch.role, "dev") && str_is(event.body.launch.name, "t"));
    CHECK(str_is(event.body.launch.resources, "cpus:1;ports:[3-4]"));
    CHECK(str_is(event.body.launch.json,
                 "{\"name\":\"t\",\"resources\":\"cpus:1;ports:[3-4]\","
                 "\"command\":{\"argv\":[\"true\"]},\"kill_grace_seconds\":7}"));

    update.task = task;
    update.state = TAMIAS_TASK_RUNNING;
    update.reason = TAMIAS_REASON_CONTAINER_LIMITATION;
    update.source = TAMIAS_SOURCE_AGENT;
    update.health = TAMIAS_HEALTH_BAD;
    update.uuid[0] = 7;
    update.message = TAMIAS_STR("it runs");
    update.data.ptr = (const uint8_t *)"\0\1";
    update.data.len = 2;
    OK(tamias_agent_update(w.driver, &update, 1, sizeof update, TAMIAS_BATCH_ATOMIC, NULL, &err));
    event = next_event(w.framework, TAMIAS_EVENT_UPDATE);
    CHECK(event.body.update.task == task && event.body.update.agent == w.agent);
    CHECK(event.body.update.state == TAMIAS_TASK_RUNNING);
    CHECK(event.body.update.reason == TAMIAS_REASON_CONTAINER_LIMITATION);
    CHECK(event.body.update.source == TAMIAS_SOURCE_AGENT);
    CHECK(event.body.update.health == TAMIAS_HEALTH_BAD);
    CHECK(event.body.update.must_acknowledge == 1 && event.body.update.uuid[0] == 7);
    CHECK(event.body.update.time_ns == 100 * SECOND);
    CHECK(event.body.update.unreachable_since_ns == TAMIAS_UNSET);
    CHECK(str_is(event.body.update.name, "t") && str_is(event.body.update.message, "it runs"));
    CHECK(event.body.update.data.len == 2 && event.body.update.data.ptr[1] == 1);

    OK(tamias_framework_acknowledge_event(w.framework, &event, &err));
    acknowledged = next_event(w.driver, TAMIAS_EVENT_ACKNOWLEDGED);
    CHECK(acknowledged.body.acknowledged.task == task);
    CHECK(acknowledged.body.acknowledged.agent == w.agent);
    CHECK(acknowledged.body.acknowledged.uuid[0] == 7);
    CHECK(acknowledged.seq > 0 && acknowledged.ordinal == 0);

    OK(tamias_framework_kill_one(w.framework, task, &err));
    event = next_event(w.driver, TAMIAS_EVENT_KILL);
    CHECK(event.body.kill.task == task && event.body.kill.agent == w.agent);
    CHECK(event.body.kill.grace_ns == 7 * SECOND);
    OK(tamias_agent_update_one(w.driver, task, TAMIAS_TASK_KILLED, &err));
    event = next_event(w.framework, TAMIAS_EVENT_UPDATE);
    CHECK(event.body.update.state == TAMIAS_TASK_KILLED);
    CHECK(event.body.update.reason == TAMIAS_NONE && event.body.update.message.ptr == NULL);
    close_world(&w);
}

/* Rescinded offers, lost agents, the end of a subscription. */
static void endings(void)
{
    struct world w = open_world("cpus:4");
    tamias_event event = next_event(w.framework, TAMIAS_EVENT_OFFER);
    uint64_t offer = event.body.offer.offer;
    tamias_session *operator_session = NULL;
    tamias_buffer out = TAMIAS_BUFFER_INIT;
    char line[96];

    OK(tamias_kernel_advance(w.kernel, 160 * SECOND, &err));
    event = next_event(w.framework, TAMIAS_EVENT_RESCIND);
    CHECK(event.body.rescind.offer == offer);
    CHECK(event.body.rescind.reason == TAMIAS_RESCIND_TIMEOUT);
    next_event(w.framework, TAMIAS_EVENT_OFFER);

    /* A cold verb of the operator, over the generic verb. */
    OK(tamias_kernel_operator(w.kernel, &operator_session, &err));
    sprintf(line, "{\"do\":\"remove_agent\",\"agent\":\"a%u.%u\"}", (unsigned)w.agent,
            (unsigned)(w.agent >> 32));
    OK(tamias_command(w.kernel, tamias_session_id(operator_session), line, strlen(line), &out,
                      &err));
    CHECK(strstr(out.data, "\"reply\":\"done\"") != NULL && out.data[out.len] == 0);
    event = next_event(w.driver, TAMIAS_EVENT_AGENT_REMOVED);
    CHECK(event.body.agent.agent == w.agent);
    event = next_event(w.framework, TAMIAS_EVENT_RESCIND);
    CHECK(event.body.rescind.reason == TAMIAS_RESCIND_AGENT_INACTIVE);
    event = next_event(w.framework, TAMIAS_EVENT_AGENT_LOST);
    CHECK(event.body.agent.agent == w.agent);

    sprintf(line, "{\"do\":\"teardown\"}");
    OK(tamias_command(w.kernel, tamias_session_id(w.framework), line, strlen(line), &out, &err));
    event = next_event(w.framework, TAMIAS_EVENT_SUBSCRIPTION_ENDED);
    CHECK(event.body.end.reason == TAMIAS_END_TORN_DOWN);
    tamias_buffer_free(&out);
    CHECK(out.data == NULL && out.len == 0 && out.capacity == 0);
    tamias_buffer_free(&out);
    tamias_session_free(operator_session);
    close_world(&w);
}

/* Two offers and three tasks in one accept, declines, revive and suppress. */
static void offers_in_batches(void)
{
    struct world w = open_world("cpus:4");
    tamias_accept accept = TAMIAS_ACCEPT_INIT;
    tamias_task tasks[3];
    tamias_task_result results[3];
    tamias_result declined[2] = {{1, 1}, {1, 1}};
    tamias_str role = TAMIAS_STR("dev");
    uint64_t offers[2];

    offers[0] = next_event(w.framework, TAMIAS_EVENT_OFFER).body.offer.offer;
    tasks[0] = make_task("a", "cpus:1");
    tasks[1] = make_task("b", "cpus:8");
    tasks[2] = make_task("c", "cpus:1");
    accept.offers = offers;
    accept.offer_count = 1;
    accept.tasks = tasks;
    accept.task_count = 3;
    accept.on_invalid = TAMIAS_ON_INVALID_REPORT;
    accept.refuse_ns = 3600 * SECOND;
    OK(tamias_framework_accept(w.framework, &accept, results, sizeof results[0], &err));
    CHECK(results[0].task != 0 && results[0].state == TAMIAS_TASK_STAGING);
    CHECK(results[0].reason == TAMIAS_NONE);
    CHECK(results[1].task == 0 && results[1].state == TAMIAS_TASK_ERROR);
    CHECK(results[1].reason == TAMIAS_REASON_TASK_INVALID);
    CHECK(results[2].task != 0 && results[2].task != results[0].task);
    CHECK(next_event(w.framework, TAMIAS_EVENT_UPDATE).body.update.must_acknowledge == 0);
    no_event(w.framework);

    OK(tamias_framework_revive(w.framework, &role, 1, &err));
    offers[0] = next_event(w.framework, TAMIAS_EVENT_OFFER).body.offer.offer;
    offers[1] = offers[0];
    OK(tamias_framework_decline(w.framework, offers, 2, 3600 * SECOND, declined, &err));
    CHECK(declined[0].status == TAMIAS_OK && declined[1].status == TAMIAS_ERR_OFFER_GONE);
    OK(tamias_framework_suppress(w.framework, NULL, 0, &err));
    register_agent(w.driver, "cpus:9");
    no_event(w.framework);
    OK(tamias_framework_revive(w.framework, NULL, 0, &err));
    next_event(w.framework, TAMIAS_EVENT_OFFER);
    close_world(&w);
}

/* All or nothing against each by itself. */
static void batches(void)
{
    struct world w = open_world("cpus:4");
    tamias_update updates[2] = {TAMIAS_UPDATE_INIT, TAMIAS_UPDATE_INIT};
    tamias_result results[2] = {{9, 9}, {9, 9}};
    tamias_task spec = make_task("t", "cpus:1");
    tamias_kill kills[2] = {TAMIAS_KILL_INIT, TAMIAS_KILL_INIT};
    uint64_t offer = next_event(w.framework, TAMIAS_EVENT_OFFER).body.offer.offer;
    uint64_t task = 0;
    struct hash before;

    OK(tamias_framework_launch(w.framework, offer, &spec, &task, &err));
    before = hash_of(w.kernel);
    updates[0].task = task;
    updates[0].state = TAMIAS_TASK_RUNNING;
    updates[1].task = 12345;
    updates[1].state = TAMIAS_TASK_RUNNING;
    FAILS(tamias_agent_update(w.driver, updates, 2, sizeof updates[0], TAMIAS_BATCH_ATOMIC,
                              results, &err),
          TAMIAS_ERR_UNKNOWN_TASK, "items[1].task: no task");
    CHECK(err.index == 1 && err.id == 12345 && strcmp(err.field, "items[1].task") == 0);
    CHECK(results[0].status == 9 && same(before, hash_of(w.kernel)));

    OK(tamias_agent_update(w.driver, updates, 2, sizeof updates[0], TAMIAS_BATCH_BEST_EFFORT,
                           results, &err));
    CHECK(results[0].status == TAMIAS_OK && results[0].flags == 0);
    CHECK(results[1].status == TAMIAS_ERR_UNKNOWN_TASK);
    CHECK(!same(before, hash_of(w.kernel)));

    /* Again with the same uuid: recognised. Backwards: flagged. */
    updates[0].uuid[3] = 1;
    OK(tamias_agent_update(w.driver, updates, 1, sizeof updates[0], TAMIAS_BATCH_ATOMIC, results,
                           &err));
    OK(tamias_agent_update(w.driver, updates, 1, sizeof updates[0], TAMIAS_BATCH_ATOMIC, results,
                           &err));
    CHECK(results[0].flags == TAMIAS_RESULT_DUPLICATE);
    updates[0].uuid[3] = 2;
    updates[0].state = TAMIAS_TASK_STARTING;
    OK(tamias_agent_update(w.driver, updates, 1, sizeof updates[0], TAMIAS_BATCH_ATOMIC, results,
                           &err));
    CHECK(results[0].flags == TAMIAS_RESULT_REGRESSION);

    /* By name, and one that nobody knows: answered by an update. */
    kills[0].name = TAMIAS_STR("t");
    kills[0].grace_ns = 2 * SECOND;
    kills[1].name = TAMIAS_STR("nobody");
    OK(tamias_framework_kill(w.framework, kills, 2, sizeof kills[0], TAMIAS_BATCH_ATOMIC, NULL,
                             &err));
    next_event(w.driver, TAMIAS_EVENT_LAUNCH);
    CHECK(next_event(w.driver, TAMIAS_EVENT_KILL).body.kill.grace_ns == 2 * SECOND);
    OK(tamias_agent_update(w.driver, NULL, 0, 0, TAMIAS_BATCH_BEST_EFFORT, NULL, &err));
    close_world(&w);
}

/* A framework that comes back, with what a struct cannot say in JSON. */
static void failover(void)
{
    struct world w = open_world("cpus:4");
    tamias_subscription subscription = TAMIAS_SUBSCRIPTION_INIT;
    tamias_str roles[2] = {TAMIAS_STR_INIT, TAMIAS_STR_INIT};
    tamias_session *first = NULL, *second = NULL;

    roles[0] = TAMIAS_STR("a");
    roles[1] = TAMIAS_STR("b");
    subscription.name = TAMIAS_STR("scheduler");
    subscription.roles = roles;
    subscription.role_count = 2;
    subscription.suppressed_roles = roles;
    subscription.suppressed_role_count = 2;
    subscription.failover_timeout_ns = 60 * SECOND;
    subscription.json = TAMIAS_STR("{\"capabilities\":[]}");
    OK(tamias_kernel_subscribe(w.kernel, &subscription, &first, &err));
    CHECK(!tamias_framework_is_resubscribed(first));
    subscription.framework = tamias_framework_id(first);
    OK(tamias_kernel_subscribe(w.kernel, &subscription, &second, &err));
    CHECK(tamias_framework_is_resubscribed(second));
    CHECK(tamias_framework_id(first) == tamias_framework_id(second));
    CHECK(tamias_session_id(first) != tamias_session_id(second));
    CHECK(next_event(first, TAMIAS_EVENT_SUBSCRIPTION_ENDED).body.end.reason ==
          TAMIAS_END_FAILED_OVER);
    FAILS(tamias_framework_revive(first, NULL, 0, &err), TAMIAS_ERR_SUPERSEDED, "taken over");
    CHECK(tamias_framework_id(w.driver) == 0 && tamias_framework_id(NULL) == 0);
    CHECK(tamias_session_id(NULL) == 0 && !tamias_framework_is_resubscribed(NULL));
    tamias_session_free(first);
    tamias_session_free(second);
    close_world(&w);
}

/* A kernel on a journal: nobody else may open it, and it comes back as it was. */
static void journal(void)
{
    char json[256];
    const char *line = "{\"do\":\"update_weights\",\"weights\":[{\"role\":\"a\",\"weight\":2}]}";
    const char *folder = getenv("CHECK_FOLDER");
    tamias_options options = TAMIAS_OPTIONS_INIT;
    tamias_kernel *kernel, *second = NULL;
    tamias_session *operator_session = NULL;
    tamias_buffer out = TAMIAS_BUFFER_INIT;
    struct hash fresh, weighted;

    CHECK(folder != NULL);
    sprintf(json, "{\"clock\":\"manual\",\"journal\":\"%.200s/journal\"}", folder);
    kernel = open_json(json);
    options.json = tamias_str_z(json);
    FAILS(tamias_kernel_open(&options, &second, &err), TAMIAS_ERR_JOURNAL_LOCKED, "journal");
    fresh = hash_of(kernel);
    OK(tamias_kernel_operator(kernel, &operator_session, &err));
    OK(tamias_command(kernel, tamias_session_id(operator_session), line, strlen(line), &out,
                      &err));
    OK(tamias_command(kernel, 0, NULL, 0, &out, &err));
    CHECK(out.len == 0 && out.data[0] == 0);
    tamias_session_free(operator_session);
    weighted = hash_of(kernel);
    CHECK(!same(fresh, weighted));
    tamias_kernel_free(kernel);

    kernel = open_json(json);
    CHECK(!same(fresh, hash_of(kernel)));
    tamias_kernel_free(kernel);
    tamias_buffer_free(&out);
}

/* A session that falls behind is told so, and brought up to date. */
static void resync(void)
{
    struct world w = open_world("cpus:1");
    tamias_event events[512];
    size_t count, i, offers = 0, resyncs = 0;
    int agents;

    for (agents = 1; agents < 5000; ++agents) {
        register_agent(w.driver, "cpus:1");
    }
    do {
        OK(tamias_session_poll(w.framework, events, COUNT(events), sizeof events[0], &count, &err));
        for (i = 0; i < count; ++i) {
            resyncs += events[i].kind == TAMIAS_EVENT_RESYNC;
            if (events[i].kind == TAMIAS_EVENT_OFFER) {
                CHECK(str_is(events[i].body.offer.resources, "cpus:1"));
                ++offers;
            }
        }
    } while (count > 0);
    CHECK(resyncs == 1 && offers >= 5000);
    close_world(&w);
}

int main(int argc, char **argv)
{
    (void)argv;
    one_task();
    endings();
    offers_in_batches();
    batches();
    failover();
    journal();
    if (argc == 1) {
        /* With an argument everything small: valgrind is slow. */
        resync();
    }
    puts("typed: done");
    return 0;
}
