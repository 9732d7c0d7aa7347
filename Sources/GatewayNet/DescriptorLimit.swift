import CLinux
import GatewayCore
import Glibc

/// How many file descriptors the process may open (RLIMIT_NOFILE, getrlimit(2)).
public enum DescriptorLimit {
    /// Raises the soft limit to the hard one. The soft one is low for the sake of select(2), which the gateway has no use for.
    public static func raise() {
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        Syscall.attempt { unsafe setrlimit(resource, &limit) }
    }

    /// The soft limit: every descriptor's number is below it.
    public static var current: Int {
        var limit = rlimit()
        guard unsafe getrlimit(resource, &limit) == 0 else { return .max }
        return Int(clamping: limit.rlim_cur)
    }

    /// The first number that clients' connections leave to connections to origins, logs and reloads. The kernel gives the lowest free
    /// number, so the number that it gives says how many are in use.
    public static var clientMark: Int {
        let limit = current
        let least = min(Limits.reservedDescriptorsMin, limit / 4)
        return limit - min(max(limit / 8, least), Limits.reservedDescriptorsMax)
    }

    /// The first number that connections to origins leave: whoever looks for the reason of a shortage needs the admin listener.
    public static var upstreamMark: Int { current - Limits.adminDescriptors }

    private static let resource = Int32(RLIMIT_NOFILE.rawValue)
}

/// A descriptor held back, to be given up when there is no other: a connection can then still be accepted, told no, and closed.
public struct SpareDescriptor: ~Copyable, Sendable {
    private var descriptor: FileDescriptor?

    public init() {
        descriptor = nil
        restore()
    }

    public var isHeld: Bool { descriptor != nil }

    public mutating func giveUp() {
        descriptor = nil
    }

    /// Takes one again, if there is one.
    public mutating func restore() {
        if descriptor != nil { return }
        let number = eventfd(0, Int32(EFD_CLOEXEC))
        if number >= 0 { descriptor = FileDescriptor(number) }
    }
}
