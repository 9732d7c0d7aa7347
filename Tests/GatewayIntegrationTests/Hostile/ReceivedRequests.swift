import TestSupport
import Testing

/// What an origin received, as h11 and the tests' own reader understood it, by the client's address.
struct ReceivedRequests {
    struct Client {
        var requests: [H11Origin.Request] = []
        /// Requests whose end the origin has not seen.
        var cutOff = 0
    }

    private var clients: [String: Client] = [:]

    /// Fails for everything that h11 could not parse, that breaks a rule of the reader's, or that the two understood differently.
    init(by origin: H11Origin) throws {
        for connection in try origin.connections() {
            for request in connection.requests { add(request) }
            let bytes = visible(connection.bytes.prefix(2000))
            if let error = connection.error { Issue.record("h11 refuses what was forwarded: \(error): \(bytes)") }
            let forwarded: ForwardedBytes
            do {
                forwarded = try ForwardedBytes(connection.bytes, allowsOpaqueText: true)
            } catch {
                Issue.record("what was forwarded breaks a rule: \(error)")
                continue
            }
            let whole = connection.requests.filter(\.complete)
            #expect(forwarded.requests.map(Self.summary) == whole.map(Self.summary), "h11 reads it differently: \(bytes)")
            #expect(forwarded.isCutOff || whole.count == connection.requests.count, "h11 waits for more: \(bytes)")
            // Nothing may follow what is cut off.
            #expect(!forwarded.isCutOff || connection.ended, "a connection with half a request lives on: \(bytes)")
        }
        for address in clients.keys { clients[address]?.requests.sort { $0.number < $1.number } }
    }

    private mutating func add(_ request: H11Origin.Request) {
        let address = request.values("X-Forwarded-For").joined(separator: "|")
        if request.complete {
            clients[address, default: Client()].requests.append(request)
        } else {
            clients[address, default: Client()].cutOff += 1
        }
    }

    subscript(address: String) -> Client { clients[address] ?? Client() }

    /// Addresses that are nobody's: of requests that no client sent.
    func strangers(_ addresses: [String]) -> Set<String> { Set(clients.keys).subtracting(addresses) }

    private static func summary(_ request: ForwardedBytes.Request) -> String {
        let names = (request.fields + request.trailers).map(\.name)
        return "\(request.method) \(request.target) \(names) \(request.body.count)"
    }

    private static func summary(_ request: H11Origin.Request) -> String {
        "\(request.method) \(request.target) \((request.fields + request.trailers).map { $0[0] }) \(request.body.unicodeScalars.count)"
    }
}

extension HostileRequest {
    /// Throws unless the origin got exactly what it should.
    func expectForwarded(_ client: ReceivedRequests.Client) throws {
        try client.expect(requestsAtOrigin, mayBeCutOff: mayBeCutOff, hasOpaqueText: hasOpaqueText)
    }
}

extension ReceivedRequests.Client {
    /// Throws unless these requests came, in this order, and no other.
    func expect(_ expected: [HostileRequest.Forwarded], mayBeCutOff: Bool, hasOpaqueText: Bool) throws {
        guard requests.count == expected.count, cutOff == 0 || mayBeCutOff && cutOff == 1 else {
            throw TestError.invalid("at the origin: \(requests), and \(cutOff) without an end")
        }
        for (expected, request) in zip(expected, requests) {
            guard expected.line == "\(request.method) \(request.target)", expected.host.map({ [$0] == request.values("Host") }) ?? true,
                expected.body.map({ $0 == request.body }) ?? true
            else { throw TestError.invalid("\(expected) became \(request)") }
            let lines = (request.fields + request.trailers).map { "\($0[0]): \($0[1])" }
            if let missing = expected.has.first(where: { !lines.contains($0) }) {
                throw TestError.invalid("'\(missing)' is not in \(lines)")
            }
            let names = Set((request.fields + request.trailers).map { $0[0].lowercased() })
            if let surplus = expected.lacks.first(where: { names.contains($0.lowercased()) }) {
                throw TestError.invalid("'\(surplus)' is in \(lines)")
            }
            if !hasOpaqueText, let line = lines.first(where: { !$0.utf8.allSatisfy { $0 < 0x80 } }) {
                throw TestError.invalid("a byte that is not ASCII in '\(line)'")
            }
        }
    }
}
