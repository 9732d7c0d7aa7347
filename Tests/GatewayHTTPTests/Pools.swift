import GatewayCore

/// A pool for `body`, which gives back what it kept.
func withPool<Result>(_ body: (BufferPool) throws -> Result) rethrows -> Result {
    let pool = BufferPool()
    defer { pool.removeAll() }
    return try body(pool)
}

/// A pool for tests that keep a queue or a head to their end.
func lastingPool() -> BufferPool {
    BufferPool()
}
