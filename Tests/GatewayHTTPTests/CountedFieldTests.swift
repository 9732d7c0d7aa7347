import GatewayCore
import Testing

@testable import GatewayHTTP

/// What goes out over HTTP/2 is the same, byte for byte, whether the fields of a head were lines or counted.
@Suite struct CountedFieldTests {
    typealias Field = (name: String, value: String)

    /// Which of the fields are counted: none of them, all, or every other one.
    private let forms: [@Sendable (Int) -> Bool] = [{ _ in false }, { _ in true }, { $0 % 2 == 0 }, { $0 % 2 == 1 }]

    private func append(_ fields: [Field], to queue: inout ByteQueue, _ pool: BufferPool, isCounted: (Int) -> Bool) {
        var held = HeaderFields(pool: pool)
        for (index, field) in fields.enumerated() {
            let (name, value) = (Array(field.name.utf8), Array(field.value.utf8))
            held.appendVerbatim(FieldName(name.rawSpan), name: name.rawSpan, value: value.rawSpan)
            if isCounted(index) { held.appendCounted(index, to: &queue) } else { held.appendLine(index, to: &queue) }
        }
        queue.append("\r\n")
    }

    /// Three times the same, so that names are found in the table, and values.
    private func requests(_ fields: [Field], isCounted: (Int) -> Bool) throws -> [UInt8] {
        let client = try HTTP2TestSession.client()
        for _ in 0..<3 {
            var queue = client.lines("GET /a?b HTTP/1.1\r\n")
            append(fields, to: &queue, client.pool, isCounted: isCounted)
            client.ask(queue)
        }
        return client.output()
    }

    private func responses(_ fields: [Field], isCounted: (Int) -> Bool) throws -> [UInt8] {
        let server = try HTTP2TestSession.server()
        for turn in 0..<3 {
            server.give([.headers(Int32(2 * turn + 1), requestFields())])
            var queue = server.lines("HTTP/1.1 404 Nowhere: to be found\r\n")
            append(fields, to: &queue, server.pool, isCounted: isCounted)
            server.session.respond(try server.stream(turn), queue, endsStream: true)
        }
        return server.output()
    }

    private func expectSame(_ fields: [Field]) throws {
        let (asked, answered) = (try requests(fields, isCounted: forms[0]), try responses(fields, isCounted: forms[0]))
        for form in forms {
            #expect(try requests(fields, isCounted: form) == asked)
            #expect(try responses(fields, isCounted: form) == answered)
        }
    }

    @Test(arguments: ["a value", "", "a", String(repeating: "x", count: 63), String(repeating: "longer-", count: 30)])
    func `every field goes out as its line would, secrets and what is one connection's own among them`(value: String) throws {
        let known = FieldName.allCases.filter { $0 != .other }.map { Field("\($0.name)".uppercased(), value) }
        let unknown = ["X-Unheard-Of", "x", "X-Auth-Token", "api-key", "X-Correlation-ID", "HTTP2-Settings"].map { Field($0, value) }
        try expectSame(known + unknown + [("TE", "trailers"), ("TE", "gzip"), ("Accept", "*/*")])
    }

    @Test func `Host becomes the authority wherever it stands`() throws {
        let others: [Field] = [("Accept", "*/*"), ("X-Own", "1"), ("Connection", "close")]
        for place in 0...others.count {
            var fields = others
            fields.insert(("Host", "example.com"), at: place)
            try expectSame(fields)
            let server = try HTTP2TestSession.server()
            let client = try HTTP2TestSession.client()
            var queue = client.lines("GET / HTTP/1.1\r\n")
            append(fields, to: &queue, client.pool) { _ in true }
            client.ask(queue)
            server.give(client.sent())
            let request = try server.request(try server.stream())
            #expect(request.authority == "example.com" && request.fields == ["accept=*/*", "x-own=1"])
        }
        try expectSame(others)
        try expectSame([])
    }

    @Test(arguments: [Limits.headFieldsMax - 3, Limits.headFieldsMax, 3 * Limits.headFieldsMax])
    func `any number of fields goes out`(count: Int) throws {
        let fields: [Field] = (0..<count).map { ($0 % 3 == 0 ? "X-\($0)" : "Accept", "\($0)") }
        try expectSame(fields)
        let server = try HTTP2TestSession.server()
        let client = try HTTP2TestSession.client()
        var queue = client.lines("GET / HTTP/1.1\r\n")
        append([("Host", "a")] + fields, to: &queue, client.pool) { _ in true }
        client.ask(queue)
        server.give(client.sent())
        let stream = try server.stream()
        // A reader that takes no more than so many has seen that there are more.
        if count > Limits.headFieldsMax { return #expect(server.error(stream) == .fieldsTooMany) }
        #expect(try server.request(stream).fields.count == count)
    }

    @Test func `a field that is not held as HTTP 1 spells it is a line`() throws {
        let pool = lastingPool()
        var fields = HeaderFields(pool: pool)
        let (name, value) = (Array("X-Own".utf8), Array("1".utf8))
        fields.append(name: name.rawSpan, value: value.rawSpan)
        var queue = ByteQueue(pool: pool)
        fields.appendCounted(0, to: &queue)
        let text = queue.bytes.string
        #expect(text == "X-Own: 1\r\n")
    }

    @Test func `numbers and literals are counted, numbers of any size`() throws {
        for number: UInt64 in [0, 7, 10, 999, 1000, 99_999_999, 100_000_000, .max] {
            let server = try HTTP2TestSession.server()
            let client = try HTTP2TestSession.client()
            let value = Array("v".utf8)
            var queue = client.lines("GET / HTTP/1.1\r\n")
            CountedField.append(.xForwardedProto, "https", into: &queue)
            CountedField.append(.age, decimal: number, into: &queue)
            CountedField.append(.host, value.rawSpan, into: &queue)
            CountedField.append(.xForwardedFor, IPAddress.Text(try #require(IPAddress("10.1.2.3"))), into: &queue)
            CountedField.append(.xRequestID, LongHexDigits(1, .max), into: &queue)
            queue.append("\r\n")
            client.ask(queue)
            server.give(client.sent())
            let request = try server.request(try server.stream())
            #expect(request.authority == "v")
            #expect(
                request.fields == [
                    "x-forwarded-proto=https", "age=\(number)", "x-forwarded-for=10.1.2.3", "x-request-id=0000000000000001ffffffffffffffff",
                ])
        }
    }
}

extension HTTP2TestSession {
    fileprivate func ask(_ lines: borrowing ByteQueue) {
        let stream = session.request(lines, isSecure: true, user: .none, endsStream: true)
        #expect(stream != nil)
    }
}
