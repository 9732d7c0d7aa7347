import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// The request as the origin gets it: what was parsed, encoded anew, with hop-by-hop fields gone and ours in their place.
extension Exchange {
    /// In the form that suits the origin, which is asked `overHTTP2` or not.
    @inline(__always)
    func encodeRequestHead(
        overHTTP2: Bool, on connection: borrowing DownstreamConnection, into queue: inout ByteQueue
    ) throws(GatewayError) {
        if overHTTP2 {
            try encodeRequestHead(CountedForm.self, on: connection, into: &queue)
        } else {
            try encodeRequestHead(LineForm.self, on: connection, into: &queue)
        }
    }

    private func encodeRequestHead<Form: FieldForm>(
        _: Form.Type, on connection: borrowing DownstreamConnection, into queue: inout ByteQueue
    ) throws(GatewayError) {
        guard let forwarding = location?.forwarding else { return }
        let set = forwarding.setNames
        // What most heads fit into.
        queue.reserve(512)
        if head.isExtendedConnect { queue.append("GET") } else { queue.append(head.methodBytes) }
        queue.append(" ")
        if head.targetForm == .asterisk {
            queue.append("*")
        } else if forwarding.keepsPath {
            queue.append(head.path)
        } else if let location {
            try location.rewrite.append(path: head.path, to: &queue)
        }
        if head.hasQuery {
            queue.append("?")
            queue.append(head.query)
        }
        queue.append(" HTTP/1.1\r\n")
        if !set.contains(.host) {
            if forwarding.keepsHost {
                encodeHost(Form.self, into: &queue)
            } else if let host = location?.upstream?.host {
                Form.append(.host, "Host", host.rawSpan, to: &queue)
            }
        }
        encodeClientFields(set, Form.self, into: &queue)
        encodeForwarding(set, Form.self, connection, into: &queue)
        if !set.isEmpty, let fields = location?.proxySetFields { evaluate(fields, on: connection, into: &queue) }
        switch requestBody.framing {
        case .none, .untilClose: break
        case .length(let length): Form.append(.contentLength, "Content-Length", decimal: length, to: &queue)
        case .chunked: queue.append("Transfer-Encoding: chunked\r\n")
        }
        // gRPC's servers ask for it (RFC 9110 § 10.1.4); over HTTP/1.1 it would need Connection to name it.
        if Form.isCounted && head.fields.takesTrailers { queue.append("TE: trailers\r\n") }
        if head.asksUpgrade { encodeUpgrade(into: &queue) }
        if head.expectsContinue { queue.append("Expect: 100-continue\r\n") }
        if trace.isOn { encodeTrace(set, into: &queue) }
        queue.append("\r\n")
    }

    /// What the client says; HTTP/1.0 may say nothing. An origin over HTTP/2 would refuse that as malformed (RFC 9113 § 8.3.1), and be blamed
    /// for it: it is asked by the upstream's name.
    @inline(__always)
    private func encodeHost<Form: FieldForm>(_: Form.Type, into queue: inout ByteQueue) {
        if Form.isCounted, head.authority.byteCount == 0, let name = location?.upstream?.name {
            Form.append(.host, "Host", name.rawSpan, to: &queue)
        } else {
            Form.append(.host, "Host", head.authority, to: &queue)
        }
    }

    private func encodeClientFields<Form: FieldForm>(_ set: FieldNames, _: Form.Type, into queue: inout ByteQueue) {
        var run = FieldRun()
        let isExtendedConnect = head.isExtendedConnect
        for index in 0..<head.fields.count {
            let name = head.fields.name(index)
            switch name {
            case .host, .contentLength, .transferEncoding, .expect, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xRequestID:
                continue
            case .forwarded, .xForwardedPort, .xRealIP:
                // Like X-Forwarded-For a trusted proxy's word alone; many origins would even believe these first.
                if !isFromTrustedProxy { continue }
            case .maxForwards:
                if head.hasForwardsLimit, let left = head.forwardsLeft, left > 0 {
                    Form.end(&run, of: head.fields, to: &queue)
                    if !set.contains(.maxForwards) { Form.append(.maxForwards, "Max-Forwards", decimal: left - 1, to: &queue) }
                    continue
                }
            case .traceparent, .tracestate:
                if trace.isOn || head.fields.isHopByHop(index) { continue }
            case .trailer:
                if requestBody.framing != .chunked { continue }
            case .acceptEncoding, .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince:
                // What is fetched for the cache is whole, and coded by the gateway for each who asks.
                if !caching.isNone || head.fields.isHopByHop(index) { continue }
            default:
                if head.fields.isHopByHop(index) { continue }
                // The handshake with the origin has a key of its own.
                if isExtendedConnect && head.fields.nameBytes(index).equalsIgnoringCase("sec-websocket-key") { continue }
            }
            // A trusted proxy is trusted with what it says, not with what a stranger's request has carried past it.
            if name == .other && head.fields.nameBytes(index).isDisguised { continue }
            if !set.isEmpty, location?.proxySetFields.contains(name, head.fields.nameBytes(index)) == true { continue }
            Form.append(index, of: head.fields, to: &queue, &run)
        }
        Form.end(&run, of: head.fields, to: &queue)
    }

    /// X-Forwarded-* and X-Request-ID: a trusted proxy's are kept, everybody else's are set anew.
    @inline(__always)
    private func encodeForwarding<Form: FieldForm>(
        _ set: FieldNames, _: Form.Type, _ connection: borrowing DownstreamConnection, into queue: inout ByteQueue
    ) {
        if set.isEmpty && !isFromTrustedProxy && head.authority.byteCount > 0 {
            if Form.isCounted { return encodeCountedForwarding(connection, into: &queue) }
            // As for most requests: nothing to look up, few pieces, and the client is the peer.
            queue.append("X-Forwarded-For: ")
            connection.peerText.append(to: &queue)
            if connection.stream.isTLS {
                queue.append("\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: ")
            } else {
                queue.append("\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: ")
            }
            queue.append("", head.authority, "\r\nX-Request-ID: ")
            appendOwnRequestID(to: &queue)
            queue.append("\r\n")
            return
        }
        if !set.contains(.xForwardedFor) {
            queue.append("X-Forwarded-For: ")
            appendForwardedFor(on: connection, to: &queue)
            queue.append("\r\n")
        }
        if !set.contains(.xForwardedProto) {
            queue.append("X-Forwarded-Proto: ")
            if !appendTrusted(.xForwardedProto, to: &queue) {
                if connection.stream.isTLS { queue.append("https") } else { queue.append("http") }
            }
            queue.append("\r\n")
        }
        if !set.contains(.xForwardedHost) && head.authority.byteCount > 0 {
            queue.append("X-Forwarded-Host: ")
            if !appendTrusted(.xForwardedHost, to: &queue) { queue.append(head.authority) }
            queue.append("\r\n")
        }
        if !set.contains(.xRequestID) {
            queue.append("X-Request-ID: ")
            appendRequestID(to: &queue)
            queue.append("\r\n")
        }
    }

    /// As for most requests that go on over HTTP/2.
    private func encodeCountedForwarding(_ connection: borrowing DownstreamConnection, into queue: inout ByteQueue) {
        CountedField.append(.xForwardedFor, connection.peerText, into: &queue)
        if connection.stream.isTLS {
            CountedField.append(.xForwardedProto, "https", into: &queue)
        } else {
            CountedField.append(.xForwardedProto, "http", into: &queue)
        }
        CountedField.append(.xForwardedHost, head.authority, into: &queue)
        CountedField.append(.xRequestID, requestIDDigits, into: &queue)
    }

    /// The chain of a trusted proxy with the proxy itself behind it; else the peer alone.
    func appendForwardedFor(on connection: borrowing DownstreamConnection, to queue: inout ByteQueue) {
        if isFromTrustedProxy {
            for index in 0..<head.fields.count where head.fields.name(index) == .xForwardedFor {
                if head.fields.value(index).byteCount == 0 { continue }
                queue.append(head.fields.value(index))
                queue.append(", ")
            }
        }
        connection.peerText.append(to: &queue)
    }

    /// Who asks: see ``client``.
    func appendClient(on connection: borrowing DownstreamConnection, to queue: inout ByteQueue) {
        if isFromTrustedProxy { client.append(to: &queue) } else { connection.peerText.append(to: &queue) }
    }

    private func appendTrusted(_ name: FieldName, to queue: inout ByteQueue) -> Bool {
        guard isFromTrustedProxy, let index = head.fields.firstIndex(of: name) else { return false }
        queue.append(head.fields.value(index))
        return head.fields.value(index).byteCount > 0
    }

    func appendRequestID(to queue: inout ByteQueue) {
        if !appendTrusted(.xRequestID, to: &queue) { appendOwnRequestID(to: &queue) }
    }

    private func appendOwnRequestID(to queue: inout ByteQueue) {
        queue.append(requestIDDigits)
    }
}
