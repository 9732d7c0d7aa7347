import CLinux
import Glibc

/// A failed system call: which, and errno.
public struct SystemError: Error, Equatable, Sendable {
    public let call: StaticString
    public let code: Int32

    public init(_ call: StaticString, _ code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.code == right.code && left.call.description == right.call.description
    }
}

extension SystemError: CustomStringConvertible {
    public var description: String {
        "\(call): \(unsafe String(cString: strerror(code)))"
    }
}

extension SystemError {
    public var isAddressInUse: Bool { code == EADDRINUSE }
    public var isPermissionDenied: Bool { code == EACCES || code == EPERM }
    /// Nothing is wrong but that the process or the machine has no more descriptors or memory for sockets.
    public var isShortage: Bool { [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code) }
    /// The kernel gave no memory to `call`.
    public static func noDescriptor(_ call: StaticString) -> SystemError { SystemError(call, EMFILE) }
    public static func noMemory(_ call: StaticString) -> SystemError { SystemError(call, ENOMEM) }
}

/// The one wrapper of system calls: repeats what a signal interrupted, and turns -1 into a thrown errno.
enum Syscall {
    @discardableResult
    static func check(_ call: StaticString, _ body: () -> Int32) throws(SystemError) -> Int32 {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw SystemError(call, code) }
        }
    }

    /// Like ``check(_:_:)`` for calls of which a failure changes nothing for us (a socket that is gone has no options to set).
    static func attempt(_ body: () -> Int32) {
        _ = body()
    }
}
