import GatewayCore
import Glibc

/// What is fuzzed. Each target takes any bytes, and stops the program when the code under test breaks a promise.
enum FuzzTarget: String, CaseIterable {
    /// The head of a request, and its path.
    case request
    /// The head of a response.
    case response
    /// The chunked coding.
    case chunked
    /// gateway.conf, but for `include`, which reads what it is told to.
    case configuration
    /// Addresses, networks and X-Forwarded-For.
    case address
    /// A string in the access log.
    case json
    /// The frames of an HTTP/2 connection, on either side.
    case http2
    /// The body of a request, for its cache key.
    case canonicaljson
    /// An answer of an AI API, streamed or whole.
    case eventstream
    /// The header of the PROXY protocol.
    case proxy
    /// What clients say of a trace, and what a collector answers.
    case trace

    /// The one that the argument `--target=NAME` names: libFuzzer leaves out what begins with two hyphens, but hands it on to the
    /// processes that it starts for -merge=1.
    static let chosen: FuzzTarget = {
        let prefix = "--target="
        let names = CommandLine.arguments.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
        if let target = names.last.flatMap({ FuzzTarget(rawValue: String($0)) }) { return target }
        print("fuzz: --target=NAME is needed: \(allCases.map(\.rawValue).joined(separator: ", "))")
        exit(2)
    }()

    func run(_ input: RawSpan) {
        switch self {
        case .request: RequestFuzzing.run(input)
        case .response: ResponseFuzzing.run(input)
        case .chunked: ChunkedFuzzing.run(input)
        case .configuration: ConfigurationFuzzing.run(input)
        case .address: AddressFuzzing.run(input)
        case .json: JSONFuzzing.run(input)
        case .http2: HTTP2Fuzzing.run(input)
        case .canonicaljson: CanonicalJSONFuzzing.run(input)
        case .eventstream: EventStreamFuzzing.run(input)
        case .proxy: ProxyHeaderFuzzing.run(input)
        case .trace: TraceFuzzing.run(input)
        }
    }

    /// One for all: a pool is never freed. There is one thread.
    nonisolated(unsafe) static let pool = BufferPool()
}
