import GatewayCore

/// Addresses to listen on, servers of upstreams, and networks.
enum AddressReader {
    /// "8080", "*:8080", "0.0.0.0:8080", "127.0.0.1", "[::]:8443", "localhost:8080"; the port is 80 where none is given.
    static func listenAddress(_ word: Word) throws(Complaint) -> ListenAddress {
        let expected = "expected a port, or an address with a port: 8080, 127.0.0.1:8080, [::]:8443"
        if word.text.hasPrefix("unix:") { throw Complaint("unix: sockets are not supported", expected: expected) }
        if let port = port(word.text) { return ListenAddress(address: IPAddress(v4: 0), isV6: false, port: port) }
        guard let parts = hostAndPort(word.text) else { throw Complaint("\(word.shown) is not an address", expected: expected) }
        let port = parts.port ?? 80
        switch parts.host {
        case "*": return ListenAddress(address: IPAddress(v4: 0), isV6: false, port: port)
        case "localhost": return ListenAddress(address: IPAddress(v4: 0x7f00_0001), isV6: false, port: port)
        default: break
        }
        guard let address = IPAddress(parts.host) else {
            throw Complaint("\(word.shown) is not an address (names are not resolved here)", expected: expected)
        }
        if parts.isBracketed, address.isV4 {
            throw Complaint("\(word.shown) is an IPv4 address written as IPv6", expected: "expected \(address):\(port)")
        }
        return ListenAddress(address: address, isV6: !address.isV4, port: port)
    }

    /// "chat.internal:9001", "127.0.0.1:9001", "[::1]:9001"; the port is 80 where none is given, as in nginx.
    static func endpoint(_ word: Word) throws(Complaint) -> Endpoint {
        let expected = "expected a host with a port: 127.0.0.1:9001, chat.internal:9001, [::1]:9001"
        if word.text.hasPrefix("unix:") { throw Complaint("unix: sockets are not supported", expected: expected) }
        if word.text.hasPrefix("http://") || word.text.hasPrefix("https://") {
            throw Complaint("\(word.shown) is a URL", expected: expected)
        }
        guard let (host, port, _) = hostAndPort(word.text) else {
            throw Complaint("\(word.shown) is not a host with a port", expected: expected)
        }
        if port == 0 { throw Complaint("port 0 can't be connected to", expected: expected) }
        return Endpoint(host: host, port: port ?? 80)
    }

    static func network(_ word: Word) throws(Complaint) -> CIDRBlock {
        let expected = "expected an address or a network: 10.0.0.0/8, 192.0.2.1, ::1, 2001:db8::/32"
        guard let network = CIDRBlock(word.text) else {
            throw Complaint("\(word.shown) is not an address or a network", expected: expected)
        }
        let address = word.text.utf8.split(separator: UInt8(ascii: "/")).first.flatMap { IPAddress(String(Substring($0))) }
        if address != network.address {
            throw Complaint("\(word.shown) has bits set beyond its prefix length", expected: "expected \(network)")
        }
        return network
    }

    /// Splits "HOST", "HOST:PORT", "[V6]" and "[V6]:PORT". nil if it is none of them, or the host is no name and no address.
    static func hostAndPort(_ text: String) -> (host: String, port: UInt16?, isBracketed: Bool)? {
        let isBracketed = text.hasPrefix("[")
        let bytes = Array(text.utf8)
        let hostEnd = isBracketed ? bytes.firstIndex(of: UInt8(ascii: "]")) : bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
        guard let hostEnd else { return nil }
        let host = String(decoding: bytes[(isBracketed ? 1 : 0)..<hostEnd], as: UTF8.self)
        let rest = bytes[(hostEnd + (isBracketed ? 1 : 0))...]
        var number: UInt16?
        if !rest.isEmpty {
            guard rest.first == UInt8(ascii: ":"), let port = port(String(decoding: rest.dropFirst(), as: UTF8.self)) else { return nil }
            number = port
        }
        if isBracketed {
            guard host.utf8.contains(UInt8(ascii: ":")), let address = IPAddress(host) else { return nil }
            return (address.description, number, true)
        }
        guard host == "*" || isHost(host) else { return nil }
        return (host, number, false)
    }

    /// An IPv4 address, or a name: letters, digits, "-", "_" and "."; what has only digits and dots has to be an address. No label is
    /// empty, but the last, behind a final dot: OpenSSL takes a certificate of any subdomain for a name that begins with a dot.
    static func isHost(_ text: String) -> Bool {
        if text.isEmpty || text.utf8.count > 253 { return false }
        if text.utf8.allSatisfy({ 0x30...0x39 ~= $0 || $0 == UInt8(ascii: ".") }) { return IPAddress(text) != nil }
        if text.hasPrefix(".") || text == "-" || text.contains("..") { return false }
        return text.utf8.allSatisfy { $0.isNameByte || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    private static func port(_ text: String) -> UInt16? {
        text.utf8.allSatisfy { 0x30...0x39 ~= $0 } ? UInt16(text) : nil
    }
}
