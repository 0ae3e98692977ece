/** Two programs: the runner of engine scripts, and a simulated agent with a framework. */
package dev.tamias.example;
