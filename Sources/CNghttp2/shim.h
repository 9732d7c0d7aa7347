#pragma once
#include <nghttp2/nghttp2.h>
#include <stdbool.h>

// Whether a sanitizer watches the memory that malloc(3) gives: it shall then see all that nghttp2 takes. Swift can't ask, and would call
// what follows a constant unreachable.
static inline bool gateway_http2_memory_is_watched(void) {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
    return true;
#else
    return false;
#endif
}
