import GatewayConfig
import GatewayCore
import GatewayNet

/// What the answers of a location with a `cache` depend on besides the request: a reload that changes any of it must find none of those
/// that were stored before, and one that changes nothing of it must find them all.
///
/// In it is what decides which requests get one answer (`cache`, `authenticate`, where keys stand), what the origin gets to see beyond the
/// request (`proxy_set_header`, the URI of `proxy_pass`, `host`, `strip`), who answers (the upstream, and how sure that is by its `tls`),
/// and by which rules an answer was held to be one for others (`force`, `obey_origin`, `api`). Not in it is what the gateway does to an answer
/// when it gives it (gzip, add_header and so on), how long one is fresh, and which servers and weights there are: by those a
/// deployment changes every day. Nor are the versions' names: who keeps one has its name in the key (``CacheKeyMaker/Part/version``), and
/// among the others the weights choose, so that any answer is as good.
struct CacheRouteName {
    private var lines: [String] = []

    /// Its digest, so that what stands here costs a request nothing. Names of the same are the same on all workers of a process.
    static func bytes(
        _ place: String, _ cache: CacheConfig, _ partition: CacheRoute.Partition, in location: LocationConfig, upstream: UpstreamConfig?,
        keyFields: [APIKeysConfig.Field]
    ) -> [UInt8] {
        var name = Self()
        name.add("place", [place])
        name.add(cache)
        name.add(partition, location, keyFields)
        name.addFields(location.proxySetHeaders)
        if case .proxyPass(let pass) = location.action { name.add("uri", pass.uri.map { [$0] } ?? []) }
        if let upstream { name.add(upstream) }
        if let api = location.edge.api { name.add("api", ["\(api)"]) }
        var sha256 = SHA256()
        return sha256.digest(of: Array(name.lines.joined(separator: "\n").utf8).rawSpan).bytes
    }

    /// Values are quoted, with what could be taken for the end of one escaped: no two lists are the same text.
    private mutating func add(_ what: String, _ values: [String]) {
        lines.append(([what] + values.map(\.debugDescription)).joined(separator: " "))
    }

    private mutating func add(_ cache: CacheConfig) {
        add("headers", cache.fields.sorted())
        add("ignore", cache.ignored.sorted())
        // Beside `ignore=temperature` it decides whose answers are in the cache.
        if cache.deterministicOnly { add("deterministic_only", []) }
        // What was kept against the origin's word is nothing to give when that counts again.
        if cache.force { add("force", []) }
        if cache.obeysOrigin { add("obey_origin", []) }
    }

    private mutating func add(_ partition: CacheRoute.Partition, _ location: LocationConfig, _ keyFields: [APIKeysConfig.Field]) {
        add("partition", ["\(partition)"])
        let strips = location.authentication?.stripsKey == true
        if strips { add("strip", []) }
        // What stands there counts by the key's name, or keeps a request away; in their order, as the first that is there is the one.
        if partition != .shared || strips {
            for field in keyFields { add("key", [field.name.lowercased(), field.isBearer ? "bearer" : ""]) }
        }
    }

    private mutating func addFields(_ headers: [HeaderTemplate]) {
        for header in Self.ordered(headers) {
            let parts = header.value.parts.map { part in
                switch part {
                case .literal(let text): "=" + text
                case .variable(let variable): "$\(variable)"
                }
            }
            add("proxy_set_header", [header.name] + parts)
        }
    }

    /// By name, in lower case: the order of names has no meaning, nor has their case. That of lines with the same name has.
    static func ordered(_ headers: [HeaderTemplate]) -> [HeaderTemplate] {
        let named = headers.map { HeaderTemplate(name: $0.name.lowercased(), value: $0.value) }
        return named.enumerated().sorted { ($0.element.name, $0.offset) < ($1.element.name, $1.offset) }.map(\.element)
    }

    private mutating func add(_ upstream: UpstreamConfig) {
        add("upstream", [upstream.name])
        if let host = upstream.host { add("host", [host]) }
        guard let tls = upstream.tls else { return }
        add("tls", [tls.verifies ? "on" : "off"])
        if let name = tls.name { add("tls name", [name]) }
        if let path = tls.caPath { add("tls ca", [path]) }
        if let files = tls.certificate { add("tls certificate", ["\(files.certificatePath)"]) }
    }
}
