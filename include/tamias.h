/*
 * Tamias: an embedded scheduling kernel. The C interface.
 *
 * Made from the crate in ffi/ by `cargo xtask header`: do not edit.
 *
 * Conventions
 *
 * 1. Status. A function that can fail returns int32_t: TAMIAS_OK, or one of TAMIAS_ERR_..., which
 *    is -(class << 8 | detail). Its last parameter is a tamias_error for the details; NULL is
 *    allowed. There is no error state of a thread or a handle.
 * 2. Nothing happens on failure: results are written only on success, and a command that is
 *    rejected leaves the kernel as it was, state hash included. The exception is the results of a
 *    batch under TAMIAS_BATCH_BEST_EFFORT, one for each item.
 * 3. Parameters stand in the order: self, inputs, outputs, err. None is both input and output.
 *    Pointers are checked for NULL and alignment; that a pointer which is not NULL points to what
 *    its type, count or length says is your word, and so is that a handle is alive.
 * 4. Handles are opaque. _open and the like make them, _free ends them and takes NULL. Freeing a
 *    handle twice, or while another thread uses it, is undefined. A session keeps its kernel alive.
 * 5. Structs are made by their _INIT macro. They begin with their size, or they lie in arrays and
 *    the stride is their size: so a program that was built with an older header works with a newer
 *    library. Fields are only ever added, at the end. A size or stride below that of the first
 *    release is TAMIAS_ERR_BAD_STRUCT; a byte that is set in a part that the library does not know
 *    is TAMIAS_ERR_NOT_SUPPORTED. Fields named `reserved` must be zero.
 * 6. Texts are UTF-8 with a length, not NUL-terminated (tamias_str), borrowed for the call. Texts
 *    in events are valid until the next poll of their session. A tamias_buffer owns its text.
 * 7. Times are int64_t nanoseconds since 1970, durations int64_t nanoseconds. TAMIAS_NEVER is
 *    later than any time, TAMIAS_UNSET leaves the choice to the kernel.
 * 8. Ids are uint64_t; 0 is none. They are never used again. The id of another kernel is not found
 *    or means a stranger, but is never unsafe.
 * 9. Threads. Each type and function says one of: "Thread-safe." (any number of threads at a time),
 *    "Externally synchronised." (one thread at a time for the same object), "Immutable." A handle
 *    that is passed as a pointer to const may be used by several threads at once. There are no
 *    callbacks and no hidden threads. Signal handlers may call nothing of this.
 * 10. A defect of the library never leaves it as a panic or an exception: TAMIAS_ERR_DEFECT. If it
 *     happened while a command was applied, the kernel is poisoned: commands are refused from then
 *     on with TAMIAS_ERR_KERNEL_POISONED, reading still works.
 * 11. After fork() a kernel belongs to the parent. In the child its functions give
 *     TAMIAS_ERR_FORKED; freeing is allowed and changes nothing for the parent. dlclose() is not
 *     supported.
 * 12. Stability. "Stability: stable" stays as it is until TAMIAS_ABI_VERSION rises.
 *
 * docs/c-api.md has call flows and examples.
 */


#ifndef TAMIAS_H
#define TAMIAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __GNUC__
#define TAMIAS_API __attribute__((visibility("default")))
#else
#define TAMIAS_API
#endif

/* Later than any time; no timeout. */
#define TAMIAS_NEVER INT64_MAX
/* No value: the kernel's default. */
#define TAMIAS_UNSET INT64_MIN

/* Class of a status, one of TAMIAS_CLASS_... */
#define TAMIAS_CLASS(status) (-(status) >> 8)

/* A literal as a tamias_str. */
#ifdef __cplusplus
#define TAMIAS_STR(literal) (tamias_str{"" literal, sizeof(literal) - 1})
#else
#define TAMIAS_STR(literal) ((tamias_str){"" literal, sizeof(literal) - 1})
#endif

/* Initial values. */
#define TAMIAS_STR_INIT {NULL, 0}
#define TAMIAS_BYTES_INIT {NULL, 0}
#define TAMIAS_BUFFER_INIT {NULL, 0, 0}
#define TAMIAS_ERROR_INIT {sizeof(tamias_error), 0, -1, 0, {0}, {0}}
#define TAMIAS_OPTIONS_INIT {sizeof(tamias_options), TAMIAS_ABI_VERSION, TAMIAS_STR_INIT}
#define TAMIAS_SUBSCRIPTION_INIT \
    {sizeof(tamias_subscription), 0, TAMIAS_STR_INIT, NULL, 0, NULL, 0, TAMIAS_UNSET, 0, \
     TAMIAS_STR_INIT}
#define TAMIAS_TASK_INIT {TAMIAS_STR_INIT, TAMIAS_STR_INIT, TAMIAS_STR_INIT}
#define TAMIAS_ACCEPT_INIT \
    {sizeof(tamias_accept), TAMIAS_ON_INVALID_DEFAULT, NULL, 0, NULL, 0, sizeof(tamias_task), \
     TAMIAS_UNSET}
#define TAMIAS_KILL_INIT {0, TAMIAS_STR_INIT, TAMIAS_UNSET}
#define TAMIAS_UPDATE_INIT \
    {0, TAMIAS_NONE, TAMIAS_NONE, TAMIAS_NONE, TAMIAS_HEALTH_NONE, {0}, TAMIAS_STR_INIT, \
     TAMIAS_BYTES_INIT}
#define TAMIAS_AGENT_INFO_INIT \
    {sizeof(tamias_agent_info), 0, TAMIAS_STR_INIT, TAMIAS_STR_INIT, TAMIAS_STR_INIT, \
     TAMIAS_STR_INIT}

#define TAMIAS_VERSION_MAJOR 0
#define TAMIAS_VERSION_MINOR 1
#define TAMIAS_VERSION_PATCH 0
#define TAMIAS_VERSION "0.1.0"

/// The version of the binary interface: raised when, and only when, a program built with an older
/// header would break. It is the number in the library's SONAME.
#define TAMIAS_ABI_VERSION 1

/// Success.
#define TAMIAS_OK 0

/// Text that is not JSON, or JSON of another shape.
#define TAMIAS_ERR_MALFORMED -257

/// There is no such command.
#define TAMIAS_ERR_UNKNOWN_COMMAND -258

/// A resource text or list that does not parse.
#define TAMIAS_ERR_BAD_RESOURCES -259

/// A name that is empty, too long, or has characters that names may not have.
#define TAMIAS_ERR_BAD_NAME -260

/// A time or duration out of range.
#define TAMIAS_ERR_BAD_TIME -261

/// A weight out of range.
#define TAMIAS_ERR_BAD_WEIGHT -262

/// A list with a duplicate, or an empty list where one entry is needed.
#define TAMIAS_ERR_BAD_LIST -263

/// An attribute that does not parse.
#define TAMIAS_ERR_BAD_ATTRIBUTES -264

/// A task description that no agent could run.
#define TAMIAS_ERR_INVALID_TASK -265

/// More resources than the offers hold.
#define TAMIAS_ERR_EXCEEDS_OFFER -266

/// A task state that a driver cannot report.
#define TAMIAS_ERR_BAD_TASK_STATE -267

/// An acknowledgement whose uuid is not that of the update in flight.
#define TAMIAS_ERR_WRONG_UUID -268

/// Offers of several agents, or of several roles, in one accept.
#define TAMIAS_ERR_MIXED_OFFERS -269

/// A step of time beyond 24 hours that was not sent as `advance_time`.
#define TAMIAS_ERR_TIME_STEP -270

/// An option out of range.
#define TAMIAS_ERR_BAD_OPTION -271

/// A structure of the C ABI that is too short, NULL, or has a reserved field set.
#define TAMIAS_ERR_BAD_STRUCT -272

/// A script line that does not mean anything.
#define TAMIAS_ERR_BAD_SCRIPT -273

/// Offer constraints that are empty or too many, or a bad or too complex pattern.
#define TAMIAS_ERR_BAD_CONSTRAINT -274

/// An operation on resources that breaks one of its rules.
#define TAMIAS_ERR_INVALID_OPERATION -336

/// A quota that contradicts itself, or one that this role cannot have.
#define TAMIAS_ERR_BAD_QUOTA -296

/// No such agent.
#define TAMIAS_ERR_UNKNOWN_AGENT -513

/// No such framework.
#define TAMIAS_ERR_UNKNOWN_FRAMEWORK -514

/// No such task.
#define TAMIAS_ERR_UNKNOWN_TASK -515

/// No such session.
#define TAMIAS_ERR_UNKNOWN_SESSION -516

/// The framework is not subscribed to the role.
#define TAMIAS_ERR_UNKNOWN_ROLE -517

/// No such executor.
#define TAMIAS_ERR_UNKNOWN_EXECUTOR -602

/// No such pool.
#define TAMIAS_ERR_UNKNOWN_POOL -682

/// No such operation.
#define TAMIAS_ERR_UNKNOWN_OPERATION -588

/// Another live agent, framework or pool has the name, or the resource of that name.
#define TAMIAS_ERR_NAME_TAKEN -769

/// The framework has a live or unreachable task of that name.
#define TAMIAS_ERR_TASK_EXISTS -770

/// The framework has an operation of that id whose end it has not acknowledged.
#define TAMIAS_ERR_OPERATION_EXISTS -844

/// The offer was accepted, declined, rescinded or never made to this framework.
#define TAMIAS_ERR_OFFER_GONE -1025

/// The agent is disconnected, deactivated or not registered.
#define TAMIAS_ERR_AGENT_INACTIVE -1026

/// The session already has a framework.
#define TAMIAS_ERR_ALREADY_SUBSCRIBED -1027

/// The session has no framework yet.
#define TAMIAS_ERR_NOT_SUBSCRIBED -1028

/// There is no update in flight to acknowledge.
#define TAMIAS_ERR_NOTHING_TO_ACKNOWLEDGE -1029

/// The object is not in the state that the command needs.
#define TAMIAS_ERR_FAILED_PRECONDITION -1031

/// The agent is still connected through another session.
#define TAMIAS_ERR_AGENT_CONNECTED -1030

/// An operator marked the agent gone: it never comes back under this id.
#define TAMIAS_ERR_AGENT_GONE -1044

/// The machine is down for maintenance.
#define TAMIAS_ERR_MACHINE_DOWN -1045

/// A quota beyond what there is, or below what is consumed: `force` accepts it.
#define TAMIAS_ERR_QUOTA_CONFLICT -1064

/// The executor is being shut down and takes no more tasks.
#define TAMIAS_ERR_EXECUTOR_TERMINATING -1114

/// A limit was reached; the message names it.
#define TAMIAS_ERR_LIMIT_REACHED -1281

/// Another thread is applying a command.
#define TAMIAS_ERR_WOULD_BLOCK -1537

/// Another process has the journal open.
#define TAMIAS_ERR_JOURNAL_LOCKED -1538

/// The journal's buffer in memory is full until it is flushed.
#define TAMIAS_ERR_JOURNAL_FULL -1539

/// The wait timed out.
#define TAMIAS_ERR_WAIT_TIMEOUT -1793

/// The handle was closed.
#define TAMIAS_ERR_HANDLE_CLOSED -2049

/// The framework was taken over by another session.
#define TAMIAS_ERR_SUPERSEDED -2050

/// The process was forked after the kernel was opened.
#define TAMIAS_ERR_FORKED -2051

/// A defect was found earlier.
#define TAMIAS_ERR_KERNEL_POISONED -2305

/// A feature or version that this library does not have.
#define TAMIAS_ERR_NOT_SUPPORTED -2561

/// Written by a newer version.
#define TAMIAS_ERR_NEWER_VERSION -2562

/// A defect of the kernel (caught panic).
#define TAMIAS_ERR_DEFECT -2817

/// The session's kind may not send the command.
#define TAMIAS_ERR_WRONG_SESSION -3073

/// The object belongs to another session's framework or agent.
#define TAMIAS_ERR_NOT_YOURS -3074

/// The policy forbids it to the session's principal.
#define TAMIAS_ERR_UNAUTHORIZED -3075

/// The operating system refused; the message carries its words.
#define TAMIAS_ERR_SYSTEM -3329

/// An earlier flush failed: what is on the disk is uncertain, the journal takes nothing more.
#define TAMIAS_ERR_JOURNAL_FAILED -3330

/// A damaged journal or snapshot; the message names the offset.
#define TAMIAS_ERR_CORRUPT -3585

/// The argument is wrong whatever the state is.
#define TAMIAS_CLASS_INVALID_ARGUMENT 1

/// The named object does not exist (any more).
#define TAMIAS_CLASS_NOT_FOUND 2

/// The name is taken.
#define TAMIAS_CLASS_ALREADY_EXISTS 3

/// The state does not allow it now, for example the offer is gone.
#define TAMIAS_CLASS_FAILED_PRECONDITION 4

/// A limit of `limits.rs` or of the options is reached.
#define TAMIAS_CLASS_RESOURCE_EXHAUSTED 5

/// Somebody else is at work; try again.
#define TAMIAS_CLASS_BUSY 6

/// The wait ended without the thing waited for.
#define TAMIAS_CLASS_TIMEOUT 7

/// The handle is closed.
#define TAMIAS_CLASS_CLOSED 8

/// A defect was found earlier; the kernel accepts no more commands.
#define TAMIAS_CLASS_POISONED 9

/// Not supported by this version.
#define TAMIAS_CLASS_UNSUPPORTED 10

/// A defect of the kernel.
#define TAMIAS_CLASS_INTERNAL 11

/// The session may not do this.
#define TAMIAS_CLASS_PERMISSION_DENIED 12

/// The operating system refused.
#define TAMIAS_CLASS_IO 13

/// A journal or snapshot is damaged.
#define TAMIAS_CLASS_DATA_LOSS 14

/// No state, reason or source is given.
#define TAMIAS_NONE 65535

/// An agent has the task but it does not run yet; optional.
#define TAMIAS_TASK_STARTING 0

/// It runs.
#define TAMIAS_TASK_RUNNING 1

/// It ended well.
#define TAMIAS_TASK_FINISHED 2

/// It ended badly.
#define TAMIAS_TASK_FAILED 3

/// It ended because it was to.
#define TAMIAS_TASK_KILLED 4

/// It is lost; what a framework without `PARTITION_AWARE` sees instead of several states.
#define TAMIAS_TASK_LOST 5

/// Launched, not yet seen by an agent.
#define TAMIAS_TASK_STAGING 6

/// Its description was invalid.
#define TAMIAS_TASK_ERROR 7

/// It is being killed.
#define TAMIAS_TASK_KILLING 8

/// It was never launched.
#define TAMIAS_TASK_DROPPED 9

/// Its agent cannot be reached; it may come back as anything.
#define TAMIAS_TASK_UNREACHABLE 10

/// It was running and is certainly gone.
#define TAMIAS_TASK_GONE 11

/// An operator declared its agent gone.
#define TAMIAS_TASK_GONE_BY_OPERATOR 12

/// The kernel has no information; only ever an answer, never stored.
#define TAMIAS_TASK_UNKNOWN 13

/// The command could not be run or ended abnormally.
#define TAMIAS_REASON_COMMAND_EXECUTOR_FAILED 0

/// What ran the task ended.
#define TAMIAS_REASON_EXECUTOR_TERMINATED 1

/// What ran the task went away by itself; no longer used by Mesos.
#define TAMIAS_REASON_EXECUTOR_UNREGISTERED 2

/// Its framework was removed.
#define TAMIAS_REASON_FRAMEWORK_REMOVED 3

/// Its directory could not be kept from garbage collection.
#define TAMIAS_REASON_GC_ERROR 4

/// It named a framework that is not its own.
#define TAMIAS_REASON_INVALID_FRAMEWORKID 5

/// An offer was gone, foreign, or did not fit the others.
#define TAMIAS_REASON_INVALID_OFFERS 6

/// The kernel could not be reached; only ever said by a driver.
#define TAMIAS_REASON_MASTER_DISCONNECTED 7

/// It used more memory than it may.
#define TAMIAS_REASON_CONTAINER_LIMITATION_MEMORY 8

/// The answer to a reconciliation.
#define TAMIAS_REASON_RECONCILIATION 9

/// Its agent disconnected.
#define TAMIAS_REASON_AGENT_DISCONNECTED 10

/// Its agent was removed or became unreachable.
#define TAMIAS_REASON_AGENT_REMOVED 11

/// Its agent restarted and does not have it any more.
#define TAMIAS_REASON_AGENT_RESTARTED 12

/// Its agent is not known.
#define TAMIAS_REASON_AGENT_UNKNOWN 13

/// The description was invalid.
#define TAMIAS_REASON_TASK_INVALID 14

/// The framework may not launch it.
#define TAMIAS_REASON_TASK_UNAUTHORIZED 15

/// The task is not known.
#define TAMIAS_REASON_TASK_UNKNOWN 16

/// Its resources were needed by others: the agent took revocable ones back.
#define TAMIAS_REASON_CONTAINER_PREEMPTED 17

/// It needs a reservation or a volume that the agent does not have.
#define TAMIAS_REASON_RESOURCES_UNKNOWN 18

/// It was over a limit.
#define TAMIAS_REASON_CONTAINER_LIMITATION 19

/// It used more disk than it may.
#define TAMIAS_REASON_CONTAINER_LIMITATION_DISK 20

/// It could not be started.
#define TAMIAS_REASON_CONTAINER_LAUNCH_FAILED 21

/// The resources of what runs it could not be changed.
#define TAMIAS_REASON_CONTAINER_UPDATE_FAILED 22

/// What was to run it did not register in time.
#define TAMIAS_REASON_EXECUTOR_REGISTRATION_TIMEOUT 23

/// What ran it did not come back in time after a restart of the agent.
#define TAMIAS_REASON_EXECUTOR_REREGISTRATION_TIMEOUT 24

/// Its group, or one of the group, was invalid.
#define TAMIAS_REASON_TASK_GROUP_INVALID 25

/// The framework may not launch its group.
#define TAMIAS_REASON_TASK_GROUP_UNAUTHORIZED 26

/// What carried its input and output ended.
#define TAMIAS_REASON_IO_SWITCHBOARD_EXITED 27

/// The result of its check changed.
#define TAMIAS_REASON_TASK_CHECK_STATUS_UPDATED 28

/// Its health changed.
#define TAMIAS_REASON_TASK_HEALTH_CHECK_STATUS_UPDATED 29

/// It was killed before it started.
#define TAMIAS_REASON_TASK_KILLED_DURING_LAUNCH 30

/// An operator declared its agent gone.
#define TAMIAS_REASON_AGENT_REMOVED_BY_OPERATOR 31

/// Its agent came back and has it.
#define TAMIAS_REASON_AGENT_REREGISTERED 32

/// It ran longer than its `max_completion_seconds`.
#define TAMIAS_REASON_MAX_COMPLETION_TIME_REACHED 33

/// Its agent is being drained.
#define TAMIAS_REASON_AGENT_DRAINING 34

/// The kernel (the Mesos master).
#define TAMIAS_SOURCE_MASTER 0

/// The agent driver.
#define TAMIAS_SOURCE_AGENT 1

/// What runs the task.
#define TAMIAS_SOURCE_EXECUTOR 2

/// Bytes of a state hash.
#define TAMIAS_HASH_BYTES 32

/// An event that this header has no record for; see `body.other`.
#define TAMIAS_EVENT_OTHER 0

/// To a framework: resources of one agent, held for it until it answers; see `body.offer`.
#define TAMIAS_EVENT_OFFER 1

/// To a framework: an offer ended without its doing; see `body.rescind`.
#define TAMIAS_EVENT_RESCIND 2

/// To a framework: the state of a task; see `body.update`.
#define TAMIAS_EVENT_UPDATE 3

/// To a framework: an agent is removed or unreachable; see `body.agent`. Its tasks get updates of
/// their own.
#define TAMIAS_EVENT_AGENT_LOST 4

/// To a framework: its subscription has ended; see `body.end`.
#define TAMIAS_EVENT_SUBSCRIPTION_ENDED 5

/// To an agent driver: start a task; see `body.launch`.
#define TAMIAS_EVENT_LAUNCH 6

/// To an agent driver: end a task; see `body.kill`.
#define TAMIAS_EVENT_KILL 7

/// To an agent driver: the framework has seen an update; see `body.acknowledged`.
#define TAMIAS_EVENT_ACKNOWLEDGED 8

/// To an agent driver: end the agent's tasks and forget it; see `body.agent`.
#define TAMIAS_EVENT_AGENT_REMOVED 9

/// The session fell behind; what follows was read from the state again. Offers and updates that
/// were seen before are repeated.
#define TAMIAS_EVENT_RESYNC 10

/// The offer was not answered in time.
#define TAMIAS_RESCIND_TIMEOUT 1

/// The agent is disconnected, deactivated, unreachable or removed.
#define TAMIAS_RESCIND_AGENT_INACTIVE 2

/// The framework is no longer subscribed to the role.
#define TAMIAS_RESCIND_ROLE_REMOVED 3

/// Weights changed.
#define TAMIAS_RESCIND_WEIGHTS_UPDATED 4

/// When the agent's machine is not to be relied on changed.
#define TAMIAS_RESCIND_UNAVAILABILITY 60

/// An operator's operation needed the resources, or a volume in it was destroyed.
#define TAMIAS_RESCIND_OPERATION 80

/// The quota of a role changed.
#define TAMIAS_RESCIND_QUOTA_UPDATED 5

/// What the agent has changed: something in it that is revocable, reserved, or of a provider.
#define TAMIAS_RESCIND_RESOURCES_CHANGED 200

/// Another session took the framework over.
#define TAMIAS_END_FAILED_OVER 1

/// The framework was torn down.
#define TAMIAS_END_TORN_DOWN 2

/// The task's health is not checked.
#define TAMIAS_HEALTH_NONE 0

/// The task is healthy.
#define TAMIAS_HEALTH_GOOD 1

/// The task is not healthy.
#define TAMIAS_HEALTH_BAD 2

/// All or nothing: if one item is rejected, nothing is done and the function returns its status.
/// Each item is tried on a copy of the state first, which costs about as much as doing it.
#define TAMIAS_BATCH_ATOMIC 1

/// Each item by itself: the function returns TAMIAS_OK, and the status of each item is in its
/// result, for which there must be room.
#define TAMIAS_BATCH_BEST_EFFORT 2

/// The update was reported before: nothing changed.
#define TAMIAS_RESULT_DUPLICATE 1

/// The update goes backwards, such as from running to starting: taken, but suspicious.
#define TAMIAS_RESULT_REGRESSION 2

/// As the kernel's options say.
#define TAMIAS_ON_INVALID_DEFAULT 0

/// One stale offer or one invalid task rejects the whole call; the offers stay with the framework.
#define TAMIAS_ON_INVALID_REJECT 1

/// As Mesos does: void offers drop the tasks, an invalid task is an error, the rest goes on; the
/// outcomes tell.
#define TAMIAS_ON_INVALID_REPORT 2

/// A scheduling kernel. Closed by tamias_kernel_free(); its sessions may outlive the handle, they
/// keep the kernel alive.
///
/// Thread-safe.
typedef struct tamias_kernel tamias_kernel;

/// An agent that runs tasks as processes of this machine, under a small supervisor executable. It
/// has no thread: whoever waits on a session of the kernel, or calls tamias_kernel_drive(), serves
/// it. Processes of tasks are no children of this process.
///
/// Thread-safe.
typedef struct tamias_local_agent tamias_local_agent;

/// An open session. It speaks in one capacity: functions named tamias_framework_... need one of
/// tamias_kernel_subscribe(), those named tamias_agent_... one of tamias_kernel_agent_driver(); any
/// other is answered with TAMIAS_ERR_WRONG_SESSION. It keeps its kernel alive.
///
/// Thread-safe. Only tamias_session_poll() and tamias_session_free(), which take a pointer that is
/// not const, are for one thread at a time.
typedef struct tamias_session tamias_session;

/// Memory of the library for texts that it returns. Begin with TAMIAS_BUFFER_INIT, use it for as
/// many calls as you like (each replaces the text), end with tamias_buffer_free(). The text is
/// UTF-8 and NUL-terminated; `len` does not count the NUL.
///
/// Externally synchronised.
typedef struct tamias_buffer {
    /// The text; NULL before the first.
    char *data;
    /// How many bytes.
    size_t len;
    /// How many bytes there is memory for; the library's, do not change it.
    size_t capacity;
} tamias_buffer;

/// A text: UTF-8, not NUL-terminated. Borrowed for the call if it goes in; what comes out says how
/// long it lives. `{NULL, 0}` is no text. Made by TAMIAS_STR("literal") and tamias_str_z(pointer).
///
/// Immutable.
typedef struct tamias_str {
    /// The first byte.
    const char *ptr;
    /// How many bytes.
    size_t len;
} tamias_str;

/// How to open a kernel. Begin with TAMIAS_OPTIONS_INIT.
///
/// Externally synchronised.
typedef struct tamias_options {
    /// sizeof(tamias_options), set by TAMIAS_OPTIONS_INIT.
    uint32_t size;
    /// TAMIAS_ABI_VERSION of the header, set by TAMIAS_OPTIONS_INIT.
    uint32_t abi_version;
    /// A JSON object, or no text for a kernel in memory with default options that follows the
    /// machine's clock. For example
    /// `{"options":{"preset":"mesos","offer_timeout_seconds":30},"clock":"manual","start":0}`;
    /// docs/conformance.md has all keys.
    struct tamias_str json;
} tamias_options;

/// What went wrong: filled by every function that fails, if one is given. Begin with
/// TAMIAS_ERROR_INIT; NULL is allowed wherever a function takes one. A function that succeeds
/// leaves it alone.
///
/// Externally synchronised.
typedef struct tamias_error {
    /// sizeof(tamias_error), set by TAMIAS_ERROR_INIT.
    uint32_t size;
    /// The status that the function returned, one of TAMIAS_ERR_...
    int32_t code;
    /// Which entry of the list was wrong, counted from 0; -1 if none is meant.
    int64_t index;
    /// The id of the object that was meant, 0 if none.
    uint64_t id;
    /// The path of the field, such as `tasks[2].name`; empty if the whole call is meant. UTF-8,
    /// NUL-terminated.
    char field[128];
    /// One line that says where, what was wrong and what would be right. UTF-8, NUL-terminated.
    char message[1024];
} tamias_error;

/// A framework's subscription. Begin with TAMIAS_SUBSCRIPTION_INIT.
///
/// Externally synchronised.
typedef struct tamias_subscription {
    /// sizeof(tamias_subscription), set by TAMIAS_SUBSCRIPTION_INIT.
    uint32_t size;
    /// Must be zero.
    uint32_t reserved;
    /// A name unique among frameworks, by which it is found again after a restart; may be no text.
    struct tamias_str name;
    /// In which roles it takes part; none means that it gets no offers.
    const struct tamias_str *roles;
    /// How many roles.
    size_t role_count;
    /// In which of them it wants no offers for now.
    const struct tamias_str *suppressed_roles;
    /// How many of these.
    size_t suppressed_role_count;
    /// Time to come back after a disconnection before it is removed; TAMIAS_UNSET for the kernel's
    /// option.
    int64_t failover_timeout_ns;
    /// The id of a framework to take over, 0 for a new one or one of that name.
    uint64_t framework;
    /// Further fields of `subscribe` as a JSON object, such as
    /// `{"capabilities":["PARTITION_AWARE"]}`; may be no text.
    struct tamias_str json;
} tamias_subscription;

/// Resources of one agent, held for the framework in one role.
///
/// Immutable.
typedef struct tamias_offer_event {
    /// Its id, for accept and decline.
    uint64_t offer;
    /// Whose resources.
    uint64_t agent;
    /// When it is rescinded if it is not answered; TAMIAS_NEVER.
    int64_t expires_ns;
    /// In which of its roles the framework is offered them.
    struct tamias_str role;
    /// What is offered, such as `cpus:4;mem:1024`.
    struct tamias_str resources;
    /// The agent's name; may be no text.
    struct tamias_str agent_name;
    /// The agent's attributes, such as `rack:r1;os:linux`; may be no text.
    struct tamias_str attributes;
} tamias_offer_event;

/// An offer that ended.
///
/// Immutable.
typedef struct tamias_rescind_event {
    /// Which.
    uint64_t offer;
    /// One of TAMIAS_RESCIND_..., 0 for another reason.
    uint32_t reason;
    /// Zero.
    uint32_t reserved;
} tamias_rescind_event;

/// Opaque bytes. Borrowed for the call if they go in; what comes out says how long it lives.
/// `{NULL, 0}` is none.
///
/// Immutable.
typedef struct tamias_bytes {
    /// The first byte.
    const uint8_t *ptr;
    /// How many bytes.
    size_t len;
} tamias_bytes;

/// The state of a task.
///
/// Immutable.
typedef struct tamias_update_event {
    /// The task's handle; 0 if the kernel does not know it.
    uint64_t task;
    /// Where it is or was; 0 if that is not known.
    uint64_t agent;
    /// To be acknowledged with this, if `must_acknowledge`.
    uint8_t uuid[16];
    /// When it was said.
    int64_t time_ns;
    /// Since when the agent cannot be reached; TAMIAS_UNSET.
    int64_t unreachable_since_ns;
    /// One of TAMIAS_TASK_...
    uint16_t state;
    /// One of TAMIAS_REASON_..., TAMIAS_NONE.
    uint16_t reason;
    /// One of TAMIAS_SOURCE_...
    uint8_t source;
    /// One of TAMIAS_HEALTH_...
    uint8_t health;
    /// 1 if the update must be acknowledged, so that the next one of the task is delivered.
    uint8_t must_acknowledge;
    /// Zero.
    uint8_t reserved;
    /// The framework's name for the task.
    struct tamias_str name;
    /// For people; may be no text.
    struct tamias_str message;
    /// The driver's data; may be none.
    struct tamias_bytes data;
} tamias_update_event;

/// An agent.
///
/// Immutable.
typedef struct tamias_agent_event {
    /// Which.
    uint64_t agent;
} tamias_agent_event;

/// The end of a subscription.
///
/// Immutable.
typedef struct tamias_end_event {
    /// One of TAMIAS_END_..., 0 for another reason.
    uint32_t reason;
    /// Zero.
    uint32_t reserved;
} tamias_end_event;

/// A task to be started.
///
/// Immutable.
typedef struct tamias_launch_event {
    /// On which agent.
    uint64_t agent;
    /// Its handle, for updates.
    uint64_t task;
    /// Whose it is.
    uint64_t framework;
    /// In which role.
    struct tamias_str role;
    /// The framework's name for it.
    struct tamias_str name;
    /// What it may use, such as `cpus:1;mem:64`.
    struct tamias_str resources;
    /// The whole task as JSON: command, labels, ext...
    struct tamias_str json;
} tamias_launch_event;

/// A task to be ended.
///
/// Immutable.
typedef struct tamias_kill_event {
    /// On which agent.
    uint64_t agent;
    /// Which task.
    uint64_t task;
    /// Time between asking and ending it.
    int64_t grace_ns;
} tamias_kill_event;

/// An update that the framework has acknowledged: a driver that keeps updates may drop it.
///
/// Immutable.
typedef struct tamias_acknowledged_event {
    /// On which agent.
    uint64_t agent;
    /// Of which task.
    uint64_t task;
    /// Which update.
    uint8_t uuid[16];
} tamias_acknowledged_event;

/// An event of a newer library.
///
/// Immutable.
typedef struct tamias_other_event {
    /// The event as JSON.
    struct tamias_str json;
} tamias_other_event;

/// What happened; `kind` of the event says which member it is.
///
/// Immutable.
typedef union tamias_event_body {
    /// TAMIAS_EVENT_OFFER.
    struct tamias_offer_event offer;
    /// TAMIAS_EVENT_RESCIND.
    struct tamias_rescind_event rescind;
    /// TAMIAS_EVENT_UPDATE.
    struct tamias_update_event update;
    /// TAMIAS_EVENT_AGENT_LOST, TAMIAS_EVENT_AGENT_REMOVED.
    struct tamias_agent_event agent;
    /// TAMIAS_EVENT_SUBSCRIPTION_ENDED.
    struct tamias_end_event end;
    /// TAMIAS_EVENT_LAUNCH.
    struct tamias_launch_event launch;
    /// TAMIAS_EVENT_KILL.
    struct tamias_kill_event kill;
    /// TAMIAS_EVENT_ACKNOWLEDGED.
    struct tamias_acknowledged_event acknowledged;
    /// TAMIAS_EVENT_OTHER.
    struct tamias_other_event other;
    /// Room for what later versions add.
    uint8_t bytes[112];
} tamias_event_body;

/// What a session is told. 128 bytes in every version.
///
/// Texts and bytes in it are valid until the next tamias_session_poll() on the session, or until it
/// is freed. An event is identified by (`seq`, `ordinal`).
///
/// Immutable.
typedef struct tamias_event {
    /// The sequence number of the command that caused it.
    uint64_t seq;
    /// The place among the events of that command, over all sessions.
    uint32_t ordinal;
    /// One of TAMIAS_EVENT_...
    uint32_t kind;
    /// What happened.
    union tamias_event_body body;
} tamias_event;

/// A task to launch. Begin with TAMIAS_TASK_INIT.
///
/// Externally synchronised.
typedef struct tamias_task {
    /// Unique among the framework's live and unreachable tasks.
    struct tamias_str name;
    /// What it takes of the offers, such as `cpus:1;mem:64`; not empty.
    struct tamias_str resources;
    /// Further fields of the task as a JSON object, such as
    /// `{"command":{"argv":["/bin/true"]},"kill_grace_seconds":5}`; may be no text.
    struct tamias_str json;
} tamias_task;

/// What to do with offers, all of one agent and one role. Begin with TAMIAS_ACCEPT_INIT.
///
/// Externally synchronised.
typedef struct tamias_accept {
    /// sizeof(tamias_accept), set by TAMIAS_ACCEPT_INIT.
    uint32_t size;
    /// One of TAMIAS_ON_INVALID_...
    uint32_t on_invalid;
    /// At least one, none twice.
    const uint64_t *offers;
    /// How many offers.
    size_t offer_count;
    /// Tasks to launch, in order; none makes it a decline.
    const struct tamias_task *tasks;
    /// How many tasks.
    size_t task_count;
    /// sizeof(tamias_task), set by TAMIAS_ACCEPT_INIT.
    size_t task_stride;
    /// How long what is left is not offered again; TAMIAS_UNSET for the kernel's option.
    int64_t refuse_ns;
} tamias_accept;

/// What became of one task of an accept.
///
/// Immutable.
typedef struct tamias_task_result {
    /// Its handle; 0 if it was not launched.
    uint64_t task;
    /// TAMIAS_TASK_STAGING if it was launched, else the terminal state that was reported for it.
    uint32_t state;
    /// Why it was not launched, one of TAMIAS_REASON_..., else TAMIAS_NONE. The update that reports
    /// it has the message.
    uint32_t reason;
} tamias_task_result;

/// What became of one item of a batch. It never grows. Of a batch under TAMIAS_BATCH_ATOMIC that
/// was rejected, the results stay as they were.
///
/// Externally synchronised.
typedef struct tamias_result {
    /// TAMIAS_OK or one of TAMIAS_ERR_...
    int32_t status;
    /// TAMIAS_RESULT_... flags.
    uint32_t flags;
} tamias_result;

/// An update that the framework has dealt with.
///
/// Externally synchronised.
typedef struct tamias_acknowledgement {
    /// Which task.
    uint64_t task;
    /// The uuid of the update.
    uint8_t uuid[16];
} tamias_acknowledgement;

/// A task to be killed. Begin with TAMIAS_KILL_INIT.
///
/// Externally synchronised.
typedef struct tamias_kill {
    /// Which, by handle; 0 to use its name.
    uint64_t task;
    /// Which, by the framework's name for it; no text to use its handle.
    struct tamias_str name;
    /// Time between asking it to end and ending it; TAMIAS_UNSET for the task's own.
    int64_t grace_ns;
} tamias_kill;

/// The state of a task as its agent reports it. Begin with TAMIAS_UPDATE_INIT.
///
/// Externally synchronised.
typedef struct tamias_update {
    /// Which task, on one of the session's agents.
    uint64_t task;
    /// One of TAMIAS_TASK_..., but not _STAGING, _UNREACHABLE, _UNKNOWN.
    uint32_t state;
    /// One of TAMIAS_REASON_..., or TAMIAS_NONE.
    uint32_t reason;
    /// One of TAMIAS_SOURCE_..., or TAMIAS_NONE for the executor.
    uint32_t source;
    /// One of TAMIAS_HEALTH_...
    uint32_t health;
    /// Identity of this update, so that a repeated one is recognised; all zero to let the kernel
    /// assign one.
    uint8_t uuid[16];
    /// For people; may be no text.
    struct tamias_str message;
    /// For the framework; may be none.
    struct tamias_bytes data;
} tamias_update;

/// What an agent is. Begin with TAMIAS_AGENT_INFO_INIT.
///
/// Externally synchronised.
typedef struct tamias_agent_info {
    /// sizeof(tamias_agent_info), set by TAMIAS_AGENT_INFO_INIT.
    uint32_t size;
    /// Must be zero.
    uint32_t reserved;
    /// A name unique among agents, by which it is found again after a restart; may be no text.
    struct tamias_str name;
    /// What it has, such as `cpus:4;mem:8192;ports:[31000-32000];disks:{a,b}`.
    struct tamias_str resources;
    /// What frameworks may look at, such as `rack:r1;os:linux`; may be no text.
    struct tamias_str attributes;
    /// Further fields of `register_agent` as a JSON object; may be no text.
    struct tamias_str json;
} tamias_agent_info;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// The version of the library, for example "0.1.0"; compare with `TAMIAS_VERSION`, the version of
/// the header. A static text.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API const char *tamias_version(void);

/// The ABI version of the library; compare with `TAMIAS_ABI_VERSION`, that of the header.
/// tamias_kernel_open() does it too and says what to do.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API uint32_t tamias_abi_version(void);

/// The name of a status, such as "OfferGone" for TAMIAS_ERR_OFFER_GONE; "Ok" for TAMIAS_OK and
/// "Unknown" for a number that this library does not have. A static text.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API const char *tamias_code_name(int32_t code);

/// The name of a task state, such as "TASK_RUNNING"; "UNKNOWN_NUMBER" for a number that this
/// library does not have. A static text.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API const char *tamias_task_state_name(uint32_t state);

/// The name of a reason, such as "REASON_RECONCILIATION"; otherwise as tamias_task_state_name().
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API const char *tamias_reason_name(uint32_t reason);

/// The name of a source, such as "SOURCE_EXECUTOR"; otherwise as tamias_task_state_name().
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API const char *tamias_source_name(uint32_t source);

/// Frees the memory of a buffer and makes it empty, ready for use again. NULL is allowed.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API void tamias_buffer_free(struct tamias_buffer *buffer);

/// Opens a kernel. Free it with tamias_kernel_free().
///
/// `options` may be NULL for the defaults.
///
/// Errors: TAMIAS_ERR_NOT_SUPPORTED if the header and the library do not fit together;
/// TAMIAS_ERR_MALFORMED, TAMIAS_ERR_BAD_OPTION with the key in `field`.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_open(const struct tamias_options *options,
                           struct tamias_kernel **out,
                           struct tamias_error *err);

/// Gives the handle back. The kernel ends with its last session. NULL is allowed; the same handle
/// twice is not. Do not free a handle that another thread is using.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API void tamias_kernel_free(struct tamias_kernel *kernel);

/// The generic verb: sends one JSON line of `len` bytes and returns the outcome and the events that
/// it caused, one JSON line each, without a newline at the end.
///
/// With a session, as from tamias_session_id(), the line is a plain command such as
/// `{"do":"revive","roles":["batch"]}`. With session 0 it may also be a line of a script:
/// docs/conformance.md has all commands and keys. A blank line and one that begins with `#` give an
/// empty text.
///
/// Errors: those of the command, and TAMIAS_ERR_UNKNOWN_COMMAND, TAMIAS_ERR_MALFORMED. If an
/// expectation of a script line was not met, TAMIAS_ERR_BAD_SCRIPT; the command was applied then.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_command(const struct tamias_kernel *kernel,
                       uint64_t session,
                       const char *line,
                       size_t len,
                       struct tamias_buffer *out,
                       struct tamias_error *err);

/// The time of the kernel's clock, in nanoseconds since 1970.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_now(const struct tamias_kernel *kernel,
                          int64_t *now_ns,
                          struct tamias_error *err);

/// When the next timer is due: call tamias_kernel_drive() then, unless somebody waits on a session.
/// TAMIAS_NEVER if none is set; in the past if there is work already.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_next_deadline(const struct tamias_kernel *kernel,
                                    int64_t *deadline_ns,
                                    struct tamias_error *err);

/// Lets time go on: fires the timers that are due and does the work that waits. For programs with
/// an event loop of their own; a wait on a session does it by itself.
///
/// `deadline_ns` may be NULL; it is given what tamias_kernel_next_deadline() would give.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_tick(const struct tamias_kernel *kernel,
                           int64_t *deadline_ns,
                           struct tamias_error *err);

/// Serves agents that live in this process, then does what tamias_kernel_tick() does. Never sleeps.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_drive(const struct tamias_kernel *kernel,
                            int64_t *deadline_ns,
                            struct tamias_error *err);

/// Moves a manual clock forward and lets the timers on the way fire one after the other.
///
/// Errors: TAMIAS_ERR_NOT_SUPPORTED on a kernel that follows the machine's clock;
/// TAMIAS_ERR_BAD_TIME for a time that is past already.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_advance(const struct tamias_kernel *kernel,
                              int64_t to_ns,
                              struct tamias_error *err);

/// Writes how much there is, who has it and what was done so far, all of one moment, as OpenMetrics
/// text (`application/openmetrics-text; version=1.0.0; charset=utf-8`) into `out`, which is emptied
/// first. Counters begin when the kernel is opened.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_metrics(const struct tamias_kernel *kernel,
                              struct tamias_buffer *out,
                              struct tamias_error *err);

/// Writes TAMIAS_HASH_BYTES bytes, BLAKE3 of the canonical state: equal for all kernels that
/// accepted the same commands, on any machine and in any language. It takes time proportional to
/// the state.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_state_hash(const struct tamias_kernel *kernel,
                                 uint8_t *hash,
                                 struct tamias_error *err);

/// Opens a framework session and subscribes. Free it with tamias_session_free().
///
/// Errors: TAMIAS_ERR_BAD_NAME, TAMIAS_ERR_BAD_LIST, TAMIAS_ERR_NAME_TAKEN,
/// TAMIAS_ERR_UNKNOWN_FRAMEWORK, TAMIAS_ERR_BAD_STRUCT; no session is left behind.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_subscribe(const struct tamias_kernel *kernel,
                                const struct tamias_subscription *subscription,
                                struct tamias_session **out,
                                struct tamias_error *err);

/// Opens a session for an agent driver, which registers one or many agents and runs their tasks.
/// Free it with tamias_session_free(): its agents are disconnected then.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_agent_driver(const struct tamias_kernel *kernel,
                                   struct tamias_session **out,
                                   struct tamias_error *err);

/// Opens an operator session, for weights, agents in and out of service, and teardown; send these
/// commands with tamias_command() and its id. Free it with tamias_session_free().
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_kernel_operator(const struct tamias_kernel *kernel,
                               struct tamias_session **out,
                               struct tamias_error *err);

/// Closes the session and gives the handle back, with everything that its last poll gave out. A
/// framework may come back within its failover timeout. NULL is allowed; the same handle twice is
/// not. If another thread may be waiting on it, call tamias_session_close() first and let that
/// thread return.
///
/// Externally synchronised. Since: 0.1. Stability: stable.
TAMIAS_API void tamias_session_free(struct tamias_session *session);

/// Closes the session but keeps the handle: waits on it end with TAMIAS_ERR_HANDLE_CLOSED. Again is
/// no matter.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_session_close(const struct tamias_session *session,
                             struct tamias_error *err);

/// The session's id, for tamias_command(); 0 for NULL.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API uint64_t tamias_session_id(const struct tamias_session *session);

/// The id of the session's framework; 0 for NULL and for a session of another kind.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API uint64_t tamias_framework_id(const struct tamias_session *framework);

/// Whether the subscription took over a framework that was known before.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API bool tamias_framework_is_resubscribed(const struct tamias_session *framework);

/// Waits until there are events, and lets time go on meanwhile: timers fire, agents in this process
/// are served. `timeout_ns` may be TAMIAS_NEVER.
///
/// Several threads may wait. A signal does not end the wait: wait in slices, or watch
/// tamias_session_event_fd() instead.
///
/// Errors: TAMIAS_ERR_WAIT_TIMEOUT if there are none in time; TAMIAS_ERR_HANDLE_CLOSED.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_session_wait(const struct tamias_session *session,
                            int64_t timeout_ns,
                            struct tamias_error *err);

/// A file descriptor that is readable while there are events, for event loops: poll when it is, and
/// call tamias_kernel_drive() at the deadlines that it gives. It belongs to the session: do not
/// read from it and do not close it.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_session_event_fd(const struct tamias_session *session,
                                int *fd,
                                struct tamias_error *err);

/// Takes up to `capacity` events without waiting; each goes to one caller only. `stride` is
/// sizeof(tamias_event). `count` is given how many there were, 0 if none.
///
/// What the poll before gave out is freed: copy what you need longer.
///
/// Externally synchronised. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_session_poll(struct tamias_session *session,
                            struct tamias_event *events,
                            size_t capacity,
                            size_t stride,
                            size_t *count,
                            struct tamias_error *err);

/// Uses offers: launches tasks on them; what is left is free again.
///
/// `results` may be NULL; else it has room for one tamias_task_result per task, `result_stride`
/// bytes apart.
///
/// Errors: TAMIAS_ERR_OFFER_GONE, TAMIAS_ERR_NOT_YOURS, TAMIAS_ERR_MIXED_OFFERS,
/// TAMIAS_ERR_TASK_EXISTS, TAMIAS_ERR_EXCEEDS_OFFER, TAMIAS_ERR_INVALID_TASK,
/// TAMIAS_ERR_BAD_RESOURCES, TAMIAS_ERR_BAD_NAME, TAMIAS_ERR_BAD_LIST, with `index` and `field`.
/// Under TAMIAS_ON_INVALID_REPORT the first six are told by results and updates instead.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_framework_accept(const struct tamias_session *framework,
                                const struct tamias_accept *accept,
                                struct tamias_task_result *results,
                                size_t result_stride,
                                struct tamias_error *err);

/// Gives offers back: the same or less is not offered again for `refuse_ns`, or for the kernel's
/// default if that is TAMIAS_UNSET.
///
/// `results` may be NULL; else it has room for one per offer, whose status is
/// TAMIAS_ERR_OFFER_GONE if it was no live offer of the framework. Such offers do not stop the
/// others and do not make the call fail.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_framework_decline(const struct tamias_session *framework,
                                 const uint64_t *offers,
                                 size_t offer_count,
                                 int64_t refuse_ns,
                                 struct tamias_result *results,
                                 struct tamias_error *err);

/// Drops the filters of these roles, or of all if none is given, and wants offers again.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_framework_revive(const struct tamias_session *framework,
                                const struct tamias_str *roles,
                                size_t role_count,
                                struct tamias_error *err);

/// Wants no offers in these roles, or in any if none is given, until it revives. Outstanding offers
/// stay valid.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_framework_suppress(const struct tamias_session *framework,
                                  const struct tamias_str *roles,
                                  size_t role_count,
                                  struct tamias_error *err);

/// Confirms updates, so that the next one of each task is delivered.
///
/// `stride` is sizeof(tamias_acknowledgement); `flags` is TAMIAS_BATCH_ATOMIC or
/// TAMIAS_BATCH_BEST_EFFORT; `results` has room for one per item, or is NULL if atomic.
///
/// Errors: TAMIAS_ERR_UNKNOWN_TASK, TAMIAS_ERR_WRONG_UUID, TAMIAS_ERR_NOTHING_TO_ACKNOWLEDGE with
/// `index`, or in the results.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_framework_acknowledge(const struct tamias_session *framework,
                                     const struct tamias_acknowledgement *items,
                                     size_t count,
                                     size_t stride,
                                     uint32_t flags,
                                     struct tamias_result *results,
                                     struct tamias_error *err);

/// Has tasks killed. A task that is not known, or whose agent is unreachable, is answered by an
/// update, as by a reconciliation; in the latter case the kill is sent when the agent returns.
///
/// `stride` is sizeof(tamias_kill); `flags` and `results` as for tamias_framework_acknowledge().
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_framework_kill(const struct tamias_session *framework,
                              const struct tamias_kill *items,
                              size_t count,
                              size_t stride,
                              uint32_t flags,
                              struct tamias_result *results,
                              struct tamias_error *err);

/// Reports states of tasks.
///
/// `stride` is sizeof(tamias_update); `flags` and `results` as for tamias_framework_acknowledge();
/// a result tells an update that was reported before, or that goes backwards.
///
/// Errors: TAMIAS_ERR_UNKNOWN_TASK, TAMIAS_ERR_NOT_YOURS, TAMIAS_ERR_BAD_TASK_STATE,
/// TAMIAS_ERR_LIMIT_REACHED with `index`, or in the results.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_agent_update(const struct tamias_session *driver,
                            const struct tamias_update *items,
                            size_t count,
                            size_t stride,
                            uint32_t flags,
                            struct tamias_result *results,
                            struct tamias_error *err);

/// Registers a new agent with this driver. `agent` is given its id.
///
/// Errors: TAMIAS_ERR_BAD_RESOURCES, TAMIAS_ERR_BAD_ATTRIBUTES, TAMIAS_ERR_BAD_NAME,
/// TAMIAS_ERR_NAME_TAKEN, TAMIAS_ERR_LIMIT_REACHED.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_agent_register(const struct tamias_session *driver,
                              const struct tamias_agent_info *info,
                              uint64_t *agent,
                              struct tamias_error *err);

/// Starts a local agent, or attaches to the tasks that an earlier owner of the work directory left
/// running. Free it with tamias_local_agent_free().
///
/// `json` is an object: `{"work_dir":"/var/lib/ci"}`, and if wanted "name" (default "local"),
/// "resources" (default: the cpus and memory of this machine), "attributes", "on_owner_exit"
/// ("kill" or "keep"), "kill_grace_seconds", "executable" (of tamias-supervisor; default:
/// TAMIAS_SUPERVISOR in the environment, or beside the program or the library), "cgroup".
///
/// Errors: TAMIAS_ERR_MALFORMED with the key in `field`, TAMIAS_ERR_SYSTEM,
/// TAMIAS_ERR_AGENT_CONNECTED while another agent of that name is at work.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_local_agent_open(const struct tamias_kernel *kernel,
                                struct tamias_str json,
                                struct tamias_local_agent **out,
                                struct tamias_error *err);

/// The agent's id; 0 for NULL.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API uint64_t tamias_local_agent_id(const struct tamias_local_agent *agent);

/// Says in one line what holds tasks to their resources here: cgroups or resource limits, and what
/// of it is enforced. It was tried out, not guessed.
///
/// Errors: TAMIAS_ERR_HANDLE_CLOSED after tamias_local_agent_close().
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_local_agent_limits(const struct tamias_local_agent *agent,
                                  struct tamias_buffer *out,
                                  struct tamias_error *err);

/// Leaves in good order: its tasks are ended, or kept, as its options say. Waits for ended ones to
/// be dead, at most `timeout_ns`, and says whether they all are; they are ended all the same.
/// `all_ended` may be NULL. Again is no matter.
///
/// Thread-safe. Since: 0.1. Stability: stable.
TAMIAS_API
int32_t tamias_local_agent_close(const struct tamias_local_agent *agent,
                                 int64_t timeout_ns,
                                 bool *all_ended,
                                 struct tamias_error *err);

/// Gives the handle back; what tamias_local_agent_close() has not ended ends or is kept now. NULL
/// is allowed; the same handle twice is not.
///
/// Externally synchronised. Since: 0.1. Stability: stable.
TAMIAS_API void tamias_local_agent_free(struct tamias_local_agent *agent);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TAMIAS_H */

#ifndef TAMIAS_INLINE_H
#define TAMIAS_INLINE_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One item at a time. These are not symbols of the library; where there are many items, pass an
 * array to the function behind them: one call and one lock for all.
 */

/* The text of a NUL-terminated string; no text for NULL. */
static inline tamias_str tamias_str_z(const char *text)
{
    tamias_str str = TAMIAS_STR_INIT;
    str.ptr = text;
    if (text != NULL) {
        while (text[str.len] != 0) {
            ++str.len;
        }
    }
    return str;
}

/* Launches one task on one offer; `task` is given its handle. See tamias_framework_accept(). */
static inline int32_t tamias_framework_launch(const tamias_session *framework, uint64_t offer,
                                              const tamias_task *spec, uint64_t *task,
                                              tamias_error *err)
{
    tamias_accept accept = TAMIAS_ACCEPT_INIT;
    tamias_task_result result = {0, 0, 0};
    int32_t status;

    accept.on_invalid = TAMIAS_ON_INVALID_REJECT;
    accept.offers = &offer;
    accept.offer_count = 1;
    accept.tasks = spec;
    accept.task_count = 1;
    status = tamias_framework_accept(framework, &accept, &result, sizeof result, err);
    if (status == TAMIAS_OK && task != NULL) {
        *task = result.task;
    }
    return status;
}

/* Acknowledges the update of an event; TAMIAS_OK if there is nothing to acknowledge. */
static inline int32_t tamias_framework_acknowledge_event(const tamias_session *framework,
                                                         const tamias_event *event,
                                                         tamias_error *err)
{
    tamias_acknowledgement item = {0, {0}};
    int i;

    if (event->kind != TAMIAS_EVENT_UPDATE || !event->body.update.must_acknowledge) {
        return TAMIAS_OK;
    }
    item.task = event->body.update.task;
    for (i = 0; i < 16; ++i) {
        item.uuid[i] = event->body.update.uuid[i];
    }
    return tamias_framework_acknowledge(framework, &item, 1, sizeof item, TAMIAS_BATCH_ATOMIC,
                                        NULL, err);
}

/* Has one task killed, with its own grace. */
static inline int32_t tamias_framework_kill_one(const tamias_session *framework, uint64_t task,
                                                tamias_error *err)
{
    tamias_kill item = TAMIAS_KILL_INIT;

    item.task = task;
    return tamias_framework_kill(framework, &item, 1, sizeof item, TAMIAS_BATCH_ATOMIC, NULL, err);
}

/* Reports the state of one task. */
static inline int32_t tamias_agent_update_one(const tamias_session *driver, uint64_t task,
                                              uint32_t state, tamias_error *err)
{
    tamias_update item = TAMIAS_UPDATE_INIT;

    item.task = task;
    item.state = state;
    return tamias_agent_update(driver, &item, 1, sizeof item, TAMIAS_BATCH_ATOMIC, NULL, err);
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* TAMIAS_INLINE_H */
