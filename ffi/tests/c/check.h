/* What the test programs have in common: checks that name file and line, and a small world. */

#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tamias.h"

#define CHECK(condition)                                                                    \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);       \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

/* The call succeeds. */
#define OK(call)                                                                            \
    do {                                                                                    \
        int32_t ok_status = (call);                                                         \
        if (ok_status != TAMIAS_OK) {                                                       \
            fprintf(stderr, "%s:%d: %s: %s: %s\n", __FILE__, __LINE__, #call,               \
                    tamias_code_name(ok_status), err.message);                              \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

/* The call fails with that status and tells it, with a message that holds `words`. */
#define FAILS(call, status, words)                                                          \
    do {                                                                                    \
        int32_t got_status;                                                                 \
        err.code = 0;                                                                       \
        got_status = (call);                                                                \
        if (got_status != (status) || err.code != (status) ||                               \
            strstr(err.message, words) == NULL) {                                           \
            fprintf(stderr, "%s:%d: %s gave %s, told %s: \"%s\", wanted %s: \"%s\"\n",      \
                    __FILE__, __LINE__, #call, tamias_code_name(got_status),                \
                    tamias_code_name(err.code), err.message, tamias_code_name(status),      \
                    words);                                                                 \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

#define SECOND INT64_C(1000000000)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static tamias_error err = TAMIAS_ERROR_INIT;

static inline tamias_kernel *open_json(const char *json)
{
    tamias_options options = TAMIAS_OPTIONS_INIT;
    tamias_kernel *kernel = NULL;

    options.json = tamias_str_z(json);
    OK(tamias_kernel_open(&options, &kernel, &err));
    CHECK(kernel != NULL);
    return kernel;
}

static inline tamias_session *open_framework(const tamias_kernel *kernel, const char *role)
{
    tamias_subscription subscription = TAMIAS_SUBSCRIPTION_INIT;
    tamias_str roles = tamias_str_z(role);
    tamias_session *framework = NULL;

    subscription.roles = &roles;
    subscription.role_count = 1;
    OK(tamias_kernel_subscribe(kernel, &subscription, &framework, &err));
    CHECK(framework != NULL);
    return framework;
}

static inline tamias_session *open_driver(const tamias_kernel *kernel)
{
    tamias_session *driver = NULL;

    OK(tamias_kernel_agent_driver(kernel, &driver, &err));
    CHECK(driver != NULL);
    return driver;
}

static inline uint64_t register_agent(const tamias_session *driver, const char *resources)
{
    tamias_agent_info info = TAMIAS_AGENT_INFO_INIT;
    uint64_t agent = 0;

    info.resources = tamias_str_z(resources);
    OK(tamias_agent_register(driver, &info, &agent, &err));
    CHECK(agent != 0);
    return agent;
}

/* The next event, which must be of that kind; its texts live until the next call. */
static inline tamias_event next_event(tamias_session *session, uint32_t kind)
{
    tamias_event event;
    size_t count = 0;

    OK(tamias_session_poll(session, &event, 1, sizeof event, &count, &err));
    CHECK(count == 1);
    CHECK(event.kind == kind);
    return event;
}

static inline void no_event(tamias_session *session)
{
    tamias_event event;
    size_t count = 99;

    OK(tamias_session_poll(session, &event, 1, sizeof event, &count, &err));
    CHECK(count == 0);
}

static inline int str_is(tamias_str str, const char *text)
{
    return str.len == strlen(text) && (str.len == 0 || memcmp(str.ptr, text, str.len) == 0);
}

static inline tamias_task make_task(const char *name, const char *resources)
{
    tamias_task task = TAMIAS_TASK_INIT;

    task.name = tamias_str_z(name);
    task.resources = tamias_str_z(resources);
    return task;
}

struct hash {
    uint8_t bytes[TAMIAS_HASH_BYTES];
};

static inline struct hash hash_of(const tamias_kernel *kernel)
{
    struct hash hash;

    OK(tamias_kernel_state_hash(kernel, hash.bytes, &err));
    return hash;
}

static inline int same(struct hash a, struct hash b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

#endif
