/// The reading half: one frame at a time, each checked against what a server may send.
extension HTTP2Client {
    /// false at the connection's end.
    @discardableResult
    public func readFrame(until deadline: Deadline) throws -> Bool {
        if ending != nil { return false }
        while true {
            if let frame = HTTP2Frame.parse(connection.unread) {
                connection.unread.removeFirst(HTTP2Frame.headBytes + frame.payload.count)
                try take(frame)
                return true
            }
            do {
                let bytes = try connection.receiveSome(until: deadline)
                if bytes.isEmpty { ending = .closed }
                connection.unread += bytes
            } catch TestError.reset {
                ending = .reset
            }
            if ending != nil {
                guard connection.unread.isEmpty || ending == .reset else { throw TestError.invalid("the end within a frame") }
                return false
            }
        }
    }

    private func take(_ frame: HTTP2Frame) throws {
        frames.append(frame.kind == .data ? HTTP2Frame(.data, frame.flags, frame.stream, [], claimedLength: frame.payload.count) : frame)
        guard frame.payload.count <= maxFrameSize else { throw violation("a frame of \(frame.payload.count) bytes", frame) }
        guard frame.stream < 1 << 31 else { throw violation("the reserved bit", frame) }
        guard serverSettings != nil || frame.kind == .settings && !frame.flags.contains(.ack) else {
            throw violation("SETTINGS does not come first", frame)
        }
        guard openBlock == nil || frame.kind == .continuation else { throw violation("a frame within a field block", frame) }
        switch frame.kind {
        case .data: try takeData(frame)
        case .headers, .continuation: try takeHeaders(frame)
        case .resetStream: try takeReset(frame)
        case .settings: try takeSettings(frame)
        case .ping: try takePing(frame)
        case .goAway: try takeGoAway(frame)
        case .windowUpdate:
            guard frame.payload.count == 4 else { throw violation("its length", frame) }
            try flow.gained(Int(UInt32(bigEndianBytes: frame.payload)), on: frame.stream)
        case .priority, .pushPromise: throw violation("a server that sends this", frame)
        case nil: break
        }
    }

    /// A server that has ended the connection takes no answers, and what it said before is still to be read.
    private func reply(_ frame: HTTP2Frame) throws {
        do { try send(frame) } catch TestError.reset {}
    }

    private func violation(_ rule: String, _ frame: HTTP2Frame) -> TestError {
        .invalid("\(rule): \(frame); before: \(frames.suffix(6).dropLast())")
    }

    // MARK: The connection

    private func takeSettings(_ frame: HTTP2Frame) throws {
        guard frame.stream == 0, frame.payload.count % 6 == 0 else { throw violation("its form", frame) }
        if frame.flags.contains(.ack) {
            guard frame.payload.isEmpty, !pendingSettings.isEmpty else { throw violation("an acknowledgement of nothing", frame) }
            settingsAcks += 1
            apply(pendingSettings.removeFirst())
            return
        }
        for (id, value) in frame.settings {
            serverSettings = (serverSettings ?? [:]).merging([id: value]) { $1 }
            if id == HTTP2Setting.initialWindowSize { flow.gainInitially(Int(value)) }
        }
        serverSettings = serverSettings ?? [:]
        if options.acknowledges { try reply(.settingsAck) }
    }

    private func apply(_ settings: [(id: UInt16, value: UInt32)]) {
        for (id, value) in settings {
            switch id {
            case HTTP2Setting.initialWindowSize: flow.grantInitially(Int(value))
            case HTTP2Setting.maxFrameSize: maxFrameSize = Int(value)
            case HTTP2Setting.headerTableSize: decoder.allow(tableBytes: Int(value))
            default: break
            }
        }
    }

    private func takePing(_ frame: HTTP2Frame) throws {
        guard frame.stream == 0, frame.payload.count == 8 else { throw violation("its form", frame) }
        if frame.flags.contains(.ack) { pongs.append(frame.payload) } else { try reply(.ping(frame.payload, .ack)) }
    }

    private func takeGoAway(_ frame: HTTP2Frame) throws {
        guard frame.stream == 0, frame.payload.count >= 8 else { throw violation("its form", frame) }
        let last = UInt32(bigEndianBytes: frame.payload[0..<4])
        guard last <= goAways.last?.last ?? .max else { throw violation("a last stream above the one before", frame) }
        let code = UInt32(bigEndianBytes: frame.payload[4..<8])
        goAways.append(GoAway(last: last, code: code, debug: String(decoding: frame.payload[8...], as: UTF8.self)))
    }

    // MARK: Streams

    private func takeReset(_ frame: HTTP2Frame) throws {
        guard frame.stream != 0, frame.stream <= lastStream, frame.payload.count == 4 else { throw violation("its form", frame) }
        guard responses[frame.stream]?.resetCode == nil else { throw violation("a second reset", frame) }
        responses[frame.stream, default: HTTP2Response()].resetCode = UInt32(bigEndianBytes: frame.payload)
    }

    private func takeData(_ frame: HTTP2Frame) throws {
        try flow.received(frame.payload.count, on: frame.stream)
        if options.replenishes && !frame.payload.isEmpty {
            try reply(.windowUpdate(0, UInt32(frame.payload.count)))
            if !frame.flags.contains(.endStream) && !resetByClient.contains(frame.stream) {
                try reply(.windowUpdate(frame.stream, UInt32(frame.payload.count)))
            }
        }
        if resetByClient.contains(frame.stream) { return }
        guard expectsContent(frame.stream) else { throw violation("content where none may be", frame) }
        var content = frame.payload[...]
        if frame.flags.contains(.padded) {
            guard let padding = content.popFirst(), Int(padding) <= content.count else { throw violation("its padding", frame) }
            content = content.dropLast(Int(padding))
        }
        responses[frame.stream]?.body += content
        responses[frame.stream]?.dataLengths.append(frame.payload.count)
        if frame.flags.contains(.endStream) { try end(frame) }
    }

    /// A function of its own: the copy that it looks at is gone when the content grows.
    private func expectsContent(_ stream: UInt32) -> Bool {
        guard let response = responses[stream] else { return false }
        return !response.isOver && response.head != nil
    }

    private func takeHeaders(_ frame: HTTP2Frame) throws {
        var whole = frame
        if frame.kind == .continuation {
            guard var begun = openBlock, begun.stream == frame.stream else { throw violation("no HEADERS before it", frame) }
            begun.payload += frame.payload
            begun.flags.formUnion(frame.flags)
            whole = begun
        } else {
            guard frame.stream % 2 == 1, frame.stream <= lastStream else { throw violation("a stream that nobody opened", frame) }
            guard frame.flags.isDisjoint(with: [.padded, .priority]) else { throw violation("flags that no server needs", frame) }
        }
        openBlock = whole
        guard frame.flags.contains(.endHeaders) else { return }
        openBlock = nil
        let fields = try decoder.decode(whole.payload)
        if resetByClient.contains(frame.stream) { return }
        try place(fields, whole)
    }

    private func place(_ fields: HTTP2Fields, _ frame: HTTP2Frame) throws {
        let endsStream = frame.flags.contains(.endStream)
        var response = self.response(frame.stream)
        guard !response.isOver else { throw violation("a head behind the end", frame) }
        if let rule = HTTP2FieldRules.brokenRule(in: fields, areTrailers: response.head != nil) {
            throw violation("\(rule) in \(fields)", frame)
        }
        if response.head != nil {
            guard endsStream else { throw violation("trailers that are not the end", frame) }
            response.trailers = fields
        } else if fields[":status"]?.hasPrefix("1") == true {
            guard !endsStream, fields[":status"] != "101" else { throw violation("not an interim head", frame) }
            response.interim.append(fields)
        } else {
            response.head = fields
        }
        responses[frame.stream] = response
        if endsStream { try end(frame) }
    }

    /// RFC 9113 § 8.1.1: the content is as long as its length says.
    private func end(_ frame: HTTP2Frame) throws {
        responses[frame.stream]?.hasEnded = true
        let response = self.response(frame.stream)
        let hasNoContent = methods[frame.stream] == "HEAD" || response.status == 304 || response.status == 204
        guard !hasNoContent || response.body.isEmpty else { throw violation("content where none is defined", frame) }
        guard let length = response["content-length"], !hasNoContent else { return }
        guard Int(length) == response.body.count else {
            throw violation("content-length \(length) for \(response.body.count) bytes", frame)
        }
    }
}

/// RFC 9113 § 8.2 and § 8.3.2, for responses.
enum HTTP2FieldRules {
    private static let connectionSpecific: Set = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te"]

    static func brokenRule(in fields: HTTP2Fields, areTrailers: Bool) -> String? {
        let names = fields.fields.map(\.name)
        let pseudo = names.prefix { $0.hasPrefix(":") }
        if Array(pseudo) != (areTrailers ? [] : [":status"]) { return "the pseudo-header fields \(pseudo)" }
        if names.dropFirst(pseudo.count).contains(where: { $0.hasPrefix(":") }) { return "a pseudo-header field behind another" }
        if let status = fields[":status"], status.count != 3 || Int(status) == nil { return "the status '\(status)'" }
        for field in fields.fields.dropFirst(pseudo.count) {
            if field.name.isEmpty || !field.name.utf8.allSatisfy(isNameByte) { return "the name '\(field.name)'" }
            if connectionSpecific.contains(field.name) { return "the field \(field.name)" }
            if field.value.unicodeScalars.contains(where: { $0.value == 0 || $0.value == 10 || $0.value == 13 }) { return "a control" }
            if field.value != field.value.trimmed { return "white space around a value" }
        }
        return nil
    }

    /// A token's bytes, in lower case.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7a || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

extension String {
    fileprivate var trimmed: String {
        func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
