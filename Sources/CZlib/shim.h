#pragma once
#include <zlib.h>

// A macro, which Swift cannot see: it passes zlib's version and the size of the struct. 16 more window bits ask for gzip's frame.
static inline int gateway_deflate_init_gzip(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits + 16, memory_level, Z_DEFAULT_STRATEGY);
}
