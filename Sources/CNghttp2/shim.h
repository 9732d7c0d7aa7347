#pragma once
#include <malloc.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

// Memory for the sessions of a worker. Each request takes and gives back some dozens of small blocks, in the order in which streams come and
// go: malloc(3) holds few of a size at hand, and searches and merges for the rest. Here they are laid aside by size, in lists that are linked
// through the blocks, up to a bound. A sanitizer shall see them freed.
enum { gateway_http2_block_step = 32, gateway_http2_block_bytes_max = 1024 };

struct gateway_http2_memory {
    size_t kept_bytes;
    size_t kept_bytes_max;
    // By the size divided by the step: the list holds blocks of at least so much.
    void *kept[gateway_http2_block_bytes_max / gateway_http2_block_step + 1];
};

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
enum { gateway_http2_keeps_blocks = 0 };
#else
enum { gateway_http2_keeps_blocks = 1 };
#endif

static void *gateway_http2_take(size_t size, void *user) {
    struct gateway_http2_memory *memory = user;
    if (!gateway_http2_keeps_blocks || size == 0 || size > gateway_http2_block_bytes_max) return malloc(size);
    size_t list = (size + gateway_http2_block_step - 1) / gateway_http2_block_step;
    void *block = memory->kept[list];
    if (!block) return malloc(list * gateway_http2_block_step);
    memcpy(&memory->kept[list], block, sizeof(void *));
    memory->kept_bytes -= list * gateway_http2_block_step;
    return block;
}
static void gateway_http2_give(void *block, void *user) {
    struct gateway_http2_memory *memory = user;
    if (!block) return;
    // malloc may have given more than was asked for: whatever it is, all of the list's size is there.
    size_t list = gateway_http2_keeps_blocks ? malloc_usable_size(block) / gateway_http2_block_step : 0;
    size_t size = list * gateway_http2_block_step;
    if (list == 0 || size > gateway_http2_block_bytes_max || memory->kept_bytes + size > memory->kept_bytes_max) {
        free(block);
        return;
    }
    memcpy(block, &memory->kept[list], sizeof(void *));
    memory->kept[list] = block;
    memory->kept_bytes += size;
}
static void *gateway_http2_take_zeroed(size_t count, size_t size, void *user) {
    size_t all;
    if (__builtin_mul_overflow(count, size, &all)) return NULL;
    void *block = gateway_http2_take(all, user);
    return block ? memset(block, 0, all) : NULL;
}
static void *gateway_http2_resize(void *block, size_t size, void *user) {
    (void)user;
    return realloc(block, size);
}
// What nghttp2 calls, with this memory.
static inline nghttp2_mem gateway_http2_functions(struct gateway_http2_memory *memory) {
    nghttp2_mem functions = {
        memory, gateway_http2_take, gateway_http2_give, gateway_http2_take_zeroed, gateway_http2_resize,
    };
    return functions;
}

// Gives back to the system what is laid aside.
static inline void gateway_http2_release(struct gateway_http2_memory *memory) {
    for (size_t list = 0; list < sizeof memory->kept / sizeof memory->kept[0]; list++) {
        while (memory->kept[list]) {
            void *block = memory->kept[list];
            memcpy(&memory->kept[list], block, sizeof(void *));
            free(block);
        }
    }
    memory->kept_bytes = 0;
}
