package dev.tamias.ffm;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;

/** Finds {@code libtamias}. */
final class Library {
    private static final String PROPERTY = "tamias.library";
    private static final String VARIABLE = "TAMIAS_LIBRARY";

    private Library() {}

    /**
     * The library of the system property {@code tamias.library}, else that of the environment
     * variable {@code TAMIAS_LIBRARY}, both paths of the file; else the one that the system's
     * loader finds.
     *
     * <p>The first that is set is used: a wrong path is an error, not a reason to look elsewhere.
     */
    static SymbolLookup load() {
        String property = System.getProperty(PROPERTY, "");
        if (!property.isEmpty()) {
            return open(property, "the system property " + PROPERTY);
        }
        String variable = System.getenv(VARIABLE);
        if (variable != null && !variable.isEmpty()) {
            return open(variable, "the environment variable " + VARIABLE);
        }
        return open(null, "the system's loader");
    }

    @SuppressWarnings("restricted") // loading a library runs its initialisers; this one has none
    private static SymbolLookup open(String path, String source) {
        String name = path == null ? System.mapLibraryName("tamias") : path;
        try {
            return path == null
                    ? SymbolLookup.libraryLookup(name, Arena.global())
                    : SymbolLookup.libraryLookup(Path.of(name), Arena.global());
        } catch (IllegalArgumentException failure) {
            String text =
                    "cannot load %s, which %s gave: set -D%s or %s to the path of libtamias";
            UnsatisfiedLinkError error =
                    new UnsatisfiedLinkError(text.formatted(name, source, PROPERTY, VARIABLE));
            error.initCause(failure);
            throw error;
        }
    }
}
