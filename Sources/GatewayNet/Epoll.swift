import CLinux
import GatewayCore
import Glibc

/// What an epoll event belongs to: the kind of object, and its handle. The 64 bits that epoll carries.
public struct EventToken: Equatable, Sendable, BitwiseCopyable {
    public let word: UInt64

    /// `kind` is one of 16 of the owner's choosing; slots are below 2^28.
    @inlinable
    public init(kind: UInt8, handle: Handle) {
        word = UInt64(handle.generation) << 32 | UInt64(kind & 15) << 28 | UInt64(handle.slot & 0xfff_ffff)
    }

    @inlinable
    public init(word: UInt64) {
        self.word = word
    }

    @inlinable
    public var kind: UInt8 { UInt8(truncatingIfNeeded: word >> 28) & 15 }

    @inlinable
    public var handle: Handle {
        let generation = UInt32(truncatingIfNeeded: word >> 32)
        return generation == 0 ? .none : Handle(slot: UInt32(truncatingIfNeeded: word) & 0xfff_ffff, generation: generation)
    }
}

/// What epoll says of a descriptor.
public struct Readiness: Sendable, BitwiseCopyable {
    @usableFromInline let bits: UInt32

    @inlinable
    public init(bits: UInt32) {
        self.bits = bits
    }

    /// Bytes, the end, or an error wait to be read.
    @inlinable
    public var canRead: Bool { bits & 0x2019 != 0 }  // EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP
    @inlinable
    public var canWrite: Bool { bits & 0x1c != 0 }  // EPOLLOUT | EPOLLERR | EPOLLHUP
    /// The peer has ended its side (FIN).
    @inlinable
    public var peerFinished: Bool { bits & 0x2000 != 0 }  // EPOLLRDHUP
    /// The connection is gone (RST, or both sides ended).
    @inlinable
    public var isGone: Bool { bits & 0x18 != 0 }  // EPOLLERR | EPOLLHUP
}

/// epoll(7), behind four functions. Edge-triggered: a descriptor is registered once, for reading and writing, and
/// the kernel tells each change from "would block" to "ready" one time.
///
/// Sendable: it has one owner, who may hand it to another thread.
@safe
public struct Epoll: ~Copyable, @unchecked Sendable {
    private let descriptor: FileDescriptor
    private let events: UnsafeMutablePointer<epoll_event>
    /// How many events the last wait brought.
    public private(set) var eventCount = 0

    public init() throws(SystemError) {
        descriptor = FileDescriptor(try Syscall.check("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        unsafe events = .allocate(capacity: Limits.eventsPerWait)
        unsafe events.initialize(repeating: epoll_event(), count: Limits.eventsPerWait)
    }

    deinit {
        unsafe events.deallocate()
    }

    /// Registers `fd` edge-triggered for reading and writing.
    public func add(_ fd: Int32, _ token: EventToken) throws(SystemError) {
        try control(EPOLL_CTL_ADD, fd, token, EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue)
    }

    /// Registers `fd` level-triggered for reading: listeners, eventfd and signalfd, of which a part may be left for later.
    public func addLevelTriggered(_ fd: Int32, _ token: EventToken) throws(SystemError) {
        try control(EPOLL_CTL_ADD, fd, token, EPOLLIN.rawValue)
    }

    /// Pauses or resumes a level-triggered descriptor.
    public func setLevelTriggered(_ fd: Int32, _ token: EventToken, isEnabled: Bool) throws(SystemError) {
        try control(EPOLL_CTL_MOD, fd, token, isEnabled ? EPOLLIN.rawValue : 0)
    }

    private func control(_ operation: Int32, _ fd: Int32, _ token: EventToken, _ bits: UInt32) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = bits
        unsafe event.data.u64 = token.word
        let number = descriptor.number
        try Syscall.check("epoll_ctl") { unsafe epoll_ctl(number, operation, fd, &event) }
    }

    /// Waits for events, at most `timeoutMs`; -1 waits for ever, 0 not at all.
    public mutating func wait(timeoutMs: Int32) {
        let count = unsafe epoll_wait(descriptor.number, events, Int32(Limits.eventsPerWait), timeoutMs)
        eventCount = max(0, Int(count))  // EINTR: a debugger, or a profiler's signal
    }

    /// One of the events of the last wait.
    public func event(_ index: Int) -> (token: EventToken, readiness: Readiness) {
        precondition(index < eventCount)
        let event = unsafe events[index]
        return unsafe (EventToken(word: event.data.u64), Readiness(bits: event.events))
    }
}
