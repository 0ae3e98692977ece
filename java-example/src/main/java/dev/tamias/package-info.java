/**
 * The Tamias scheduling kernel over the generic verb of its C interface: one JSON line in, the
 * outcome and the events that it caused out; and the local agent, with a framework that waits.
 *
 * <p>{@link dev.tamias.Kernel} owns nothing but the handle. What lines mean, which commands there
 * are and what they answer is the kernel's business and stands in {@code docs/conformance.md}.
 */
package dev.tamias;
