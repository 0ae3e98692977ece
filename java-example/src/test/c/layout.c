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
    STRUCT(tamias_bytes);
    FIELD(tamias_bytes, ptr);
    FIELD(tamias_bytes, len);
    STRUCT(tamias_subscription);
    FIELD(tamias_subscription, size);
    FIELD(tamias_subscription, reserved);
    FIELD(tamias_subscription, name);
    FIELD(tamias_subscription, roles);
    FIELD(tamias_subscription, role_count);
    FIELD(tamias_subscription, suppressed_roles);
    FIELD(tamias_subscription, suppressed_role_count);
    FIELD(tamias_subscription, failover_timeout_ns);
    FIELD(tamias_subscription, framework);
    FIELD(tamias_subscription, json);
    STRUCT(tamias_event);
    FIELD(tamias_event, seq);
    FIELD(tamias_event, ordinal);
    FIELD(tamias_event, kind);
    FIELD(tamias_event, body);
    STRUCT(tamias_offer_event);
    FIELD(tamias_offer_event, offer);
    FIELD(tamias_offer_event, agent);
    FIELD(tamias_offer_event, expires_ns);
    FIELD(tamias_offer_event, role);
    FIELD(tamias_offer_event, resources);
    FIELD(tamias_offer_event, agent_name);
    FIELD(tamias_offer_event, attributes);
    STRUCT(tamias_update_event);
    FIELD(tamias_update_event, task);
    FIELD(tamias_update_event, agent);
    FIELD(tamias_update_event, uuid);
    FIELD(tamias_update_event, time_ns);
    FIELD(tamias_update_event, unreachable_since_ns);
    FIELD(tamias_update_event, state);
    FIELD(tamias_update_event, reason);
    FIELD(tamias_update_event, source);
    FIELD(tamias_update_event, health);
    FIELD(tamias_update_event, must_acknowledge);
    FIELD(tamias_update_event, reserved);
    FIELD(tamias_update_event, name);
    FIELD(tamias_update_event, message);
    FIELD(tamias_update_event, data);
    return 0;
}
