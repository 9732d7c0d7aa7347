import GatewayConfig
import GatewayCore

/// Which server answers at one listen address, by nginx's rules for server_name: the exact name, then the longest name
/// with an asterisk in front, then the longest with an asterisk at the end, then the default server.
public struct ServerTable: Sendable {
    /// The server marked default_server, else the first of the address: an index into the servers given.
    public let defaultServer: Int
    @usableFromInline let exact: ByteKeyTable
    /// ".example.com" for "*.example.com".
    @usableFromInline let suffixes: ByteKeyTable
    /// "mail." for "mail.*".
    @usableFromInline let prefixes: ByteKeyTable

    /// The table of those `servers` that listen at `address`; at least one must. Of servers with the same name the first one
    /// answers, as in nginx.
    public init(servers: [ServerConfig], listening address: ListenAddress) {
        var first: Int?
        var marked: Int?
        var names = Names()
        for (index, server) in servers.enumerated() {
            guard let listen = server.listens.first(where: { $0.address == address }) else { continue }
            first = first ?? index
            if listen.isDefault { marked = marked ?? index }
            for name in server.names { names.add(name, server: index) }
        }
        guard let defaultServer = marked ?? first else { preconditionFailure("no server listens at the address") }
        self.defaultServer = defaultServer
        exact = ByteKeyTable(pairs: names.exact)
        suffixes = ByteKeyTable(pairs: names.suffixes)
        prefixes = ByteKeyTable(pairs: names.prefixes)
    }

    private struct Names {
        var exact: [(key: [UInt8], value: Int)] = []
        var suffixes: [(key: [UInt8], value: Int)] = []
        var prefixes: [(key: [UInt8], value: Int)] = []

        mutating func add(_ name: String, server: Int) {
            if name.hasPrefix("*.") {
                suffixes.append((Array(name.utf8.dropFirst()), server))
            } else if name.hasSuffix(".*") {
                prefixes.append((Array(name.utf8.dropLast()), server))
            } else if name.hasPrefix(".") {
                // nginx's short form for the name and all below it.
                exact.append((Array(name.utf8.dropFirst()), server))
                suffixes.append((Array(name.utf8), server))
            } else {
                exact.append((Array(name.utf8), server))
            }
        }
    }

    /// The index of the server for `hostname`: in lower case, without a port, empty if the request named no host. A dot at its
    /// end (the DNS root) doesn't count.
    @inlinable
    public func server(forHost hostname: RawSpan) -> Int {
        let count = hostname.byteCount
        if count > 1, hostname[byte: count - 1] == UInt8(ascii: ".") { return lookUp(hostname.extracting(0..<(count - 1))) }
        return lookUp(hostname)
    }

    @inlinable
    func lookUp(_ hostname: RawSpan) -> Int {
        if let server = exact.index(of: hostname) { return server }
        if hostname.byteCount < 2 { return defaultServer }
        if !suffixes.isEmpty, let server = longestSuffix(of: hostname) { return server }
        // The asterisk stands for one byte at least.
        return prefixes.longestPrefix(of: hostname.extracting(0..<(hostname.byteCount - 1))) ?? defaultServer
    }

    /// From the first dot to the last: the longest suffix comes first. A host has 127 dots at the most (RFC 1035 § 2.3.4).
    @inlinable
    func longestSuffix(of hostname: RawSpan) -> Int? {
        var position = 1
        while let dot = hostname.firstIndex(of: UInt8(ascii: "."), from: position) {
            if let server = suffixes.index(of: hostname.extracting(dot..<hostname.byteCount)) { return server }
            position = dot + 1
        }
        return nil
    }
}
