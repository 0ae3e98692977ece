package dev.tamias.example;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.tamias.Kernel;
import dev.tamias.Session;
import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/**
 * First light: a kernel, a simulated agent and a framework in one program, over the generic verb.
 *
 * <p>Two sessions talk to the kernel: a driver with one agent, and a framework in the role dev.
 * Every command answers with its outcome and the events that it caused, for whichever session they
 * are; the program hands each event to the side that it is for, until both tasks have finished.
 * The clock is manual, so every run prints the same state hash, on every machine and in every
 * language.
 */
public final class FirstLight {
    private final Gson gson = new Gson();
    private final Kernel kernel;
    private final PrintStream out;
    private final Queue<JsonObject> events = new ArrayDeque<>();
    private boolean launched;
    private int finished;

    private FirstLight(Kernel kernel, PrintStream out) {
        this.kernel = kernel;
        this.out = out;
    }

    /**
     * Runs the program.
     *
     * @param args none
     */
    public static void main(String[] args) {
        run(System.out);
    }

    static void run(PrintStream out) {
        try (Kernel kernel = Kernel.open("{\"clock\":\"manual\",\"start\":1000}")) {
            new FirstLight(kernel, out).play();
            out.println("hash " + HexFormat.of().formatHex(kernel.stateHash()));
        }
    }

    private void play() {
        Session driver = open("agent");
        send(
                driver,
                Map.of(
                        "do", "register_agent",
                        "name", "m1",
                        "resources", "cpus:4;mem:1024",
                        "attributes", "rack:r1"));
        Session framework = open("framework");
        send(
                framework,
                Map.of("do", "subscribe", "name", "first-light", "roles", List.of("dev")));
        while (!events.isEmpty()) {
            JsonObject event = events.remove();
            Session session = Session.parse(text(event, "session"));
            String kind = text(event, "event");
            if (session.equals(driver) && kind.equals("launch")) {
                runTask(driver, event);
            } else if (session.equals(framework) && kind.equals("offer") && !launched) {
                useOffer(framework, event);
            } else if (session.equals(framework) && kind.equals("update")) {
                takeUpdate(framework, event);
            }
        }
        if (finished != 2) {
            throw new IllegalStateException(finished + " of 2 tasks finished");
        }
    }

    private Session open(String kind) {
        String line = gson.toJson(Map.of("do", "open_session", "kind", kind));
        String opened = kernel.command(Session.NONE, line);
        return Session.parse(text(JsonParser.parseString(opened), "session"));
    }

    /** Sends a command and keeps the events that it caused. */
    private void send(Session session, Map<String, ?> command) {
        String[] lines = kernel.command(session, gson.toJson(command)).split("\n");
        for (int i = 1; i < lines.length; i++) {
            events.add(JsonParser.parseString(lines[i]).getAsJsonObject());
        }
    }

    /** The scheduler: two tasks on the first offer. */
    private void useOffer(Session framework, JsonObject offer) {
        out.println("offer of " + text(offer, "resources"));
        Object tasks =
                List.of(
                        task("hello", Map.of("argv", List.of("echo", "hello"))),
                        task("world", Map.of("shell", "echo world")));
        launched = true;
        send(
                framework,
                Map.of(
                        "do", "accept",
                        "offers", List.of(text(offer, "offer")),
                        "refuse_seconds", 60,
                        "operations", List.of(Map.of("launch", Map.of("tasks", tasks)))));
    }

    private static Map<String, Object> task(String name, Map<String, ?> command) {
        return Map.of("name", name, "resources", "cpus:1;mem:128", "command", command);
    }

    /** The agent: a real driver would start a process, this one only says so. */
    private void runTask(Session driver, JsonObject launch) {
        out.println("run " + launch.get("spec"));
        String task = text(launch, "task");
        for (String state : List.of("TASK_RUNNING", "TASK_FINISHED")) {
            send(driver, Map.of("do", "update", "task", task, "state", state));
        }
    }

    /** Acknowledges, so that the next update of the task is delivered. */
    private void takeUpdate(Session framework, JsonObject update) {
        String state = text(update, "state");
        out.println(text(update, "name") + " is " + state);
        if (state.equals("TASK_FINISHED")) {
            finished++;
        }
        send(
                framework,
                Map.of(
                        "do", "acknowledge",
                        "task", Map.of("id", text(update, "task")),
                        "uuid", text(update, "uuid")));
    }

    private static String text(JsonElement object, String field) {
        return object.getAsJsonObject().get(field).getAsString();
    }
}
