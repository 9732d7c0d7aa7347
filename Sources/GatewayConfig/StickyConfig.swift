import GatewayCore

/// `sticky`: what tells an upstream's callers apart.
public enum StickyKey: Sendable, Equatable {
    /// The name of the API key.
    case apiKey
    case address
    case header(String)
    case cookie(String)
}

/// `version_header`: the field that may name a version, and in whose requests.
public struct VersionHeaderConfig: Sendable, Equatable {
    public var name: String
    public var from: [CIDRBlock]

    public init(name: String, from: [CIDRBlock]) {
        self.name = name
        self.from = from
    }
}

enum StickyReader {
    static func key(_ word: Word) throws(Complaint) -> StickyKey {
        switch word.text {
        case "api_key": return .apiKey
        case "ip": return .address
        default: break
        }
        if word.text.hasPrefix("header:") { return .header(try HeaderReader.anyName(word.suffix(from: "header:".utf8.count))) }
        if word.text.hasPrefix("cookie:") {
            let name = word.suffix(from: "cookie:".utf8.count)
            if HeaderReader.isToken(name.text) { return .cookie(name.text) }
            throw Complaint("\(name.shown) is not the name of a cookie", expected: "expected letters, digits, \"-\" and \"_\"")
        }
        let hint = Suggestion.hint(for: word.text, among: ["api_key", "ip", "header:", "cookie:"])
        throw Complaint(
            "\(word.shown) is nothing to know callers by", expected: hint ?? "expected api_key, ip, header:NAME or cookie:NAME")
    }

    /// Networks with commas between them.
    static func networks(_ word: Word) throws(Complaint) -> [CIDRBlock] {
        var networks: [CIDRBlock] = []
        for element in word.text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            networks.append(
                try AddressReader.network(
                    Word(text: String(Substring(element)), position: word.position, environmentName: word.environmentName)))
        }
        return networks
    }
}

extension SnapshotBuilder {
    func stickyKey(of block: Scope) -> StickyKey? {
        guard let entry = block.first("sticky"), entry.isSound, hasVersions(entry, block) else { return nil }
        return entry.arguments.stickyKey()
    }

    func versionHeader(of block: Scope) -> VersionHeaderConfig? {
        guard let entry = block.first("version_header"), entry.isSound, hasVersions(entry, block) else { return nil }
        return entry.arguments.text("NAME").map { VersionHeaderConfig(name: $0, from: entry.arguments.networks()) }
    }

    private func hasVersions(_ entry: Entry, _ block: Scope) -> Bool {
        if !block.all("version").isEmpty { return true }
        diagnostics.error(
            "\(quote(entry.directive.name)) is about versions, and the upstream has none", at: entry.name.position,
            expected: "expected version NAME weight=NUMBER { server ...; }")
        return false
    }

    /// Keys are looked at by locations that ask for them alone.
    func warnOfUnknownCallers(_ main: Scope, _ servers: [ServerConfig]) {
        for upstream in main.all("upstream") {
            guard let entry = upstream.block?.first("sticky"), entry.arguments.stickyKey() == .apiKey,
                let index = upstream.arguments.text().flatMap(upstreams.index(of:))
            else { continue }
            let locations = servers.flatMap(\.locations).filter { location in
                if case .proxyPass(let pass) = location.action { pass.upstream == index } else { false }
            }
            if locations.isEmpty || locations.contains(where: { $0.authentication != nil }) { continue }
            diagnostics.warning(
                "no location that passes to the upstream knows its callers' keys: all go by weight", at: entry.name.position,
                expected: "expected \"authenticate api_key;\" in one")
        }
    }
}
