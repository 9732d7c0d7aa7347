import CLinux
import GatewayCore
import Glibc

/// A listening TCP socket. Several on one address share it by SO_REUSEPORT, one for each worker.
public struct Listener: ~Copyable, Sendable {
    private let descriptor: FileDescriptor

    /// Sockets waiting to be accepted; the kernel bounds it by net.core.somaxconn.
    private static let backlog: Int32 = 4096

    /// Opens `count` sockets that share `address`; port 0 takes a free one, the same for all. The caller owns the descriptors.
    ///
    /// SO_REUSEPORT would also let us share a port with another process of the same user, silently. So the first
    /// opening of an address is preceded by a trial without it: who else listens there makes that fail (EADDRINUSE).
    public static func open(
        _ address: SocketAddress, count: Int, isFirst: Bool
    ) throws(SystemError) -> (descriptors: [Int32], bound: SocketAddress) {
        if isFirst && address.port != 0 {
            let trial = try makeSocket(address, isShared: false)
            try listen(trial, backlog: 1)
        }
        var numbers: [Int32] = []
        var bound = address
        for _ in 0..<count {
            do {
                let socket = try makeSocket(bound, isShared: true)
                if bound.port == 0 { bound = try localAddress(socket.number) }
                try listen(socket, backlog: backlog)
                numbers.append(socket.relinquish())
            } catch {
                for number in numbers { _ = FileDescriptor(number) }
                throw error
            }
        }
        return (numbers, bound)
    }

    /// Takes over one of the descriptors of ``open(_:count:isFirst:)``.
    public init(owning number: Int32) {
        descriptor = FileDescriptor(number)
    }

    public var fileDescriptor: Int32 { descriptor.number }

    /// A connection that waits, with the peer's address; nil when none does. Throws for what is wrong with the process (EMFILE,
    /// ENFILE, ENOBUFS, ENOMEM), not with the connection.
    public func accept() throws(SystemError) -> AcceptedSocket? {
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let number = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe accept4(descriptor.number, $0, &length, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
                }
            }
            if number >= 0 {
                let socket = FileDescriptor(number)
                guard let peer = SocketAddress(storage) else { continue }
                return AcceptedSocket(peer: peer, descriptor: socket)
            }
            switch errno {
            case EAGAIN: return nil
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: throw SystemError("accept4")
            default: continue  // the connection died in the queue (ECONNABORTED and the network errors of accept(2))
            }
        }
    }

    /// Takes no new connections, so that the queue can be emptied before the socket is closed: what is in the queue then would be reset.
    public func stopQueueing() {
        Syscall.attempt { gateway_drop_syns(descriptor.number) }
    }

    private static func makeSocket(_ address: SocketAddress, isShared: Bool) throws(SystemError) -> FileDescriptor {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = FileDescriptor(try Syscall.check("socket") { Glibc.socket(address.family, type, 0) })
        let number = socket.number
        try setOption(number, SOL_SOCKET, SO_REUSEADDR)
        if isShared { try setOption(number, SOL_SOCKET, SO_REUSEPORT) }
        if address.isV6 { try setOption(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
        // Accepted sockets inherit these: answers are gathered by us, and a peer that vanished is noticed at last.
        try setOption(number, Int32(IPPROTO_TCP), TCP_NODELAY)
        try setOption(number, SOL_SOCKET, SO_KEEPALIVE)
        // As well: what a client has no window for stays with us, where it is bounded, not in megabytes of the kernel's.
        try setOption(number, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, Limits.unsentBytesMax)
        try Syscall.check("bind") { unsafe address.withSockaddr { unsafe bind(number, $0, $1) } }
        return socket
    }

    private static func listen(_ socket: borrowing FileDescriptor, backlog: Int32) throws(SystemError) {
        let number = socket.number
        try Syscall.check("listen") { Glibc.listen(number, backlog) }
    }

    private static func setOption(_ number: Int32, _ level: Int32, _ name: Int32, _ value: Int = 1) throws(SystemError) {
        var value = Int32(value)
        try Syscall.check("setsockopt") { unsafe setsockopt(number, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) }
    }

    static func localAddress(_ number: Int32) throws(SystemError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        try Syscall.check("getsockname") {
            unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(number, $0, &length) }
            }
        }
        guard let address = SocketAddress(storage) else { throw SystemError("getsockname", EAFNOSUPPORT) }
        return address
    }
}

/// A connection fresh from the queue.
public struct AcceptedSocket: ~Copyable {
    public let peer: SocketAddress
    let descriptor: FileDescriptor

    public var fileDescriptor: Int32 { descriptor.number }

    public consuming func makeStream() -> Stream {
        Stream(descriptor: descriptor)
    }
}
