import GatewayConfig
import GatewayCore
import GatewayPolicy

/// What an upstream goes by before weights have their turn: `version_header` and `sticky`.
final class VersionPolicy: Sendable {
    /// `version_header`.
    struct Header: Sendable {
        let name: [UInt8]
        let from: NetworkList
        let versions: [[UInt8]]
    }

    /// Whom `sticky` takes for a caller.
    enum Caller: Sendable {
        case nobody, apiKey, address
        case header([UInt8])
        case cookie([UInt8])
    }

    let header: Header?
    let caller: Caller
    let versionNames: [[UInt8]]
    let sticky: StickyVersions

    /// nil for an upstream that goes by weights alone.
    init?(_ config: UpstreamConfig) {
        if config.sticky == nil && config.versionHeader == nil { return nil }
        versionNames = config.versions.map { Array($0.name.utf8) }
        header = config.versionHeader.map { header in
            Header(
                name: Array(header.name.utf8), from: NetworkList(header.from), versions: config.versions.map { Array($0.name.utf8) })
        }
        caller =
            switch config.sticky {
            case nil: .nobody
            case .apiKey: .apiKey
            case .address: .address
            case .header(let name): .header(Array(name.utf8))
            case .cookie(let name): .cookie(Array(name.utf8))
            }
        sticky = StickyVersions(upstream: config.name, versions: config.versions.map { ($0.name, $0.weight) })
    }
}

extension Exchange {
    /// The version that the request asks for, or that its caller has; nil where that is for the weights to say.
    func version(by policy: VersionPolicy) -> Int? {
        if let header = policy.header, let asked = askedVersion(header) { return asked }
        switch policy.caller {
        case .nobody: return nil
        case .apiKey:
            guard let caller = callerKey else { return nil }
            return policy.sticky.version(of: caller.keys.text(caller.name).rawSpan)
        case .address: return policy.sticky.version(of: client.caller(v6PrefixBits: Limits.stickyPrefixBits))
        case .header(let name): return version(ofHeader: name, policy.sticky)
        case .cookie(let name): return version(ofCookie: name, policy.sticky)
        }
    }

    /// By its name, weight 0 included. What is no version of the upstream asks for nothing.
    func askedVersion(_ header: VersionPolicy.Header) -> Int? {
        guard let index = head.fields.firstIndex(named: header.name.rawSpan), header.from.contains(client) else { return nil }
        for version in header.versions.indices {
            let name = header.versions[version]
            if head.fields.value(index).elementsEqual(name.rawSpan) { return version }
        }
        return nil
    }

    private func version(ofHeader name: [UInt8], _ sticky: StickyVersions) -> Int? {
        guard let index = head.fields.firstIndex(named: name.rawSpan), head.fields.value(index).byteCount > 0 else { return nil }
        return sticky.version(of: head.fields.value(index))
    }

    /// HTTP/2 may have a field for each cookie (RFC 9113 § 8.2.3).
    private func version(ofCookie name: [UInt8], _ sticky: StickyVersions) -> Int? {
        for index in 0..<head.fields.count where head.fields.name(index) == .cookie {
            guard let range = CookieValue.range(named: name.rawSpan, in: head.fields.value(index)) else { continue }
            return sticky.version(of: head.fields.value(index).extracting(range))
        }
        return nil
    }
}
