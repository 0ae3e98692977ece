/*
 * First light: a kernel, a simulated agent and a framework in one program.
 *
 * The clock is manual, so every run prints the same state hash, on every machine and in every
 * language. Build: cc first_light.c $(pkg-config --cflags --libs tamias)
 */

#include <stdio.h>
#include <stdlib.h>

#include "tamias.h"

/* Ends the program if a call failed. */
static void check(int32_t status, const tamias_error *err)
{
    if (status != TAMIAS_OK) {
        fprintf(stderr, "%s: %s\n", tamias_code_name(status), err->message);
        exit(1);
    }
}

static tamias_kernel *open_kernel(tamias_error *err)
{
    tamias_options options = TAMIAS_OPTIONS_INIT;
    tamias_kernel *kernel = NULL;

    options.json = TAMIAS_STR("{\"clock\":\"manual\",\"start\":1000}");
    check(tamias_kernel_open(&options, &kernel, err), err);
    return kernel;
}

/* A driver with one agent. A real one would run processes; this one only says so. */
static tamias_session *open_agent(const tamias_kernel *kernel, tamias_error *err)
{
    tamias_agent_info info = TAMIAS_AGENT_INFO_INIT;
    tamias_session *driver = NULL;
    uint64_t agent = 0;

    check(tamias_kernel_agent_driver(kernel, &driver, err), err);
    info.name = TAMIAS_STR("m1");
    info.resources = TAMIAS_STR("cpus:4;mem:1024");
    info.attributes = TAMIAS_STR("rack:r1");
    check(tamias_agent_register(driver, &info, &agent, err), err);
    return driver;
}

static tamias_session *open_framework(const tamias_kernel *kernel, tamias_error *err)
{
    tamias_subscription subscription = TAMIAS_SUBSCRIPTION_INIT;
    tamias_str role = TAMIAS_STR("dev");
    tamias_session *framework = NULL;

    subscription.name = TAMIAS_STR("first-light");
    subscription.roles = &role;
    subscription.role_count = 1;
    check(tamias_kernel_subscribe(kernel, &subscription, &framework, err), err);
    return framework;
}

/* The scheduler: two tasks on the first offer. */
static void use_offer(const tamias_session *framework, const tamias_offer_event *offer,
                      tamias_error *err)
{
    tamias_task tasks[2] = {TAMIAS_TASK_INIT, TAMIAS_TASK_INIT};
    tamias_task_result results[2];
    tamias_accept accept = TAMIAS_ACCEPT_INIT;

    printf("offer of %.*s\n", (int)offer->resources.len, offer->resources.ptr);
    tasks[0].name = TAMIAS_STR("hello");
    tasks[0].resources = TAMIAS_STR("cpus:1;mem:128");
    tasks[0].json = TAMIAS_STR("{\"command\":{\"argv\":[\"echo\",\"hello\"]}}");
    tasks[1].name = TAMIAS_STR("world");
    tasks[1].resources = TAMIAS_STR("cpus:1;mem:128");
    tasks[1].json = TAMIAS_STR("{\"command\":{\"shell\":\"echo world\"}}");
    accept.offers = &offer->offer;
    accept.offer_count = 1;
    accept.tasks = tasks;
    accept.task_count = 2;
    accept.refuse_ns = INT64_C(60000000000);
    check(tamias_framework_accept(framework, &accept, results, sizeof results[0], err), err);
    printf("launched two tasks: %s, %s\n", tamias_task_state_name(results[0].state),
           tamias_task_state_name(results[1].state));
}

/* The agent: each task it is told to launch runs and ends at once. */
static void serve_agent(tamias_session *driver, tamias_error *err)
{
    tamias_event events[16];
    size_t count, i;

    check(tamias_session_poll(driver, events, 16, sizeof events[0], &count, err), err);
    for (i = 0; i < count; ++i) {
        if (events[i].kind == TAMIAS_EVENT_LAUNCH) {
            const tamias_launch_event *launch = &events[i].body.launch;
            printf("run %.*s\n", (int)launch->json.len, launch->json.ptr);
            check(tamias_agent_update_one(driver, launch->task, TAMIAS_TASK_RUNNING, err), err);
            check(tamias_agent_update_one(driver, launch->task, TAMIAS_TASK_FINISHED, err), err);
        }
    }
}

struct progress {
    int launched, finished;
};

/* The framework: takes events until there are none. */
static void serve_framework(tamias_session *framework, struct progress *progress,
                            tamias_error *err)
{
    tamias_event events[16];
    size_t count, i;

    do {
        check(tamias_session_poll(framework, events, 16, sizeof events[0], &count, err), err);
        for (i = 0; i < count; ++i) {
            if (events[i].kind == TAMIAS_EVENT_OFFER && !progress->launched) {
                use_offer(framework, &events[i].body.offer, err);
                progress->launched = 1;
            } else if (events[i].kind == TAMIAS_EVENT_UPDATE) {
                const tamias_update_event *update = &events[i].body.update;
                printf("%.*s is %s\n", (int)update->name.len, update->name.ptr,
                       tamias_task_state_name(update->state));
                progress->finished += update->state == TAMIAS_TASK_FINISHED;
                check(tamias_framework_acknowledge_event(framework, &events[i], err), err);
            }
        }
    } while (count > 0);
}

int main(void)
{
    tamias_error err = TAMIAS_ERROR_INIT;
    uint8_t hash[TAMIAS_HASH_BYTES];
    tamias_kernel *kernel = open_kernel(&err);
    tamias_session *driver = open_agent(kernel, &err);
    tamias_session *framework = open_framework(kernel, &err);
    struct progress progress = {0, 0};
    size_t i;

    serve_framework(framework, &progress, &err);
    serve_agent(driver, &err);
    serve_framework(framework, &progress, &err);
    check(tamias_kernel_state_hash(kernel, hash, &err), &err);
    printf("hash ");
    for (i = 0; i < sizeof hash; ++i) {
        printf("%02x", hash[i]);
    }
    printf("\n");
    tamias_session_free(framework);
    tamias_session_free(driver);
    tamias_kernel_free(kernel);
    return progress.finished == 2 ? 0 : 1;
}
