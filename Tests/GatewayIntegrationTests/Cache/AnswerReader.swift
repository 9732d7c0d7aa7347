import TestSupport

/// A client that asks one question and reads its answer piece by piece, when the test wants it to.
final class AnswerReader {
    enum Way: CaseIterable, Sendable {
        case http1, http2
    }

    enum Outcome: Equatable {
        case whole
        /// The connection's or the stream's end came before the answer's.
        case broken
    }

    static let question = Array(#"{"model":"demo","stream":true,"messages":[{"role":"user","content":"Why?"}]}"#.utf8)

    private enum Wire {
        case http1(any ByteStream)
        case http2(HTTP2Client, UInt32)
    }

    private let wire: Wire
    private var head: (status: Int, cacheStatus: String, length: Int?) = (0, "", nil)
    private(set) var body: [UInt8] = []
    /// How much of the body has been taken by ``event()``.
    private var taken = 0
    private(set) var outcome: Outcome?

    /// Sends the question on a connection of its own. (The scheme is part of what is asked: who asks by the other one asks something else.)
    init(
        _ edge: Edge, _ way: Way = .http1, over transport: Transport = .tls, path: String = "/v1/chat/completions",
        receiveBufferBytes: Int32? = nil
    ) throws {
        switch way {
        case .http1:
            let connection = try edge.connect(transport, receiveBufferBytes: receiveBufferBytes)
            let lines = ["POST \(path) HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
            let head = (lines + ["Content-Length: \(Self.question.count)"]).joined(separator: "\r\n") + "\r\n\r\n"
            try connection.send(Array(head.utf8) + Self.question)
            wire = .http1(connection)
        case .http2:
            let client = try HTTP2Client.open(edge.address(transport).connectHTTP2(receiveBufferBytes: receiveBufferBytes)) {
                // A client that reads nothing shall be held up by its own window.
                $0.replenishes = receiveBufferBytes == nil
            }
            wire = .http2(client, try Self.ask(client, path))
        }
    }

    /// Sends the question on a connection that has other requests, too.
    init(on client: HTTP2Client) throws {
        wire = .http2(client, try Self.ask(client, "/v1/chat/completions"))
    }

    private static func ask(_ client: HTTP2Client, _ path: String) throws -> UInt32 {
        try client.request(.request("POST", path, ["content-type": "application/json"]), body: question)
    }

    // MARK: Reading

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Waits for the head.
    @discardableResult
    func readHead() throws -> Int {
        if head.status != 0 { return head.status }
        switch wire {
        case .http1(let connection):
            let answer = try connection.readHead()
            head = (answer.status, answer["Cache-Status"] ?? "", answer["Content-Length"].flatMap(Int.init))
        case .http2(let client, let stream):
            try client.wait("a head") { $0.response(stream).head != nil || $0.response(stream).isOver }
            let answer = client.response(stream)
            if answer.head == nil { throw TestError.reset }
            head = (answer.status, answer["cache-status"] ?? "", nil)
        }
        return head.status
    }

    /// The head's, once that has been read.
    var cacheStatus: String { head.cacheStatus }

    /// The next event, with the empty line behind it; nil at the answer's end.
    func event() throws -> String? {
        try readHead()
        while true {
            let rest = body[taken...]
            if let end = rest.indices.dropFirst().first(where: { rest[$0] == 10 && rest[$0 - 1] == 10 }) {
                defer { taken = end + 1 }
                return String(decoding: rest[...end], as: UTF8.self)
            }
            if outcome != nil { return nil }
            try readMore()
        }
    }

    /// Reads until `count` bytes of the body are there, or its end.
    func read(_ count: Int) throws {
        try readHead()
        while outcome == nil && body.count < count { try readMore() }
    }

    @discardableResult
    func readToEnd() throws -> Outcome {
        try read(.max)
        return outcome ?? .broken
    }

    private func readMore() throws {
        do {
            switch wire {
            case .http1(let connection): try readMore(connection)
            case .http2(let client, let stream):
                try client.wait("more of the answer") { $0.response(stream).body.count > body.count || $0.response(stream).isOver }
                let answer = client.response(stream)
                body = answer.body
                if answer.isOver { outcome = answer.resetCode == nil ? .whole : .broken }
            }
        } catch TestError.ended {
            outcome = .broken
        } catch TestError.reset {
            outcome = .broken
        }
    }

    private func readMore(_ connection: any ByteStream) throws {
        guard let length = head.length else {
            if let chunk = try connection.readChunk() {
                body += chunk
            } else {
                _ = try connection.readTrailers()
                outcome = .whole
            }
            return
        }
        if body.count < length {
            if connection.unread.isEmpty {
                connection.unread = try connection.receiveSome(until: Deadline(seconds: Deadline.defaultSeconds))
            }
            if connection.unread.isEmpty { throw TestError.ended("inside the body") }
            let piece = connection.unread.prefix(length - body.count)
            connection.unread.removeFirst(piece.count)
            body += piece
        }
        if body.count == length { outcome = .whole }
    }

    // MARK: Leaving

    func leave() {
        switch wire {
        case .http1(let connection): connection.breakOff()
        case .http2(let client, _): client.connection.breakOff()
        }
    }
}

extension Edge {
    /// So many clients that have asked the same: by HTTP/1.1, and by HTTP/2 with four on a connection.
    func readers(_ count: Int, over transport: Transport = .tls) throws -> [AnswerReader] {
        var client: HTTP2Client?
        return try (0..<count).map { number in
            if number % 6 < 2 { return try AnswerReader(self, over: transport) }
            if number % 6 == 2 { client = try .open(address(transport).connectHTTP2()) }
            guard let client else { throw TestError.invalid("no connection") }
            return try AnswerReader(on: client)
        }
    }

    /// How many requests the cache has answered in this way.
    func cacheRequests(_ result: String) throws -> Int {
        Int(try gateway.metrics().sum("gateway_cache_requests_total", ["result": result]))
    }

    func notStored(_ reason: String) throws -> Int {
        Int(try gateway.metrics().sum("gateway_cache_not_stored_total", ["reason": reason]))
    }

    func stored() throws -> Int {
        Int(try gateway.metrics().sum("gateway_cache_stored_total"))
    }
}
