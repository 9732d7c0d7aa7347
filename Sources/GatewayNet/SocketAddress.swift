import CLinux
import GatewayCore
import Glibc

/// An IP address with a port, as the kernel takes it.
public struct SocketAddress: Equatable, Hashable, Sendable, BitwiseCopyable {
    public let address: IPAddress
    public let port: UInt16
    /// Whether the socket is one of AF_INET6. An IPv4 client on an IPv6 socket keeps this, its address is the IPv4 one.
    public let isV6: Bool

    @inlinable
    public init(address: IPAddress, port: UInt16, isV6: Bool) {
        self.address = address
        self.port = port
        self.isV6 = isV6
    }

    public init(address: IPAddress, port: UInt16) {
        self.init(address: address, port: port, isV6: !address.isV4)
    }

    var family: Int32 { isV6 ? AF_INET6 : AF_INET }

    /// Calls `body` with the address in the kernel's form.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        if isV6 {
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &v6.sin6_addr) { bytes in
                unsafe bytes.storeBytes(of: address.high.bigEndian, toByteOffset: 0, as: UInt64.self)
                unsafe bytes.storeBytes(of: address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return unsafe Self.rebound(&v6, body)
        }
        var v4 = sockaddr_in()
        v4.sin_family = sa_family_t(AF_INET)
        v4.sin_port = port.bigEndian
        v4.sin_addr.s_addr = address.v4.bigEndian
        return unsafe Self.rebound(&v4, body)
    }

    private static func rebound<Form, Result>(_ form: inout Form, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafePointer(to: form) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(MemoryLayout<Form>.size)) }
        }
    }

    /// Reads what a system call wrote; nil for a family that is not IP.
    init?(_ storage: sockaddr_storage) {
        let form = unsafe withUnsafeBytes(of: storage) { bytes -> SocketAddress? in
            switch Int32(storage.ss_family) {
            case AF_INET:
                let v4 = unsafe bytes.load(as: sockaddr_in.self)
                return SocketAddress(
                    address: IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr)), port: UInt16(bigEndian: v4.sin_port), isV6: false)
            case AF_INET6:
                let port = unsafe UInt16(bigEndian: bytes.load(as: sockaddr_in6.self).sin6_port)
                let offset = 8  // sin6_family, sin6_port, sin6_flowinfo
                let high = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                let low = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
                return SocketAddress(address: IPAddress(high: high, low: low), port: port, isV6: true)
            default:
                return nil
            }
        }
        guard let form else { return nil }
        self = form
    }
}

extension SocketAddress: CustomStringConvertible {
    /// "127.0.0.1:8080", "[::1]:8080".
    public var description: String {
        let text = isV6 && address.isV4 ? "::ffff:\(address)" : "\(address)"
        return isV6 ? "[\(text)]:\(port)" : "\(text):\(port)"
    }
}
