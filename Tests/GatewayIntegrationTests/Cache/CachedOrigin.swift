import TestSupport

/// A gateway with a cache before an origin that numbers the requests that it gets: who gets the same number got the same answer.
struct CachedOrigin {
    typealias Script = @Sendable (_ number: Int, _ request: HTTPRequest, _ connection: TCPConnection) throws -> Void

    static let zone = "cache_zone ai memory=16m entry_max=1m;"

    let edge: Edge
    private let requests: Monitor<[HTTPRequest]>

    /// `cache` is what follows the zone's name.
    init(_ cache: String = "", main: String = "", location: String = "", workers: Int = 1, _ script: @escaping Script) throws {
        let requests = Monitor<[HTTPRequest]>([])
        self.requests = requests
        let origin = try Self.origin(requests, script)
        edge = try Edge(origin, main: Self.zone + main, location: "cache ai \(cache); \(location)", workers: workers)
    }

    /// Every answer has a length and `fields`, lines with their ends.
    init(_ cache: String = "", fields: String = "", main: String = "", location: String = "", workers: Int = 1) throws {
        try self.init(cache, main: main, location: location, workers: workers) { number, request, connection in
            try connection.send(Self.answer(number, request, fields: fields))
        }
    }

    static func origin(_ requests: Monitor<[HTTPRequest]> = Monitor([]), _ script: @escaping Script) throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                let number = requests.update {
                    $0.append(request)
                    return $0.count
                }
                try script(number, request, connection)
            }
        }
    }

    /// "1 POST /a body": what is asked, with the number of the request.
    static func answer(_ number: Int, _ request: HTTPRequest, _ status: String = "200 OK", fields: String = "") -> String {
        let text = "\(number) \(request.method) \(request.target) \(request.text)"
        let content = request.method == "HEAD" ? "" : text
        return "HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(text.utf8.count)\r\n\r\n\(content)"
    }

    // MARK: Asking

    var gateway: Gateway { edge.gateway }
    var received: [HTTPRequest] { requests.value }
    var count: Int { requests.value.count }

    func client(_ way: Way = .http1) throws -> WayClient { try edge.client(way) }

    /// One request on a connection of its own.
    func ask(_ target: String = "/", _ fields: [String] = [], _ way: Way = .http1) throws -> Answer {
        try client(way).ask(target, fields)
    }

    func post(_ body: String, _ target: String = "/", _ fields: [String] = [], _ way: Way = .http1) throws -> Answer {
        try client(way).post(body, target, fields)
    }

    // MARK: Figures

    /// Waits until the counter has come to `count`, and not beyond.
    func expect(_ name: String, _ labels: [String: String], _ count: Double) throws {
        try gateway.waitForMetrics("\(name) \(labels) \(count)") { $0.sum(name, labels) == count }
    }

    func expect(_ name: String, _ count: Double) throws { try expect(name, [:], count) }

    func expectNotStored(_ reason: String, _ count: Double = 1) throws {
        try expect("gateway_cache_not_stored_total", ["zone": "ai", "reason": reason], count)
        try expect("gateway_cache_not_stored_total", count)
    }

    func expectBypass(_ reason: String, _ count: Double) throws {
        try expect("gateway_cache_bypasses_total", ["zone": "ai", "reason": reason], count)
        try expect("gateway_cache_bypasses_total", count)
    }
}

extension WayClient {
    /// GET with fields.
    func ask(_ target: String, _ fields: [String]) throws -> Answer { try ask(target, "GET", fields) }

    /// POST of JSON.
    func post(_ body: String, _ target: String = "/", _ fields: [String] = []) throws -> Answer {
        try ask(target, "POST", ["Content-Type: application/json"] + fields, body: body)
    }
}

extension Answer {
    /// What Cache-Status says, without the name of the gateway and the seconds that are left.
    var cacheStatus: String? {
        guard let value = self["Cache-Status"], value.hasPrefix("gateway; ") else { return nil }
        return String(value.dropFirst("gateway; ".count)).replacing(/ttl=-?[0-9]+/, with: "ttl")
    }

    var isHit: Bool { cacheStatus == "hit; ttl" }
    /// Asked of the origin, and stored.
    var isMiss: Bool { cacheStatus == "fwd=miss; stored" }
    /// The seconds that are left, as Cache-Status has them.
    var ttl: Int? { (self["Cache-Status"]?.firstMatch(of: /ttl=(-?[0-9]+)/)?.1).flatMap { Int($0) } }
    var age: Int? { self["Age"].flatMap { Int($0) } }
}
