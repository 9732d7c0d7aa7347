import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// The response as the client gets it.
extension Exchange {
    /// Encodes the origin's final head for the client, and decides how the body will be framed. ``endResponseHead(on:into:)`` follows.
    mutating func encodeResponseHead<Form: FieldForm>(
        of call: borrowing UpstreamCall, _: Form.Type, _ clock: inout WallClock, now: MonotonicTime, into queue: inout ByteQueue
    ) {
        response.status = call.head.status
        response.hasBegun = true
        response.begunAt = now
        chooseFraming(call.framing)
        HTTP1Encoder.statusLine(call.head.status, reason: call.head.reason, into: &queue)
        let replaces = !policyFields.isEmpty
        var run = FieldRun()
        let ownVary = call.ownVary
        let vary = addedVary(isVarySaid: ownVary != nil, to: call)
        for index in 0..<call.head.fields.count {
            switch call.head.fields.name(index) {
            case .contentLength, .transferEncoding: continue
            case .age where cacheOutcome.isHit: continue
            case .trailer: if response.framing != .chunked && !isOverHTTP2 { continue }
            case .vary:
                if call.head.fields.isHopByHop(index) { continue }
                if !vary.isEmpty && ownVary == index {
                    Form.end(&run, of: call.head.fields, to: &queue)
                    vary.appendField(after: call.head.fields.value(index), to: &queue)
                    continue
                }
            case .etag, .acceptRanges:
                if call.head.fields.isHopByHop(index) { continue }
                if response.coding != .asReceived {
                    Form.end(&run, of: call.head.fields, to: &queue)
                    if encodeAdapted(index, of: call, into: &queue) { continue }
                }
            case .other where replaces && replacesField(call.head.fields.nameBytes(index)): continue
            default: if call.head.fields.isHopByHop(index) { continue }
            }
            Form.append(index, of: call.head.fields, to: &queue, &run)
        }
        Form.end(&run, of: call.head.fields, to: &queue)
        // A response without a Date gets one from the first recipient that has a clock (RFC 9110 § 6.6.1).
        if call.head.fields.firstIndex(of: .date) == nil || location?.edge?.withheld.contains(.date) == true {
            clock.encodeDate(now, into: &queue)
        }
        if response.coding == .gzip { queue.append("Content-Encoding: gzip\r\n") }
        if ownVary == nil { vary.appendField(to: &queue) }
        encodeFraming(of: call, Form.self, into: &queue)
        if response.status == 426 && head.version == .http11 { call.encodeUpgradeOffer(into: &queue) }
    }

    /// What the response depends on besides what the origin says, if the client gets to see that (`isVarySaid`).
    private func addedVary(isVarySaid: Bool, to call: borrowing UpstreamCall) -> VaryNames {
        var names: VaryNames = []
        if response.coding != .asReceived && !(isVarySaid && call.head.fields.variesByEncoding) { names.insert(.acceptEncoding) }
        if location?.edge?.cors != nil && !(isVarySaid && call.head.fields.variesByOrigin) { names.insert(.origin) }
        return names
    }

    private mutating func chooseFraming(_ framing: BodyFraming) {
        switch framing {
        case .length where !response.encoder.isNone:
            // How long it will be is known when all of it has been compressed.
            response.framing = head.version == .http11 ? .chunked : .untilClose
        case .none, .length:
            response.framing = framing
        case .chunked, .untilClose:
            // An HTTP/1.0 client knows no chunks: the end of the connection is the end of the body. In HTTP/2 the stream's is.
            let isHTTP10 = head.version == .http10
            response.framing = head.version == .http11 ? .chunked : .untilClose
            if isHTTP10 { response.keepsAlive = false }
        }
    }

    @inline(__always)
    private func encodeFraming<Form: FieldForm>(of call: borrowing UpstreamCall, _: Form.Type, into queue: inout ByteQueue) {
        switch response.framing {
        case .length(let length):
            Form.append(.contentLength, "Content-Length", decimal: length, to: &queue)
        case .chunked:
            queue.append("Transfer-Encoding: chunked\r\n")
        case .none:
            // For HEAD and 304 the length is that of the response that GET would get (RFC 9110 § 8.6); 204 has none.
            if call.head.status != 204, response.coding != .gzip, let index = call.head.fields.firstIndex(of: .contentLength) {
                Form.append(.contentLength, "Content-Length", call.head.fields.value(index), to: &queue)
            }
        case .untilClose:
            break
        }
    }

    /// What every final response ends with: the fields of policies and of the edge, add_header, the connection's fate, the empty line.
    func endResponseHead(on connection: borrowing DownstreamConnection, into queue: inout ByteQueue) {
        encodeAddedFields(on: connection, into: &queue)
        endResponseHead(into: &queue)
    }

    /// Whether a policy, the edge or add_header has anything to add.
    var addsFields: Bool { !policyFields.isEmpty || location?.edge != nil || location?.addFields.isEmpty == false }

    func encodeAddedFields(on connection: borrowing DownstreamConnection, into queue: inout ByteQueue) {
        if !policyFields.isEmpty { queue.append(policyFields.bytes) }
        if let edge = location?.edge { encodeEdge(edge, overTLS: connection.stream.isTLS, into: &queue) }
        if let fields = location?.addFields, !fields.isEmpty { evaluate(fields, on: connection, into: &queue) }
    }

    /// The same for who has called ``encodeAddedFields(on:into:)`` if there is anything to add.
    func endResponseHead(into queue: inout ByteQueue) {
        if isOverHTTP2 {
            // Its connection is the session's business.
        } else if !response.keepsAlive {
            queue.append("Connection: close\r\n")
        } else if head.version == .http10 {
            queue.append("Connection: keep-alive\r\n")
        }
        queue.append("\r\n")
    }
}

extension UpstreamCall {
    /// Where the origin's Vary begins; nil without one, or if it is withheld.
    fileprivate var ownVary: Int? {
        guard let index = head.fields.firstIndex(of: .vary), !head.fields.isHopByHop(index) else { return nil }
        return index
    }

    /// Keeps fields of the head that has come from the client.
    mutating func withhold(_ names: FieldNameSet) {
        for index in 0..<head.fields.count where names.contains(head.fields.name(index), head.fields.nameBytes(index)) {
            head.fields.keepBack(index)
        }
    }

    /// The same of what comes behind the content.
    mutating func withholdTrailers(_ names: FieldNameSet) {
        for index in 0..<trailers.count where names.contains(trailers.name(index), trailers.nameBytes(index)) {
            trailers.keepBack(index)
        }
    }

    /// What a 426 asks the client to switch to (RFC 9110 § 15.5.22), if the gateway would let it.
    fileprivate func encodeUpgradeOffer(into queue: inout ByteQueue) {
        if !head.fields.offersUpgrade { return }
        queue.append("Connection: Upgrade\r\n")
        for index in 0..<head.fields.count where head.fields.name(index) == .upgrade {
            head.fields.appendLine(index, to: &queue)
        }
    }

    func encodeInterimHead(into queue: inout ByteQueue) {
        HTTP1Encoder.statusLine(head.status, reason: head.reason, into: &queue)
        for index in 0..<head.fields.count where !head.fields.isHopByHop(index) {
            // An interim response has no content (RFC 9110 § 15.2), so nothing may say how long it is.
            if head.fields.name(index) == .contentLength { continue }
            head.fields.appendLine(index, to: &queue)
        }
        queue.append("\r\n")
    }
}
