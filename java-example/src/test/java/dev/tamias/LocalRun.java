package dev.tamias;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.Gson;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** A kernel with a local agent and a framework that acknowledges what it hears of its tasks. */
final class LocalRun implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration SLICE = Duration.ofMillis(20);

    final LocalAgent agent;
    final Framework framework;
    private final Gson gson = new Gson();
    private final Kernel kernel;
    private final Map<String, List<Event.Update>> updates = new HashMap<>();

    /** The last offer that was not used. */
    private Event.Offer offer;

    /** The machine is said to have many cpus, so that tasks run together on any. */
    LocalRun(Path work) {
        kernel = Kernel.open("");
        agent =
                LocalAgent.open(
                        kernel,
                        gson.toJson(
                                Map.of(
                                        "work_dir", work.toString(),
                                        "resources", "cpus:100",
                                        "kill_grace_seconds", 10)));
        framework = Framework.subscribe(kernel, "dev");
    }

    /** Launches shell commands, by their names. */
    void launch(Map<String, String> commands) {
        until("an offer", () -> offer != null);
        List<Object> tasks = new ArrayList<>();
        commands.forEach(
                (name, shell) ->
                        tasks.add(
                                Map.of(
                                        "name", name,
                                        "resources", "cpus:1",
                                        "command", Map.of("shell", shell))));
        String id = offer.offer();
        offer = null;
        send(
                Map.of(
                        "do", "accept",
                        "offers", List.of(id),
                        "on_invalid", "reject",
                        "operations", List.of(Map.of("launch", Map.of("tasks", tasks)))));
    }

    void kill(String name) {
        send(Map.of("do", "kill", "task", Map.of("id", last(name).task())));
    }

    /** What was heard of a task, in order. */
    List<String> states(String name) {
        return updates.get(name).stream().map(Event.Update::state).toList();
    }

    /** What was heard of a task last. */
    Event.Update last(String name) {
        return updates.get(name).getLast();
    }

    boolean isIn(String name, String state) {
        return updates.containsKey(name) && last(name).state().equals(state);
    }

    /** Takes in events until it is so. */
    void until(String what, BooleanSupplier isSo) {
        long start = System.nanoTime();
        while (!isSo.getAsBoolean()) {
            boolean isInTime = System.nanoTime() - start < PATIENCE.toNanos();
            assertTrue(isInTime, () -> "waited in vain for " + what + ": " + updates);
            framework.events(SLICE).forEach(this::take);
        }
    }

    private void take(Event event) {
        switch (event) {
            case Event.Offer offered -> offer = offered;
            case Event.Update update -> {
                updates.computeIfAbsent(update.name(), name -> new ArrayList<>()).add(update);
                if (!update.uuid().isEmpty()) {
                    Object task = Map.of("id", update.task());
                    send(Map.of("do", "acknowledge", "task", task, "uuid", update.uuid()));
                }
            }
            // Such as the end of an offer: the launch on it would say so.
            case Event.Other other -> {}
        }
    }

    private void send(Map<String, ?> command) {
        kernel.command(framework.session(), gson.toJson(command));
    }

    @Override
    public void close() {
        try (kernel; framework) {
            assertTrue(agent.close(PATIENCE), "tasks that do not end");
        }
    }
}
