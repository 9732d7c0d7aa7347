/// The URL of proxy_pass.
enum ProxyTargetReader {
    /// "http://chat", "http://127.0.0.1:9001/v1/".
    static func read(_ word: Word) throws(Complaint) -> ProxyTarget {
        let expected = "expected http:// and an upstream's name or HOST:PORT: http://api, http://127.0.0.1:9001"
        let isTLS = word.text.hasPrefix("https://")
        guard isTLS || word.text.hasPrefix("http://") else {
            throw Complaint("\(word.shown) is not the URL of an origin", expected: expected)
        }
        let bytes = Array(word.text.utf8.dropFirst(isTLS ? 8 : 7))
        let hostEnd = bytes.firstIndex { [UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#")].contains($0) } ?? bytes.count
        let authority = String(decoding: bytes[..<hostEnd], as: UTF8.self)
        let uri = String(decoding: bytes[hostEnd...], as: UTF8.self)
        if authority.hasPrefix("unix:") { throw Complaint("unix: sockets are not supported", expected: expected) }
        if authority.contains("@") { throw Complaint("\(word.shown) contains user information", expected: expected) }
        guard let parts = AddressReader.hostAndPort(authority), parts.host != "*", parts.port != 0 else {
            throw Complaint("\(quoted(authority, in: word)) is neither an upstream's name nor HOST:PORT", expected: expected)
        }
        try check(uri: uri, in: word)
        return ProxyTarget(host: parts.host, port: parts.port, isTLS: isTLS, uri: uri.isEmpty ? nil : uri)
    }

    private static func check(uri: String, in word: Word) throws(Complaint) {
        if uri.contains("?") || uri.contains("#") {
            throw Complaint(
                "\(word.shown) contains a query or a fragment", expected: "expected a path at most; the client's query is passed on")
        }
        if uri.unicodeScalars.contains(where: { $0.value < 0x21 || $0.value > 0x7e }) {
            throw Complaint("\(word.shown) contains characters that a URL can't have", expected: "write them as %XX")
        }
    }

    private static func quoted(_ text: String, in word: Word) -> String {
        word.environmentName == nil ? quote(text) : word.shown
    }
}
