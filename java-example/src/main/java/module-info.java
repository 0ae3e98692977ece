/**
 * The Tamias scheduling kernel in Java.
 *
 * <p>On the module path, native access is given to this module alone:
 * {@code --enable-native-access=dev.tamias}.
 */
module dev.tamias {
    // For the example that reads replies and events.
    requires com.google.gson;

    exports dev.tamias;
    exports dev.tamias.example;
}
