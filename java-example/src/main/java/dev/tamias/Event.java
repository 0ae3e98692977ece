package dev.tamias;

/** What a framework is told. Ids are as they stand in JSON, ready for the next command. */
public sealed interface Event {
    /**
     * Resources of one agent, held for the framework until it answers.
     *
     * @param offer the offer's id, such as "o0.1"
     * @param agent the agent's id
     * @param role in which role they are offered
     * @param resources what is offered, such as "cpus:4;mem:1024"
     */
    record Offer(String offer, String agent, String role, String resources) implements Event {}

    /**
     * The state of a task.
     *
     * @param task the task's id, such as "t0.1"
     * @param name the framework's name for it
     * @param state such as "TASK_RUNNING"
     * @param message for people; may be empty
     * @param uuid to be acknowledged with; empty if it is not to be acknowledged
     */
    record Update(String task, String name, String state, String message, String uuid)
            implements Event {}

    /**
     * Another event, for which there is no record here.
     *
     * @param kind one of the header's {@code TAMIAS_EVENT_...}
     */
    record Other(int kind) implements Event {}
}
