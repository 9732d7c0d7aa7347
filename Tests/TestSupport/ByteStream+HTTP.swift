import Foundation

/// Reading messages, by rules of the tests' own: strict in framing, so that a mistake shows and is not repaired.
extension ByteStream {
    /// Sends a request and reads its answer. `fields` are lines without their ends: "X-API-Key: k".
    public func request(
        _ method: String, _ target: String, host: String = "localhost", fields: [String] = [], body: [UInt8]? = nil,
        timeout: Double = Deadline.defaultSeconds
    ) throws -> HTTPResponse {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: \(host)"] + fields
        if let body { lines.append("Content-Length: \(body.count)") }
        try send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? []))
        return try readResponse(to: method, timeout: timeout)
    }

    public func get(_ target: String, host: String = "localhost", fields: [String] = []) throws -> HTTPResponse {
        try request("GET", target, host: host, fields: fields)
    }

    // MARK: Whole messages

    /// The next response to a request of `method`, after its 1xx answers. A body that ends early is reported, not thrown.
    public func readResponse(to method: String = "GET", timeout: Double = Deadline.defaultSeconds) throws -> HTTPResponse {
        let deadline = Deadline(seconds: timeout)
        var interim: [HTTPResponse] = []
        var head = try readHead(until: deadline)
        while (100...199).contains(head.status) && head.status != 101 {
            interim.append(head)
            head = try readHead(until: deadline)
        }
        head.interim = interim
        let hasNoBody = method == "HEAD" || head.status == 204 || head.status == 304 || head.status == 101
        if !hasNoBody { try readBody(of: &head, endsWithConnection: true, until: deadline) }
        head.surplus = unread
        return head
    }

    public func readRequest(timeout: Double = Deadline.defaultSeconds) throws -> HTTPRequest {
        let deadline = Deadline(seconds: timeout)
        var head = try readHead(until: deadline)
        try readBody(of: &head, endsWithConnection: false, until: deadline)
        head.surplus = unread
        return head
    }

    // MARK: Parts

    public func readHead(timeout: Double = Deadline.defaultSeconds) throws -> HTTPMessage {
        try readHead(until: Deadline(seconds: timeout))
    }

    func readHead(until deadline: Deadline) throws -> HTTPMessage {
        let pattern = Array("\r\n\r\n".utf8)
        let bytes = try receive("a head", until: deadline) { $0.endIndex(of: pattern) }
        return try HTTPMessage(rawHead: String(decoding: bytes, as: UTF8.self))
    }

    /// The next chunk's data; nil for the last chunk, behind which the trailer section is still unread.
    public func readChunk(timeout: Double = Deadline.defaultSeconds) throws -> [UInt8]? {
        try readChunk(until: Deadline(seconds: timeout))
    }

    private func readChunk(until deadline: Deadline) throws -> [UInt8]? {
        let line = try readLine("a chunk's size", until: deadline)
        guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { throw TestError.invalid("not a chunk size: '\(line)'") }
        if size == 0 { return nil }
        let bytes = try receive("a chunk of \(size) bytes", until: deadline) { $0.count >= size + 2 ? size + 2 : nil }
        guard bytes.suffix(2) == [13, 10] else { throw TestError.invalid("no line end behind a chunk") }
        return Array(bytes.dropLast(2))
    }

    public func readTrailers(timeout: Double = Deadline.defaultSeconds) throws -> [HTTPMessage.Field] {
        try readTrailers(until: Deadline(seconds: timeout))
    }

    private func readTrailers(until deadline: Deadline) throws -> [HTTPMessage.Field] {
        var fields: [HTTPMessage.Field] = []
        while true {
            let line = try readLine("a trailer", until: deadline)
            if line.isEmpty { return fields }
            fields.append(try HTTPMessage.parse(field: line))
        }
    }

    private func readLine(_ what: String, until deadline: Deadline) throws -> String {
        let bytes = try receive(what, until: deadline) { $0.endIndex(of: [13, 10]) }
        return String(decoding: bytes.dropLast(2), as: UTF8.self)
    }

    /// RFC 9112 § 6.3.
    private func readBody(of message: inout HTTPMessage, endsWithConnection: Bool, until deadline: Deadline) throws {
        let lengths = message.values("Content-Length")
        if message["Transfer-Encoding"]?.lowercased() == "chunked" {
            guard lengths.isEmpty else { throw TestError.invalid("both framings in: \(message.rawHead)") }
            try readChunkedBody(of: &message, until: deadline)
        } else if let length = lengths.first {
            guard lengths.count == 1, let length = Int(length) else { throw TestError.invalid("Content-Length in: \(message.rawHead)") }
            message.body = try receiveUpTo(length, until: deadline)
            message.isTruncated = message.body.count < length
        } else if endsWithConnection {
            message.body = try receiveUpTo(.max, until: deadline)
        }
    }

    private func readChunkedBody(of message: inout HTTPMessage, until deadline: Deadline) throws {
        do {
            while let chunk = try readChunk(until: deadline) {
                message.chunks.append(chunk)
                message.body += chunk
            }
            message.trailers = try readTrailers(until: deadline)
        } catch TestError.ended, TestError.reset {
            message.isTruncated = true
        }
    }

    private func receiveUpTo(_ count: Int, until deadline: Deadline) throws -> [UInt8] {
        do {
            while unread.count < count {
                let bytes = try receiveSome(until: deadline)
                if bytes.isEmpty { break }
                unread += bytes
            }
        } catch TestError.reset where count != .max {
            // Reported as truncated.
        }
        let taken = Array(unread.prefix(count))
        unread.removeFirst(taken.count)
        return taken
    }
}
