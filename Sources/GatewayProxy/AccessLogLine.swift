import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayTelemetry

/// An exchange as a line of the access log: what is known of it and worth its bytes. A request that was refused early has no location, one
/// that was answered here no upstream.
extension Exchange {
    func encodeLogLine(
        on connection: borrowing DownstreamConnection, hiding hidden: HiddenParameters?, _ policy: AccessLogPolicy, cacheKey: SHA256Digest?,
        now: MonotonicTime, _ clock: inout WallClock,
        into line: inout ByteQueue
    ) {
        line.append(#"{"time":""#)
        clock.timestamps.append(wallClockNanoseconds: clock.nanoseconds(now), to: &line)
        line.append(#"","request_id":"#)
        appendRequestIDString(to: &line)
        line.append(#","remote_addr":""#)
        appendClient(on: connection, to: &line)
        line.append("\",")
        if trace.isOn || head.fields.contains(.traceparent) { encodeTraceID(into: &line) }
        if head.isComplete { encodeRequest(hiding: hidden, policy, into: &line) }
        if connection.isLoggedAsTLS13 {
            line.append(#""tls":"TLSv1.3","#)
        } else if let tls = connection.tls {
            JSONLine.member(#""tls":""#, tls.version, into: &line)
            if let client = tls.client { encode(client, into: &line) }
        }
        if let location { line.append(location.logMembers) }
        if let caller = callerKey { line.append(caller.keys.logMember(caller.name)) }
        if limitedBy >= 0 || hasPassedLimits { encodeLimits(into: &line) }
        if cacheOutcome != .none { encodeCache(cacheKey, into: &line) }
        JSONLine.member(#""status":"#, response.status, into: &line)
        JSONLine.member(#""duration":"#, secondsFromNanoseconds: now.nanoseconds(since: startedAt), into: &line)
        encodeTimes(now, into: &line)
        if requestBody.received > 0 { JSONLine.member(#""bytes_received":"#, Int(clamping: requestBody.received), into: &line) }
        JSONLine.member(#""bytes_sent":"#, Int(clamping: response.sent), into: &line)
        encodeUpstream(now, into: &line)
        if let error {
            JSONLine.member(#""error_type":""#, error.type.name, into: &line)
            JSONLine.member(#""error_detail":""#, error.detail, into: &line)
        }
        JSONLine.end(into: &line)
    }

    private func encodeTraceID(into line: inout ByteQueue) {
        guard let id = loggedTraceID else { return }
        line.append(#""trace_id":""#)
        line.append(id)
        line.append("\",")
    }

    private func encode(_ client: TLSClientCertificate, into line: inout ByteQueue) {
        JSONLine.member(#""tls_client_verify":""#, client.verdictText, into: &line)
        if client.verdict != .missing { JSONLine.member(#""tls_client_subject":""#, client.names.subject, into: &line) }
    }

    private func encodeCache(_ key: SHA256Digest?, into line: inout ByteQueue) {
        line.append(#""cache":""#)
        line.append(cacheOutcome.name)
        if let bypassReason {
            line.append(#"","cache_bypass":""#)
            line.append(bypassReason.name)
        }
        if let cacheRefusal {
            line.append(#"","cache_refusal":""#)
            line.append(cacheRefusal.name)
        }
        if let key {
            line.append(#"","cache_key":""#)
            key.appendHex(to: &line)
        }
        line.append("\",")
    }

    private func encode(_ failure: TLSFailure, into line: inout ByteQueue) {
        let reason = Array(failure.reason.utf8)
        JSONLine.member(#""upstream_tls_error":""#, reason, into: &line)
    }

    /// What came in one round has one time: that of the whole.
    @inline(__always)
    private func encodeTimes(_ now: MonotonicTime, into line: inout ByteQueue) {
        if requestBody.received > 0, !requestCompletedAt.isNever, requestCompletedAt > startedAt {
            let took = requestCompletedAt.nanoseconds(since: startedAt)
            JSONLine.member(#""request_duration":"#, secondsFromNanoseconds: took, into: &line)
        }
        if !response.begunAt.isNever && response.begunAt < now {
            let waited = response.begunAt.nanoseconds(since: startedAt)
            JSONLine.member(#""first_byte":"#, secondsFromNanoseconds: waited, into: &line)
        }
    }

    private func encodeRequest(hiding hidden: HiddenParameters?, _ policy: AccessLogPolicy, into line: inout ByteQueue) {
        if head.method == .get {
            line.append(#""method":"GET","#)
        } else {
            JSONLine.member(#""method":""#, head.methodBytes, into: &line)
        }
        // A host and a port have nothing to escape.
        line.append(#""host":""#, head.authority, "\",")
        if let hidden {
            encodeHiding(#""uri":""#, head.target, hiding: hidden, into: &line)
        } else {
            JSONLine.member(#""uri":""#, head.target, into: &line)
        }
        JSONLine.member(#""protocol":""#, protocolName, into: &line)
        if policy.hidesUserAgent {
            encodeHidden(#""user_agent":"***","#, .userAgent, into: &line)
        } else {
            encodeField(#""user_agent":""#, .userAgent, into: &line)
        }
        if policy.hidesReferer {
            encodeHidden(#""referer":"***","#, .referer, into: &line)
        } else if let hidden, let index = head.fields.firstIndex(of: .referer) {
            encodeHiding(#""referer":""#, head.fields.value(index), hiding: hidden, into: &line)
        } else {
            encodeField(#""referer":""#, .referer, into: &line)
        }
    }

    private func encodeHiding(_ opening: StaticString, _ url: RawSpan, hiding hidden: HiddenParameters, into line: inout ByteQueue) {
        let shown = hidden.shown(url)
        JSONLine.member(opening, shown, into: &line)
    }

    private func encodeHidden(_ member: StaticString, _ name: FieldName, into line: inout ByteQueue) {
        if head.fields.contains(name) { line.append(member) }
    }

    @inline(__always)
    private func encodeField(_ opening: StaticString, _ name: FieldName, into line: inout ByteQueue) {
        if let index = head.fields.firstIndex(of: name) { JSONLine.member(opening, head.fields.value(index), into: &line) }
    }

    private func encodeUpstream(_ now: MonotonicTime, into line: inout ByteQueue) {
        if let server = outcome.server {
            line.append(server.logMembers)
        } else {
            // Nobody had room: what was full is the upstream as a whole.
            if error?.type == .upstreamBusy, let upstream = location?.upstream { line.append(upstream.logMember) }
            return
        }
        JSONLine.member(#""upstream_status":"#, outcome.status, into: &line)
        if !outcome.connectedAt.isNever {
            let connecting = outcome.connectedAt.nanoseconds(since: outcome.connectingAt)
            JSONLine.member(#""upstream_connect":"#, secondsFromNanoseconds: connecting, into: &line)
        }
        if outcome.attempts > 1 { JSONLine.member(#""attempts":"#, outcome.attempts, into: &line) }
        // A response that came in one round has one time.
        if !outcome.firstByteAt.isNever && outcome.firstByteAt < now {
            let waited = outcome.firstByteAt.nanoseconds(since: outcome.startedAt)
            JSONLine.member(#""upstream_first_byte":"#, secondsFromNanoseconds: waited, into: &line)
        }
        if let failure = outcome.tlsFailure { encode(failure, into: &line) }
        JSONLine.member(#""upstream_duration":"#, secondsFromNanoseconds: now.nanoseconds(since: outcome.startedAt), into: &line)
    }

    /// The request id as a JSON string: a trusted proxy's may be any bytes.
    func appendRequestIDString(to queue: inout ByteQueue) {
        if isFromTrustedProxy, let index = head.fields.firstIndex(of: .xRequestID) {
            JSONLine.string(head.fields.value(index), into: &queue)
        } else {
            queue.append("\"")
            appendRequestID(to: &queue)
            queue.append("\"")
        }
    }
}
