import CLinux
import GatewayCore
import Glibc

/// Names to addresses by getaddrinfo(3). It blocks: for the supervisor, never for a worker.
public enum Resolver {
    /// The addresses of `host`, in the resolver's order, each once. Empty with a reason if there is none.
    public static func resolve(host: String, port: UInt16) -> (addresses: [SocketAddress], failure: String?) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { return ([], unsafe String(cString: gai_strerror(code))) }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            var storage = sockaddr_storage()
            let length = unsafe min(Int(entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
            if let from = unsafe entry.pointee.ai_addr { unsafe memcpy(&storage, from, length) }
            if let address = SocketAddress(storage), !found.contains(address) { found.append(address) }
            unsafe next = entry.pointee.ai_next
        }
        return (found, nil)
    }
}
