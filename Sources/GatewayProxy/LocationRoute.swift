import GatewayCache
import GatewayConfig
import GatewayCore
import GatewayPolicy
import GatewayTelemetry

/// A `location` block, or what a server does where none matches.
final class LocationRoute: Sendable {
    enum Action: Sendable {
        case notFound
        case answer(status: Int, content: Content)
        /// To ``LocationRoute/upstream``, with the path that ``LocationRoute/rewrite`` makes.
        case proxy
    }

    /// How a request is sent on: plain values, as all that requests ask for one at a time: to read them counts no reference.
    struct Forwarding: BitwiseCopyable, Sendable {
        /// The names in ``proxySetFields``.
        let setNames: FieldNames
        /// Whether ``rewrite`` leaves every path as it is.
        let keepsPath: Bool
        /// Whether the origin gets the client's Host.
        let keepsHost: Bool
    }

    enum Content: Sendable {
        case empty
        case redirect(CompiledTemplate)
        case text(CompiledTemplate)
    }

    /// The members of a log line that name server and location, encoded.
    let logMembers: [UInt8]
    let action: Action
    let upstream: UpstreamRoute?
    let rewrite: PathRewrite
    let bodyBytesMax: UInt64
    /// 0: no limit.
    let requestTimeoutMs: Int
    let addFields: FieldTemplates
    let proxySetFields: FieldTemplates
    /// nil: `gzip off`.
    let gzip: GzipPolicy?
    /// nil: it answers whoever asks.
    let policies: RoutePolicies?
    /// nil: none of its policies.
    let edge: EdgePolicy?
    /// nil: it answers nothing from a cache.
    let cache: CacheRoute?
    /// Server and location, as the metrics name them.
    let place: [String]
    let answerTable: AnswerTableSlot
    /// nil: the answers aren't those of an API whose tokens could be counted.
    let answers: AnswerCounters?
    /// Whether ``action`` is ``Action/proxy``.
    let isProxied: Bool
    /// Whether there is a ``cache``.
    let isCached: Bool
    let forwarding: Forwarding
    let tracing: TracePolicy
    /// Of the spans of its requests, and of those of what it fetches for the cache.
    let spanOpenings: SpanOpenings
    let fetchSpanOpenings: SpanOpenings

    init(
        _ config: LocationConfig, server: String, listens: String, _ context: RouteContext
    ) {
        let registry = context.registry
        logMembers = JSONLine.members([("server", server), ("location", config.name)])
        bodyBytesMax = UInt64(config.clientMaxBodyBytes)
        requestTimeoutMs = config.requestTimeoutMs
        addFields = FieldTemplates(config.addHeaders)
        proxySetFields = FieldTemplates(config.proxySetHeaders)
        gzip = config.gzip.map(GzipPolicy.init)
        policies = RoutePolicies(config, context.callers, registry: registry)
        edge = EdgePolicy(config.edge, place: [server, config.name], flags: context.flags, registry: registry)
        action =
            switch config.action {
            case .none: .notFound
            case .return(let status, .empty): .answer(status: status, content: .empty)
            case .return(let status, .redirect(let url)): .answer(status: status, content: .redirect(CompiledTemplate(url)))
            case .return(let status, .text(let text)): .answer(status: status, content: .text(CompiledTemplate(text)))
            case .proxyPass: .proxy
            }
        let pass: ProxyPass? = if case .proxyPass(let pass) = config.action { pass } else { nil }
        upstream = pass.map { context.upstreams[$0.upstream] }
        rewrite = PathRewrite(matched: CanonicalPath.encode(config.path), replacement: pass?.uri)
        forwarding = Forwarding(
            setNames: proxySetFields.knownNames, keepsPath: pass?.uri == nil, keepsHost: upstream?.host == nil)
        isProxied = pass != nil
        tracing = TracePolicy(isOn: context.tracing != nil && config.isTraced, sampleMillionths: context.tracing?.sampleMillionths ?? 0)
        let path = config.path
        let route = path.isEmpty ? [] : [SpanJSON.Attribute("http.route", path)]
        spanOpenings = tracing.isOn ? SpanOpenings(route) { path.isEmpty ? $0 : "\($0) \(path)" } : .bare
        fetchSpanOpenings = tracing.isOn && config.cache != nil ? SpanOpenings(route) { _ in "cache fetch" } : .bare
        isCached = config.cache != nil
        cache = config.cache.map {
            CacheRoute(
                $0, in: config, place: "\(listens) \(server) \(config.name)", upstream: pass.map { context.upstreamConfigs[$0.upstream] },
                context)
        }
        answers = pass == nil ? nil : config.edge.api.map { AnswerCounters($0, [server, config.name], registry) }
        place = [server, config.name]
        answerTable = registry.answers(place, hasExemplars: tracing.isOn)
    }
}
