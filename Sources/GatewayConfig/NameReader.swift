import GatewayCore

/// Names that the configuration gives, and names of hosts, files and paths.
enum NameReader {
    /// Names stand in metrics, logs and headers, so they are kept plain.
    static func name(_ word: Word) throws(Complaint) -> String {
        let isPlain = word.text.utf8.allSatisfy { $0.isNameByte || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        if word.text.isEmpty || !isPlain || word.text.utf8.count > 64 {
            throw Complaint("\(word.shown) is not a name", expected: "expected up to 64 letters, digits, \"-\", \"_\" and \".\"")
        }
        return word.text
    }

    static func file(_ word: Word) throws(Complaint) -> String {
        if word.text.isEmpty || word.text.unicodeScalars.contains(where: { $0.value < 0x20 }) {
            throw Complaint("\(word.shown) is not the path of a file", expected: "expected the path of a file")
        }
        return word.text
    }

    /// In lower case. ".example.com" is nginx's short form of "example.com *.example.com".
    static func serverName(_ word: Word) throws(Complaint) -> [String] {
        let expected = "expected a name such as api.example.com, *.example.com, mail.* or _"
        let name = word.text.lowercased()
        if name.hasPrefix("~") { throw Complaint("regular expressions are not supported: \(word.shown)", expected: expected) }
        if name.isEmpty || name == "_" || AddressReader.hostAndPort(name).map({ $0.isBracketed && $0.port == nil }) == true {
            return [name]
        }
        if name.contains("/") || name.contains(":") {
            throw Complaint("\(word.shown) is more than a host name", expected: "\(expected), without scheme, port or path")
        }
        var host = Substring(name)
        var names = [name]
        if host.hasPrefix("*.") {
            host = host.dropFirst(2)
        } else if host.hasPrefix(".") {
            host = host.dropFirst()
            names = [String(host), "*." + host]
        } else if host.hasSuffix(".*") {
            host = host.dropLast(2)
        }
        if host.contains("*") {
            throw Complaint("a \"*\" can only be the first or the last label", expected: expected)
        }
        if host.unicodeScalars.contains(where: { !$0.isASCII }) {
            throw Complaint("\(word.shown) is not ASCII", expected: "expected the name's xn-- form")
        }
        let isHost = AddressReader.isHost(String(host)) && !host.hasSuffix(".")
        if !isHost { throw Complaint("\(word.shown) is not a host name", expected: expected) }
        return names
    }

    /// What stands in a Host field: a host, with or without a port.
    static func hostField(_ word: Word) throws(Complaint) -> String {
        guard let parts = AddressReader.hostAndPort(word.text), parts.host != "*" else {
            throw Complaint("\(word.shown) is not a host", expected: "expected a host, or a host with a port: chat.internal")
        }
        return word.text
    }

    /// In lower case. IPv6 addresses may have brackets, and lose them.
    static func host(_ word: Word) throws(Complaint) -> String {
        let expected = "expected a name or an address, without a port: api.models.example"
        if IPAddress(word.text) != nil { return word.text }
        guard let parts = AddressReader.hostAndPort(word.text), parts.port == nil, parts.host != "*" else {
            throw Complaint("\(word.shown) is not the name of a host", expected: expected)
        }
        return parts.host.lowercased()
    }

    static func locationPath(_ word: Word) throws(Complaint) -> String {
        let expected = "expected a path that begins with \"/\": location /v1/ or location = /healthz"
        let path = word.text
        if path.hasPrefix("~") { throw Complaint("regular expressions are not supported in locations", expected: expected) }
        if path.hasPrefix("^~") {
            throw Complaint("\"^~\" is not supported", expected: "leave it out: without regular expressions it changes nothing")
        }
        if path.hasPrefix("@") { throw Complaint("named locations are not supported", expected: expected) }
        if !path.hasPrefix("/") { throw Complaint("\(word.shown) does not begin with \"/\"", expected: expected) }
        if path.unicodeScalars.contains(where: { $0.value < 0x21 || $0.value == 0x7f }) {
            throw Complaint("\(word.shown) contains blanks or control characters", expected: expected)
        }
        if path.contains("?") || path.contains("#") {
            throw Complaint("a location matches the path alone, without a query", expected: expected)
        }
        return path
    }

    static func user(_ word: Word) throws(Complaint) -> String {
        if Accounts.user(named: word.text) == nil {
            throw Complaint("\(word.shown) is no user of this machine", expected: "expected a name that /etc/passwd has")
        }
        return word.text
    }

    static func group(_ word: Word) throws(Complaint) -> String {
        if Accounts.group(named: word.text) == nil {
            throw Complaint("\(word.shown) is no group of this machine", expected: "expected a name that /etc/group has")
        }
        return word.text
    }

    /// "text/html", or "*" for any; in lower case, as media types are compared (RFC 9110 § 8.3.1).
    static func mediaType(_ word: Word) throws(Complaint) -> String {
        let type = word.text.lowercased()
        let halves = type.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isType = halves.count == 2 && halves.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isMediaTypeByte) }
        if type != "*" && !isType {
            throw Complaint("\(word.shown) is not a media type", expected: "expected a type such as application/json, or * for any")
        }
        return type
    }
}

extension UInt8 {
    /// Whether it may stand in a restricted-name (RFC 6838 § 4.2).
    fileprivate var isMediaTypeByte: Bool {
        isNameByte || "!#$&-^.+".utf8.contains(self)
    }
}
