/*
 * What a call from C costs: bench_border [ROUNDS]
 *
 * Prints nanoseconds per item as median [min .. max] over the rounds. The names are those of
 * docs/benchmarks.md; core/benches/border.rs does the same without the border.
 */

#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tamias.h"

#define BATCH 256
#define ROUNDS_MAX 1000

enum phase { EMPTY, LAUNCH, UPDATE, EVENT, ACKNOWLEDGE, PHASES };

static const char *const names[PHASES] = {"empty", "launch_256", "update_256", "event_256",
                                          "acknowledge_256"};
static double figures[PHASES][ROUNDS_MAX];

static void check(int32_t status, const tamias_error *err)
{
    if (status != TAMIAS_OK) {
        fprintf(stderr, "%s: %s\n", tamias_code_name(status), err->message);
        exit(1);
    }
}

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct bench {
    tamias_kernel *kernel;
    tamias_session *driver, *framework;
    tamias_event events[BATCH + 16];
    tamias_task tasks[BATCH];
    char task_names[BATCH][16];
    uint64_t offer;
    int64_t now;
};

static size_t poll_all(tamias_session *session, struct bench *bench, tamias_error *err)
{
    size_t count;
    check(tamias_session_poll(session, bench->events, BATCH + 16, sizeof bench->events[0], &count,
                              err),
          err);
    return count;
}

static void open_bench(struct bench *bench, tamias_error *err)
{
    tamias_options options = TAMIAS_OPTIONS_INIT;
    tamias_agent_info info = TAMIAS_AGENT_INFO_INIT;
    tamias_subscription subscription = TAMIAS_SUBSCRIPTION_INIT;
    tamias_str role = TAMIAS_STR("dev");
    uint64_t agent;
    int i;

    options.json = TAMIAS_STR("{\"clock\":\"manual\"}");
    check(tamias_kernel_open(&options, &bench->kernel, err), err);
    check(tamias_kernel_agent_driver(bench->kernel, &bench->driver, err), err);
    info.resources = TAMIAS_STR("cpus:256;mem:65536");
    check(tamias_agent_register(bench->driver, &info, &agent, err), err);
    subscription.roles = &role;
    subscription.role_count = 1;
    check(tamias_kernel_subscribe(bench->kernel, &subscription, &bench->framework, err), err);
    for (i = 0; i < BATCH; ++i) {
        tamias_task task = TAMIAS_TASK_INIT;
        snprintf(bench->task_names[i], sizeof bench->task_names[i], "t%d", i);
        task.name = tamias_str_z(bench->task_names[i]);
        task.resources = TAMIAS_STR("cpus:1;mem:64");
        bench->tasks[i] = task;
    }
    bench->now = 0;
}

/* Takes events until there is an offer. */
static void await_offer(struct bench *bench, tamias_error *err)
{
    for (bench->offer = 0; bench->offer == 0;) {
        size_t i, count = poll_all(bench->framework, bench, err);
        for (i = 0; i < count; ++i) {
            if (bench->events[i].kind == TAMIAS_EVENT_OFFER) {
                bench->offer = bench->events[i].body.offer.offer;
            }
        }
        if (bench->offer == 0) {
            bench->now += INT64_C(1000000000);
            check(tamias_kernel_advance(bench->kernel, bench->now, err), err);
        }
    }
}

static void run_round(struct bench *bench, int round, tamias_error *err)
{
    static tamias_task_result results[BATCH];
    static tamias_update updates[BATCH];
    static tamias_acknowledgement acks[BATCH];
    tamias_accept accept = TAMIAS_ACCEPT_INIT;
    double start;
    int64_t ignored;
    size_t i, count;

    await_offer(bench, err);
    start = now_ns();
    for (i = 0; i < BATCH; ++i) {
        check(tamias_kernel_now(bench->kernel, &ignored, err), err);
    }
    figures[EMPTY][round] = now_ns() - start;

    accept.offers = &bench->offer;
    accept.offer_count = 1;
    accept.tasks = bench->tasks;
    accept.task_count = BATCH;
    start = now_ns();
    check(tamias_framework_accept(bench->framework, &accept, results, sizeof results[0], err), err);
    figures[LAUNCH][round] = now_ns() - start;
    while (poll_all(bench->driver, bench, err) > 0) {
    }

    for (i = 0; i < BATCH; ++i) {
        tamias_update update = TAMIAS_UPDATE_INIT;
        update.task = results[i].task;
        update.state = TAMIAS_TASK_FINISHED;
        updates[i] = update;
    }
    start = now_ns();
    check(tamias_agent_update(bench->driver, updates, BATCH, sizeof updates[0],
                              TAMIAS_BATCH_ATOMIC, NULL, err),
          err);
    figures[UPDATE][round] = now_ns() - start;

    start = now_ns();
    count = poll_all(bench->framework, bench, err);
    figures[EVENT][round] = (now_ns() - start) * BATCH / (double)count;
    for (i = 0; i < BATCH; ++i) {
        acks[i].task = bench->events[i].body.update.task;
        memcpy(acks[i].uuid, bench->events[i].body.update.uuid, sizeof acks[i].uuid);
    }
    start = now_ns();
    check(tamias_framework_acknowledge(bench->framework, acks, BATCH, sizeof acks[0],
                                       TAMIAS_BATCH_ATOMIC, NULL, err),
          err);
    figures[ACKNOWLEDGE][round] = now_ns() - start;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    tamias_error err = TAMIAS_ERROR_INIT;
    int rounds = argc > 1 ? atoi(argv[1]) : 201;
    int round, phase;

    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_border [ROUNDS], at most %d\n", ROUNDS_MAX);
        return 2;
    }
    open_bench(&bench, &err);
    for (round = 0; round < rounds; ++round) {
        run_round(&bench, round, &err);
    }
    for (phase = 0; phase < PHASES; ++phase) {
        double *figure = figures[phase];
        qsort(figure, (size_t)rounds, sizeof *figure, ascending);
        printf("border/c/%s %.1f [%.1f .. %.1f] ns\n", names[phase], figure[rounds / 2] / BATCH,
               figure[0] / BATCH, figure[rounds - 1] / BATCH);
    }
    tamias_session_free(bench.framework);
    tamias_session_free(bench.driver);
    tamias_kernel_free(bench.kernel);
    return 0;
}
