#if canImport(Glibc)
    import Glibc
#endif

/// A moment on the clock that never steps back (CLOCK_MONOTONIC, clock_gettime(2)).
public struct MonotonicTime: Comparable, Sendable, BitwiseCopyable {
    public let nanoseconds: UInt64

    @inlinable
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    public static func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: read(CLOCK_MONOTONIC))
    }

    /// A moment that never comes: no deadline.
    @inlinable
    public static var never: MonotonicTime { MonotonicTime(nanoseconds: .max) }

    @inlinable
    public var isNever: Bool { nanoseconds == .max }

    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Later by `milliseconds`.
    @inlinable
    public func adding(milliseconds: Int) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds &+ UInt64(milliseconds) &* 1_000_000)
    }

    /// The nanoseconds that passed since `earlier`; 0 if it is later.
    @inlinable
    public func nanoseconds(since earlier: MonotonicTime) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// The milliseconds to wait from `earlier` on, rounded up, as system calls take them: 0 if that is later, -1 for never.
    public func milliseconds(after earlier: MonotonicTime) -> Int32 {
        isNever ? -1 : Int32(clamping: (nanoseconds(since: earlier) + 999_999) / 1_000_000)
    }

    /// The nanoseconds since 1970 on the wall clock (CLOCK_REALTIME), which may step.
    public static func wallClockNanoseconds() -> UInt64 {
        read(CLOCK_REALTIME)
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var value = timespec()
        unsafe clock_gettime(clock, &value)
        return UInt64(value.tv_sec) &* 1_000_000_000 &+ UInt64(value.tv_nsec)
    }
}
