import Glibc
import TestSupport

/// An address where connecting neither succeeds nor fails: its queue is full, and the kernel drops what else asks (listen(2)).
final class SilentListener {
    let port: UInt16
    private let descriptor: Int32
    private var waiting: [Int32] = []

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 0) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        guard isListening else { throw TestError.invalid("no listener: \(errno)") }
        fill(address, length)
    }

    /// One place is in a queue of length 0, and one more in some kernels.
    private func fill(_ address: sockaddr_in, _ length: socklen_t) {
        for _ in 0..<3 {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = connect(client, $0, length) }
            }
            waiting.append(client)
        }
    }

    deinit {
        for client in waiting { close(client) }
        close(descriptor)
    }
}
