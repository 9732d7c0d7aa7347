import CLinux
import Glibc

/// Wakes a loop from another thread: eventfd(2).
public struct Wakeup: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    public init() throws(SystemError) {
        descriptor = FileDescriptor(try Syscall.check("eventfd") { eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC)) })
    }

    public var fileDescriptor: Int32 { descriptor.number }

    public func signal() {
        // EAGAIN means that the counter is full of signals already: the loop will wake.
        _ = eventfd_write(descriptor.number, 1)
    }

    public func clear() {
        var value: eventfd_t = 0
        _ = unsafe eventfd_read(descriptor.number, &value)
    }
}
