/* Waiting, time, threads, descriptors and fork. */

#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define MILLISECOND INT64_C(1000000)

static int readable(int fd, int timeout_ms)
{
    struct pollfd entry = {0, POLLIN, 0};

    entry.fd = fd;
    return poll(&entry, 1, timeout_ms) == 1;
}

static void timeouts(void)
{
    tamias_kernel *kernel = open_json("{\"options\":{\"offer_timeout_seconds\":0.03}}");
    tamias_session *framework = open_framework(kernel, "dev"), *driver;
    int64_t before = 0, after = 0, deadline = 0;
    int fd = -1, i;

    OK(tamias_kernel_now(kernel, &before, &err));
    CHECK(before > INT64_C(1700000000) * SECOND);
    FAILS(tamias_session_wait(framework, 20 * MILLISECOND, &err), TAMIAS_ERR_WAIT_TIMEOUT,
          "no event within 20000000 ns");
    OK(tamias_kernel_now(kernel, &after, &err));
    CHECK(after - before >= 20 * MILLISECOND);
    OK(tamias_session_event_fd(framework, &fd, &err));
    CHECK(!readable(fd, 0));

    driver = open_driver(kernel);
    register_agent(driver, "cpus:1");
    CHECK(readable(fd, 0));
    OK(tamias_session_wait(framework, 0, &err));
    next_event(framework, TAMIAS_EVENT_OFFER);
    CHECK(!readable(fd, 0));
    OK(tamias_kernel_next_deadline(kernel, &deadline, &err));
    CHECK(deadline > after && deadline != TAMIAS_NEVER);
    /* A wait lets time go on: the offer times out. */
    OK(tamias_session_wait(framework, 60 * SECOND, &err));
    CHECK(next_event(framework, TAMIAS_EVENT_RESCIND).body.rescind.reason ==
          TAMIAS_RESCIND_TIMEOUT);
    next_event(framework, TAMIAS_EVENT_OFFER);
    /* So does whoever drives the kernel from an event loop. */
    for (i = 0; i < 6000 && !readable(fd, 10); ++i) {
        OK(tamias_kernel_drive(kernel, &deadline, &err));
        OK(tamias_kernel_tick(kernel, NULL, &err));
    }
    next_event(framework, TAMIAS_EVENT_RESCIND);
    FAILS(tamias_kernel_advance(kernel, TAMIAS_NEVER, &err), TAMIAS_ERR_NOT_SUPPORTED,
          "follows the machine's clock");
    tamias_session_free(framework);
    tamias_session_free(driver);
    tamias_kernel_free(kernel);
}

struct waiter {
    const tamias_session *session;
    int32_t status;
};

static void *wait_for_events(void *argument)
{
    struct waiter *waiter = argument;

    waiter->status = tamias_session_wait(waiter->session, TAMIAS_NEVER, NULL);
    return NULL;
}

static void waiting_threads(void)
{
    tamias_kernel *kernel = open_json("{}");
    tamias_session *framework = open_framework(kernel, "dev"), *driver = open_driver(kernel);
    struct waiter waiter = {NULL, 99};
    pthread_t thread;

    waiter.session = framework;
    CHECK(pthread_create(&thread, NULL, wait_for_events, &waiter) == 0);
    register_agent(driver, "cpus:1");
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(waiter.status == TAMIAS_OK);
    next_event(framework, TAMIAS_EVENT_OFFER);

    CHECK(pthread_create(&thread, NULL, wait_for_events, &waiter) == 0);
    OK(tamias_session_close(framework, &err));
    CHECK(pthread_join(thread, NULL) == 0);
    /* The rescinded offer may have come first; a closed session gives no more. */
    CHECK(waiter.status == TAMIAS_ERR_HANDLE_CLOSED || waiter.status == TAMIAS_OK);
    OK(tamias_session_close(framework, &err));
    FAILS(tamias_framework_revive(framework, NULL, 0, &err), TAMIAS_ERR_UNKNOWN_SESSION, "closed");

    /* Sessions keep their kernel. */
    tamias_kernel_free(kernel);
    register_agent(driver, "cpus:1");
    tamias_session_free(framework);
    tamias_session_free(driver);
}

static void *register_agents(void *argument)
{
    tamias_agent_info info = TAMIAS_AGENT_INFO_INIT;
    uint64_t agent;
    int i;

    info.resources = TAMIAS_STR("cpus:1");
    for (i = 0; i < 50; ++i) {
        if (tamias_agent_register(argument, &info, &agent, NULL) != TAMIAS_OK) {
            return argument;
        }
    }
    return NULL;
}

static void one_kernel_many_threads(void)
{
    tamias_kernel *kernel = open_json("{\"clock\":\"manual\"}");
    tamias_session *framework = open_framework(kernel, "dev"), *driver = open_driver(kernel);
    pthread_t threads[4];
    tamias_event events[64];
    size_t i, count, offers = 0;
    void *failed;

    for (i = 0; i < COUNT(threads); ++i) {
        CHECK(pthread_create(&threads[i], NULL, register_agents, driver) == 0);
    }
    for (i = 0; i < COUNT(threads); ++i) {
        CHECK(pthread_join(threads[i], &failed) == 0);
        CHECK(failed == NULL);
    }
    do {
        OK(tamias_session_poll(framework, events, 64, sizeof events[0], &count, &err));
        offers += count;
    } while (count > 0);
    CHECK(offers == 200);
    tamias_session_free(framework);
    tamias_session_free(driver);
    tamias_kernel_free(kernel);
}

/* A forked child can only let go; the parent notices nothing. */
static void forks(void)
{
    tamias_kernel *kernel = open_json("{\"clock\":\"manual\"}");
    tamias_session *framework = open_framework(kernel, "dev");
    struct hash before = hash_of(kernel);
    uint8_t hash[TAMIAS_HASH_BYTES];
    int64_t deadline;
    int status = 0;
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        FAILS(tamias_kernel_state_hash(kernel, hash, &err), TAMIAS_ERR_FORKED, "forked");
        FAILS(tamias_kernel_next_deadline(kernel, &deadline, &err), TAMIAS_ERR_FORKED, "forked");
        FAILS(tamias_kernel_tick(kernel, NULL, &err), TAMIAS_ERR_FORKED, "forked");
        FAILS(tamias_framework_revive(framework, NULL, 0, &err), TAMIAS_ERR_FORKED, "forked");
        FAILS(tamias_kernel_advance(kernel, 5, &err), TAMIAS_ERR_FORKED, "forked");
        tamias_session_free(framework);
        tamias_kernel_free(kernel);
        kernel = open_json("{}");
        tamias_kernel_free(kernel);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(same(before, hash_of(kernel)));
    OK(tamias_framework_revive(framework, NULL, 0, &err));
    tamias_session_free(framework);
    tamias_kernel_free(kernel);
}

int main(void)
{
    timeouts();
    waiting_threads();
    one_kernel_many_threads();
    forks();
    CHECK(strcmp(tamias_version(), TAMIAS_VERSION) == 0);
    CHECK(tamias_abi_version() == TAMIAS_ABI_VERSION);
    CHECK(TAMIAS_CLASS(TAMIAS_ERR_OFFER_GONE) == TAMIAS_CLASS_FAILED_PRECONDITION);
    puts("waits: done");
    return 0;
}
