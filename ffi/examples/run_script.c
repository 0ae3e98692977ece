/*
 * Runs an engine script over the generic verb: `run_script FILE`.
 *
 * The first line that is neither blank nor a comment opens the kernel, each further line goes to
 * tamias_command(); what comes back is printed, and at the end the state hash. docs/conformance.md
 * describes the lines. Exit status: 0, 1 if a line failed, 2 if the file cannot be read.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tamias.h"

/* The whole file, NUL-terminated, or NULL. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t len = 0, capacity = 0, got;

    if (file == NULL) {
        return NULL;
    }
    do {
        if (capacity - len < 4096) {
            char *more = realloc(text, capacity += 65536);
            if (more == NULL) {
                break;
            }
            text = more;
        }
        got = fread(text + len, 1, capacity - len - 1, file);
        len += got;
    } while (got > 0);
    if (ferror(file) || text == NULL) {
        free(text);
        text = NULL;
    } else {
        text[len] = 0;
    }
    fclose(file);
    return text;
}

static int says_nothing(const char *line, size_t len)
{
    size_t start = strspn(line, " \t\r");

    return start >= len || line[start] == '#';
}

static int print_hash(const tamias_kernel *kernel, tamias_error *err)
{
    uint8_t hash[TAMIAS_HASH_BYTES];
    int32_t status = tamias_kernel_state_hash(kernel, hash, err);
    size_t i;

    if (status == TAMIAS_OK) {
        printf("hash ");
        for (i = 0; i < sizeof hash; ++i) {
            printf("%02x", hash[i]);
        }
        printf("\n");
    }
    return status;
}

static int32_t run_line(tamias_kernel **kernel, const char *line, size_t len, tamias_buffer *out,
                        tamias_error *err)
{
    int32_t status;

    if (*kernel == NULL) {
        tamias_options options = TAMIAS_OPTIONS_INIT;
        options.json.ptr = line;
        options.json.len = len;
        return tamias_kernel_open(&options, kernel, err);
    }
    status = tamias_command(*kernel, 0, line, len, out, err);
    if (status == TAMIAS_OK && out->len > 0) {
        fwrite(out->data, 1, out->len, stdout);
        putchar('\n');
    }
    return status;
}

int main(int argc, char **argv)
{
    tamias_kernel *kernel = NULL;
    tamias_buffer out = TAMIAS_BUFFER_INIT;
    tamias_error err = TAMIAS_ERROR_INIT;
    int32_t status = TAMIAS_OK;
    unsigned long number = 0;
    char *text;
    const char *line;

    if (argc != 2) {
        fprintf(stderr, "usage: run_script FILE\n");
        return 2;
    }
    text = read_file(argv[1]);
    if (text == NULL) {
        fprintf(stderr, "cannot read %s\n", argv[1]);
        return 2;
    }
    for (line = text; *line != 0 && status == TAMIAS_OK;) {
        size_t len = strcspn(line, "\n");
        ++number;
        if (!says_nothing(line, len)) {
            status = run_line(&kernel, line, len, &out, &err);
        }
        line += len + (line[len] == '\n');
    }
    if (status == TAMIAS_OK && kernel != NULL) {
        status = print_hash(kernel, &err);
    }
    if (status != TAMIAS_OK) {
        fflush(stdout);
        fprintf(stderr, "%s:%lu: %s: %s\n", argv[1], number, tamias_code_name(status), err.message);
    }
    tamias_buffer_free(&out);
    tamias_kernel_free(kernel);
    free(text);
    return status == TAMIAS_OK ? 0 : 1;
}
