/// What `cors` lists: origins of web pages (RFC 6454), methods and names of fields.
enum OriginReader {
    private static let expected = "expected an origin such as https://app.example.com or https://*.studio.example.com, or \"*\""
    private static let defaultPorts: [String: UInt16] = ["http": 80, "https": 443, "ws": 80, "wss": 443]

    /// In the form in which browsers send it: lower case, without the port that the scheme implies.
    static func origin(_ word: Word) throws(Complaint) -> String {
        if word.text == "*" { return "*" }
        if word.text.lowercased() == "null" {
            throw Complaint("\"null\" can't be allowed", expected: "it is the origin of every sandboxed page, and of files: anybody's")
        }
        guard let colon = word.text.firstRange(of: "://") else { throw Complaint("\(word.shown) is not an origin", expected: expected) }
        let scheme = word.text[..<colon.lowerBound].lowercased()
        let rest = word.text[colon.upperBound...]
        guard isScheme(scheme) else { throw Complaint("\(word.shown) is not an origin", expected: expected) }
        if let slash = rest.utf8.firstIndex(where: { "/?#".utf8.contains($0) }) {
            let start = word.text.utf8.distance(from: word.text.utf8.startIndex, to: slash)
            throw Complaint(
                "an origin has no path", expected: "expected \(scheme)://\(rest[..<slash])", part: start..<word.text.utf8.count)
        }
        return "\(scheme)://\(try authority(rest.lowercased(), scheme, word))"
    }

    private static func authority(_ text: String, _ scheme: String, _ word: Word) throws(Complaint) -> String {
        let isWildcard = text.hasPrefix("*.")
        if text.dropFirst(isWildcard ? 2 : 0).contains("*") {
            throw Complaint("a \"*\" can only stand for the first labels of a host, or alone", expected: expected)
        }
        if !text.utf8.allSatisfy({ $0 < 0x80 }) { throw Complaint("\(word.shown) is not ASCII", expected: "expected the name's xn-- form") }
        guard let parts = AddressReader.hostAndPort(isWildcard ? String(text.dropFirst(2)) : text), !parts.host.hasSuffix("."),
            !(isWildcard && parts.isBracketed)
        else { throw Complaint("\(word.shown) is not an origin", expected: expected) }
        let host = parts.isBracketed ? "[\(parts.host)]" : parts.host
        let port = parts.port == defaultPorts[scheme] ? "" : parts.port.map { ":\($0)" } ?? ""
        return (isWildcard ? "*." : "") + host + port
    }

    private static func isScheme(_ text: String) -> Bool {
        guard let first = text.utf8.first, first >= UInt8(ascii: "a"), first <= UInt8(ascii: "z") else { return false }
        return text.utf8.allSatisfy { $0.isNameByte && $0 != UInt8(ascii: "_") || "+-.".utf8.contains($0) }
    }

    // MARK: Methods

    private static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    static func method(_ word: Word) throws(Complaint) -> String {
        let upper = word.text.uppercased()
        if word.text != upper, methods.contains(upper) {
            throw Complaint("\(word.shown) is not a method: case counts", expected: "did you mean \"\(upper)\"?")
        }
        if ["CONNECT", "TRACE", "TRACK"].contains(upper) {
            throw Complaint("browsers never send \(word.shown)", expected: "expected methods such as GET and POST")
        }
        if word.text.contains("*") || !HeaderReader.isToken(word.text) {
            throw Complaint("\(word.shown) is not a method", expected: "expected each by its name, such as GET and POST")
        }
        return word.text
    }
}
