/// What `tracing` is given.
enum CollectorReader {
    /// The URL that spans are sent to: "http://127.0.0.1:4318/v1/traces".
    static func url(_ word: Word) throws(Complaint) -> ProxyTarget {
        let expected = "expected the collector's URL for traces: http://127.0.0.1:4318/v1/traces"
        let isTLS = word.text.hasPrefix("https://")
        guard isTLS || word.text.hasPrefix("http://") else {
            throw Complaint("\(word.shown) is not the URL of a collector", expected: expected)
        }
        let rest = Array(word.text.utf8.dropFirst(isTLS ? 8 : 7))
        let hostEnd = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.count
        let authority = String(decoding: rest[..<hostEnd], as: UTF8.self)
        let path = String(decoding: rest[hostEnd...], as: UTF8.self)
        guard !authority.contains("@"), let parts = AddressReader.hostAndPort(authority), parts.host != "*", parts.port != 0 else {
            throw Complaint("\(word.shown) has no host, or more than a host and a port, before its path", expected: expected)
        }
        if path.isEmpty || path == "/" {
            throw Complaint("\(word.shown) has no path", expected: "expected the path for traces: most collectors have /v1/traces")
        }
        guard path.utf8.allSatisfy({ 0x21...0x7e ~= $0 && $0 != UInt8(ascii: "#") }) else {
            throw Complaint("\(word.shown) contains characters that a URL can't have", expected: "write them as %XX")
        }
        return ProxyTarget(host: parts.host, port: parts.port, isTLS: isTLS, uri: path)
    }

    /// "Authorization:Bearer abc"; blanks behind the colon may stand in quotes.
    static func field(_ word: Word) throws(Complaint) -> FieldConfig {
        let expected = "expected NAME:VALUE, such as Authorization:env:COLLECTOR_TOKEN"
        guard let colon = word.text.utf8.firstIndex(of: UInt8(ascii: ":")), HeaderReader.isToken(String(word.text[..<colon])) else {
            throw Complaint("\(word.shown) is not a header field", expected: expected)
        }
        let name = String(word.text[..<colon])
        let value = String(word.text.utf8[colon...].dropFirst().drop { $0 == UInt8(ascii: " ") }) ?? ""
        if ["host", "content-type", "content-length", "transfer-encoding", "connection"].contains(name.lowercased()) {
            throw Complaint("\(name) can't be set", expected: "the gateway says itself what it sends, and to whom")
        }
        if value.isEmpty || value.utf8.last == UInt8(ascii: " ") || !value.utf8.allSatisfy({ 0x20...0x7e ~= $0 }) {
            throw Complaint("the value of \(name) is not that of a header field", expected: "expected one line of ASCII")
        }
        return FieldConfig(name, value)
    }
}
