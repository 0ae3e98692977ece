/*
 * Runs engine scripts over the generic verb: run_script PATH, a script or a folder of them.
 *
 * The first line of a script that is neither blank nor a comment opens a kernel, each further line
 * goes to tamias_command(); what comes back is printed, and at the end the state hash.
 * docs/conformance.md describes the lines. Exit status: 0, 1 if a line failed, 2 if a file cannot
 * be read.
 */

#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

static int32_t print_hash(const tamias_kernel *kernel, tamias_error *err)
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
    tamias_options options = TAMIAS_OPTIONS_INIT;
    int32_t status;

    if (*kernel == NULL) {
        if (says_nothing(line, len)) {
            return TAMIAS_OK;
        }
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

/* Runs one script with a kernel of its own; gives the exit status. */
static int run_script(const char *path)
{
    tamias_kernel *kernel = NULL;
    tamias_buffer out = TAMIAS_BUFFER_INIT;
    tamias_error err = TAMIAS_ERROR_INIT;
    int32_t status = TAMIAS_OK;
    unsigned long number = 0;
    char *text = read_file(path);
    const char *line = text;

    if (text == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        return 2;
    }
    while (*line != 0 && status == TAMIAS_OK) {
        size_t len = strcspn(line, "\n");
        ++number;
        status = run_line(&kernel, line, len, &out, &err);
        line += len + (line[len] == '\n');
    }
    if (status == TAMIAS_OK) {
        /* Without a kernel this says so. */
        status = print_hash(kernel, &err);
    }
    if (status != TAMIAS_OK) {
        fflush(stdout);
        fprintf(stderr, "%s:%lu: %s: %s\n", path, number, tamias_code_name(status), err.message);
    }
    tamias_buffer_free(&out);
    tamias_kernel_free(kernel);
    free(text);
    return status == TAMIAS_OK ? 0 : 1;
}

static int is_script(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);

    return len > 6 && strcmp(entry->d_name + len - 6, ".jsonl") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Runs all scripts of a folder in the byte order of their names. */
static int run_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_script, by_bytes);
    int exit_status = count > 0 ? 0 : 2, i;

    if (count <= 0) {
        fprintf(stderr, "%s holds no script: their names end in .jsonl\n", folder);
    }
    for (i = 0; i < count; ++i) {
        size_t len = strlen(folder) + strlen(entries[i]->d_name) + 2;
        char *path = malloc(len);
        int status = 2;

        if (path != NULL) {
            snprintf(path, len, "%s/%s", folder, entries[i]->d_name);
            status = run_script(path);
        }
        exit_status = status > exit_status ? status : exit_status;
        free(path);
        free(entries[i]);
    }
    free(entries);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct stat what;

    if (argc != 2) {
        fprintf(stderr, "usage: run_script PATH\n");
        return 2;
    }
    if (stat(argv[1], &what) == 0 && S_ISDIR(what.st_mode)) {
        return run_folder(argv[1]);
    }
    return run_script(argv[1]);
}
