import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// What a collector is told of an exchange, by OpenTelemetry's semantic conventions for HTTP; what those have no word for is `gateway.*`.
extension Exchange {
    /// The exchange as a whole, as its client sees it. What the API's answer told of itself is still to be added, and the end.
    func encodeServerSpan(
        on connection: borrowing DownstreamConnection, hiding hidden: HiddenParameters?, startNs: UInt64, endNs: UInt64,
        _ times: inout SpanJSON.Times, into line: inout ByteQueue
    ) {
        let identity = SpanJSON.Identity(trace: trace.digits, span: trace.spanDigits, parent: trace.parentDigits)
        SpanJSON.begin(identity, .server, startNs: startNs, endNs: endNs, &times, into: &line)
        line.append((location?.spanOpenings ?? .bare)[head.method])
        encodeRequest(on: connection, hiding: hidden, into: &line)
        if response.status > 0 { SpanJSON.attribute("http.response.status_code", UInt64(response.status), into: &line) }
        encodeVerdicts(into: &line)
    }

    private func encodeRequest(
        on connection: borrowing DownstreamConnection, hiding hidden: HiddenParameters?, into line: inout ByteQueue
    ) {
        encodeUnknownMethod(into: &line)
        SpanJSON.attribute("url.path", head.path, into: &line)
        if head.hasQuery {
            if let hidden { encodeQuery(hiding: hidden, into: &line) } else { SpanJSON.attribute("url.query", head.query, into: &line) }
        }
        if connection.stream.isTLS {
            SpanJSON.attribute("url.scheme", "https", into: &line)
        } else {
            SpanJSON.attribute("url.scheme", "http", into: &line)
        }
        if head.hostname.byteCount > 0 {
            // Nothing in it needs an escape: only what may be a name or an address is taken for a host.
            SpanJSON.beginText("server.address", into: &line)
            line.append(head.hostname)
            SpanJSON.endText(into: &line)
        }
        SpanJSON.beginText("client.address", into: &line)
        appendClient(on: connection, to: &line)
        SpanJSON.endText(into: &line)
        switch head.version {
        case .http10: SpanJSON.attribute("network.protocol.version", "1.0", into: &line)
        case .http11: SpanJSON.attribute("network.protocol.version", "1.1", into: &line)
        case .http2: SpanJSON.attribute("network.protocol.version", "2", into: &line)
        }
        encodeRequestID(into: &line)
    }

    /// That of the log, unless it is the trace's: one that begins here has the id of its request.
    private func encodeRequestID(into line: inout ByteQueue) {
        if isFromTrustedProxy, let index = head.fields.firstIndex(of: .xRequestID) {
            SpanJSON.attribute("gateway.request_id", head.fields.value(index), into: &line)
        } else if requestID.0 != trace.id.high || requestID.1 != trace.id.low {
            SpanJSON.beginText("gateway.request_id", into: &line)
            appendRequestID(to: &line)
            SpanJSON.endText(into: &line)
        }
    }

    /// The query as the log shows it.
    private func encodeQuery(hiding hidden: HiddenParameters, into line: inout ByteQueue) {
        let shown = hidden.shown(head.target)
        guard let question = shown.firstIndex(of: UInt8(ascii: "?")) else { return }
        SpanJSON.attribute("url.query", shown.rawSpan.extracting((question + 1)...), into: &line)
    }

    private func encodeVerdicts(into line: inout ByteQueue) {
        if let caller = callerKey {
            let name = caller.keys.text(caller.name)
            SpanJSON.attribute("gateway.api_key", name.rawSpan, into: &line)
        }
        if limitedBy >= 0 || limitOnTrial >= 0, let limits = location?.policies?.limits {
            if limitedBy >= 0 { line.append(limits.routes[Int(limitedBy)].spanAttribute) }
            if limitOnTrial >= 0 { line.append(limits.routes[Int(limitOnTrial)].spanAttribute) }
        }
        if cacheOutcome != .none { SpanJSON.attribute("gateway.cache", cacheOutcome.name, into: &line) }
        if let bypassReason { SpanJSON.attribute("gateway.cache_bypass", bypassReason.name, into: &line) }
        if let cacheRefusal { SpanJSON.attribute("gateway.cache_refusal", cacheRefusal.name, into: &line) }
        if outcome.attempts > 1 { SpanJSON.attribute("gateway.attempts", UInt64(outcome.attempts), into: &line) }
        if let error {
            SpanJSON.attribute("error.type", error.type.name, into: &line)
            SpanJSON.attribute("error.message", error.detail, into: &line)
        } else if response.status >= 500 {
            SpanJSON.beginText("error.type", into: &line)
            line.append(decimal: UInt64(response.status))
            SpanJSON.endText(into: &line)
        }
    }

    /// A fetch for the cache, under the span of who asked first.
    func encodeFetchSpan(startNs: UInt64, endNs: UInt64, _ times: inout SpanJSON.Times, into line: inout ByteQueue) {
        let identity = SpanJSON.Identity(trace: trace.digits, span: trace.spanDigits, parent: trace.parentDigits)
        SpanJSON.begin(identity, .internal, startNs: startNs, endNs: endNs, &times, into: &line)
        line.append((location?.fetchSpanOpenings ?? .bare)[head.method])
        encodeUnknownMethod(into: &line)
        if response.status > 0 { SpanJSON.attribute("http.response.status_code", UInt64(response.status), into: &line) }
        if let error { SpanJSON.attribute("error.type", error.type.name, into: &line) }
    }

    /// Whether a server's span is one of an error: what a client did wrong is none.
    var isServerError: Bool { response.status >= 500 }

    /// One attempt at a server, under the exchange's span.
    func encodeAttemptSpan(
        _ call: borrowing UpstreamCall, status: Int, error: ErrorType?, startNs: UInt64, endNs: UInt64,
        _ times: inout SpanJSON.Times, into line: inout ByteQueue
    ) {
        let identity = SpanJSON.Identity(trace: trace.digits, span: trace.attempt, parent: trace.spanDigits)
        SpanJSON.begin(identity, .client, startNs: startNs, endNs: endNs, &times, into: &line)
        let server = call.selectedServer
        line.append(server.spanOpenings[head.method])
        encodeUnknownMethod(into: &line)
        if server.isNamed {
            SpanJSON.beginText("network.peer.address", into: &line)
            call.endpoint.address.address.append(to: &line)
            SpanJSON.endText(into: &line)
        }
        if outcome.attempts > 1 { SpanJSON.attribute("http.request.resend_count", UInt64(outcome.attempts - 1), into: &line) }
        if call.head.isComplete { SpanJSON.attribute("http.response.status_code", UInt64(call.head.status), into: &line) }
        if !outcome.connectedAt.isNever && outcome.connectingAt >= call.startedAt {
            let connecting = outcome.connectedAt.nanoseconds(since: outcome.connectingAt)
            SpanJSON.attribute("gateway.upstream_connect", secondsFromNanoseconds: connecting, into: &line)
        }
        if !outcome.firstByteAt.isNever && outcome.firstByteAt >= call.startedAt {
            let waited = outcome.firstByteAt.nanoseconds(since: call.startedAt)
            // Most answers come in one piece: then the span's own times say it.
            if waited < endNs &- startNs { SpanJSON.attribute("gateway.upstream_first_byte", secondsFromNanoseconds: waited, into: &line) }
        }
        if let error {
            SpanJSON.attribute("error.type", error.name, into: &line)
        } else if status >= 400 {
            SpanJSON.beginText("error.type", into: &line)
            line.append(decimal: UInt64(status))
            SpanJSON.endText(into: &line)
        }
        SpanJSON.end(isError: error != nil || status >= 400, into: &line)
    }

    private func encodeUnknownMethod(into line: inout ByteQueue) {
        if head.method == .other { SpanJSON.attribute("http.request.method_original", head.methodBytes, into: &line) }
    }
}
