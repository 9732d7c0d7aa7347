/// The layers as the design names them: what each may import besides the modules of the system. A layer stands on those above it.
enum Architecture {
    static let systemModules: Set = ["Glibc", "Synchronization"]

    static let layers: [String: Set<String>] = [
        "GatewayCore": [],
        "GatewayNet": ["CLinux", "COpenSSL", "GatewayCore"],
        "GatewayHTTP": ["CNghttp2", "CZlib", "GatewayCore"],
        "GatewayConfig": ["GatewayCore"],
        "GatewayPolicy": ["GatewayCore", "GatewayHTTP", "GatewayConfig"],
        "GatewayCache": ["GatewayCore", "GatewayNet", "GatewayHTTP", "GatewayConfig"],
        "GatewayTelemetry": ["GatewayCore", "Logging"],
        "GatewayProxy": [
            "GatewayCore", "GatewayNet", "GatewayHTTP", "GatewayConfig", "GatewayPolicy", "GatewayCache", "GatewayTelemetry", "Logging",
        ],
        "GatewayPages": [],
        "gateway": [
            "GatewayCore", "GatewayNet", "GatewayHTTP", "GatewayConfig", "GatewayPolicy", "GatewayCache", "GatewayTelemetry",
            "GatewayProxy", "GatewayPages", "ArgumentParser", "Logging",
            // For the versions that `gateway --version` tells.
            "CNghttp2", "COpenSSL", "CZlib",
        ],
        // An origin that shared code with the gateway would share its mistakes.
        "demo-upstream": ["ArgumentParser", "Dispatch", "Foundation", "NIOCore", "NIOHTTP1", "NIOPosix"],
    ]

    /// The files that may say `unsafe`, with the reason. A path that ends in "/" stands for all below it.
    static let unsafeFiles: [String: String] = [
        "GatewayNet/": "the kernel's and OpenSSL's interfaces are pointers",
        "GatewayCore/BufferPool.swift": "memory without an owner type, kept for reuse",
        "GatewayCore/ByteQueue.swift": "the buffer behind every byte; lends spans only",
        "GatewayCore/MappedMemory.swift": "a region of the kernel's for what is stored; every access is checked",
        "GatewayCore/MonotonicTime.swift": "clock_gettime fills a struct",
        "GatewayCore/PooledArray.swift": "storage from the pool instead of the heap",
        "GatewayCore/RawSpan+Bytes.swift": "loads from spans, bounds checked; memchr and memcmp",
        "GatewayCore/Slab.swift": "elements that are not copyable, in place, addressed by handle",
        "GatewayCore/Cell.swift": "one value in place, without a dynamic exclusivity check",
        "GatewayHTTP/HTTP2Engine.swift": "nghttp2's session, which is given pointers and gives some",
        "GatewayHTTP/HTTP2Memory.swift": "memory for nghttp2, which takes and gives it by pointers",
        "GatewayHTTP/HTTP2Callbacks.swift": "what nghttp2 calls: pointers become spans that end with the call",
        "GatewayHTTP/GzipEncoder.swift": "zlib's stream, which points at the buffers it reads and writes",
        "GatewayConfig/Accounts.swift": "the user database, by calls that fill structs",
        "GatewayConfig/ConfigFiles.swift": "files, globs and the environment, by system calls",
        "GatewayTelemetry/Descriptor.swift": "the system calls of logs and /proc",
        "GatewayTelemetry/LogSink.swift": "starts its thread: the argument is retained by hand",
        "GatewayTelemetry/MetricsShard.swift": "counters in pages of their own, one writer each",
        "gateway/Console.swift": "writes to the terminal; reads the environment",
        "gateway/Top/Terminal.swift": "the terminal's modes, its size and its keys, by system calls",
        "gateway/Version.swift": "C strings that name the libraries' versions",
    ]
}
