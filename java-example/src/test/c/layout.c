/* Prints the size of each struct and the offset of each field that the Java side knows. */

#include <stdio.h>

#include "tamias.h"

#define STRUCT(type) printf(#type " %zu\n", sizeof(type))
#define FIELD(type, field) \
    printf(#type "." #field " %zu %zu\n", offsetof(type, field), sizeof(((type *)0)->field))

int main(void)
{
    STRUCT(tamias_str);
    FIELD(tamias_str, ptr);
    FIELD(tamias_str, len);
    STRUCT(tamias_buffer);
    FIELD(tamias_buffer, data);
    FIELD(tamias_buffer, len);
    FIELD(tamias_buffer, capacity);
    STRUCT(tamias_options);
    FIELD(tamias_options, size);
    FIELD(tamias_options, abi_version);
    FIELD(tamias_options, json);
    STRUCT(tamias_error);
    FIELD(tamias_error, size);
    FIELD(tamias_error, code);
    FIELD(tamias_error, index);
    FIELD(tamias_error, id);
    FIELD(tamias_error, field);
    FIELD(tamias_error, message);
    return 0;
}
