/*
 * Runs shell commands as tasks of this machine: run_processes WORK_DIR COMMAND...
 *
 * The local agent starts them under its supervisor, so they are no children of this program, whose
 * own SIGCHLD handling stays its own.
 * Build: cc run_processes.c $(pkg-config --cflags --libs tamias)
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tamias.h"

static void check(int32_t status, const tamias_error *err)
{
    if (status != TAMIAS_OK) {
        fprintf(stderr, "%s: %s\n", tamias_code_name(status), err->message);
        exit(1);
    }
}

/* Launches one command on an offer; what is left of the offer is free again. */
static void launch(const tamias_session *framework, uint64_t offer, const char *command, int number,
                   tamias_error *err)
{
    char name[16], json[4096];
    tamias_task task = TAMIAS_TASK_INIT;
    tamias_task_result result;
    tamias_accept accept = TAMIAS_ACCEPT_INIT;

    if (strpbrk(command, "\"\\\n") != NULL || strlen(command) > 4000) {
        fprintf(stderr, "this example takes no quotes, backslashes or line ends: %s\n", command);
        exit(2);
    }
    snprintf(name, sizeof name, "task-%d", number);
    snprintf(json, sizeof json, "{\"command\":{\"shell\":\"%s\"}}", command);
    task.name = tamias_str_z(name);
    task.resources = TAMIAS_STR("cpus:1");
    task.json = tamias_str_z(json);
    accept.offers = &offer;
    accept.offer_count = 1;
    accept.tasks = &task;
    accept.task_count = 1;
    check(tamias_framework_accept(framework, &accept, &result, sizeof result, err), err);
}

struct run {
    int wanted, launched, ended, failed;
    char **commands;
};

static void take_events(tamias_session *framework, struct run *run, tamias_error *err)
{
    tamias_event events[16];
    size_t count, i;

    check(tamias_session_poll(framework, events, 16, sizeof events[0], &count, err), err);
    for (i = 0; i < count; ++i) {
        if (events[i].kind == TAMIAS_EVENT_OFFER) {
            uint64_t offer = events[i].body.offer.offer;
            if (run->launched < run->wanted) {
                launch(framework, offer, run->commands[run->launched], run->launched, err);
                run->launched++;
            }
        } else if (events[i].kind == TAMIAS_EVENT_UPDATE) {
            const tamias_update_event *update = &events[i].body.update;
            printf("%.*s %s %.*s\n", (int)update->name.len, update->name.ptr,
                   tamias_task_state_name(update->state), (int)update->message.len,
                   update->message.ptr);
            if (update->state == TAMIAS_TASK_FINISHED || update->state == TAMIAS_TASK_FAILED) {
                run->ended++;
                run->failed += update->state == TAMIAS_TASK_FAILED;
            }
            check(tamias_framework_acknowledge_event(framework, &events[i], err), err);
        }
    }
}

int main(int argc, char **argv)
{
    tamias_error err = TAMIAS_ERROR_INIT;
    tamias_kernel *kernel = NULL;
    tamias_local_agent *agent = NULL;
    tamias_session *framework = NULL;
    tamias_subscription subscription = TAMIAS_SUBSCRIPTION_INIT;
    tamias_str role = TAMIAS_STR("dev");
    tamias_buffer limits = TAMIAS_BUFFER_INIT;
    struct run run = {0, 0, 0, 0, NULL};
    char json[4096];
    bool all_ended;

    if (argc < 3) {
        fprintf(stderr, "usage: run_processes WORK_DIR COMMAND...\n");
        return 2;
    }
    run.wanted = argc - 2;
    run.commands = argv + 2;
    check(tamias_kernel_open(NULL, &kernel, &err), &err);
    /* One task at a time: an offer of one cpu after the other. */
    snprintf(json, sizeof json, "{\"work_dir\":\"%s\",\"resources\":\"cpus:1\"}", argv[1]);
    check(tamias_local_agent_open(kernel, tamias_str_z(json), &agent, &err), &err);
    check(tamias_local_agent_limits(agent, &limits, &err), &err);
    printf("limits by %.*s\n", (int)limits.len, limits.data);
    tamias_buffer_free(&limits);
    subscription.roles = &role;
    subscription.role_count = 1;
    check(tamias_kernel_subscribe(kernel, &subscription, &framework, &err), &err);
    while (run.ended < run.wanted) {
        check(tamias_session_wait(framework, TAMIAS_NEVER, &err), &err);
        take_events(framework, &run, &err);
    }
    check(tamias_local_agent_close(agent, INT64_C(10000000000), &all_ended, &err), &err);
    tamias_session_free(framework);
    tamias_local_agent_free(agent);
    tamias_kernel_free(kernel);
    return run.failed == 0 && all_ended ? 0 : 1;
}
