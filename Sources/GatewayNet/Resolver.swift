import CLinux
import GatewayCore
import Glibc

/// Names to addresses by getaddrinfo(3), so /etc/hosts, nsswitch.conf and resolv.conf mean what they mean to every other program. It
/// blocks for as long as resolv.conf allows, which may be half a minute: for threads that nobody waits for.
public enum Resolver {
    public enum Answer: Sendable, Equatable {
        /// At least one, each once, in the order of RFC 6724.
        case addresses([IPAddress])
        /// There is no such name, or it has no address.
        case notFound(reason: String)
        /// Whether there is such a name cannot be told now: no server answered, or one failed.
        case failed(reason: String)
    }

    public static func resolve(host: String) -> Answer {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else {
            let reason = unsafe String(cString: gai_strerror(code))
            let isKnownMissing = code == EAI_NONAME || code == gateway_eai_nodata()
            return isKnownMissing ? .notFound(reason: reason) : .failed(reason: reason)
        }
        defer { unsafe freeaddrinfo(list) }
        let found = reachable(unsafe addresses(in: list))
        return found.isEmpty ? .notFound(reason: "it has no IP address") : .addresses(found)
    }

    /// Without the IPv6 addresses that this host has no route to, where others are left: on a host without IPv6 every other request would
    /// begin with one of them. (AI_ADDRCONFIG asks whether there is any address of IPv6 but ::1, which may well be an origin's.)
    private static func reachable(_ addresses: [IPAddress]) -> [IPAddress] {
        let found = addresses.filter { $0.isV4 || hasRoute(to: $0) }
        return found.isEmpty ? addresses : found
    }

    /// Whether the kernel knows a way: to connect a socket for datagrams sends nothing.
    private static func hasRoute(to address: IPAddress) -> Bool {
        let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if descriptor < 0 { return errno != EAFNOSUPPORT }
        defer { close(descriptor) }
        return unsafe SocketAddress(address: address, port: 53).withSockaddr { unsafe connect(descriptor, $0, $1) } == 0
    }

    private static func addresses(in list: UnsafeMutablePointer<addrinfo>?) -> [IPAddress] {
        var found: [IPAddress] = []
        var next = unsafe list
        while let entry = unsafe next, found.count < Limits.addressesPerNameMax {
            var storage = sockaddr_storage()
            let length = unsafe min(Int(entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
            if let from = unsafe entry.pointee.ai_addr { unsafe memcpy(&storage, from, length) }
            if let address = SocketAddress(storage)?.address, !found.contains(address) { found.append(address) }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }
}
