import GatewayCore
import GatewayHTTP
import Logging

/// Why a client's connection was closed as soon as it was accepted.
enum ConnectionRefusal: UInt8, CaseIterable {
    case workerConnections, descriptors, memory, addressConnections, addressHandshakes, proxyUntrusted, listenerGone

    /// The name in logs and metrics: where it is a directive, the directive's.
    var name: String {
        switch self {
        case .workerConnections: "worker_connections"
        case .descriptors: "file_descriptors"
        case .memory: "memory"
        case .addressConnections: "limit_connections"
        case .addressHandshakes: "limit_handshakes"
        case .proxyUntrusted: "proxy_protocol_untrusted"
        case .listenerGone: "listener_gone"
        }
    }

    /// What an operator should look at who wonders why.
    var hint: StaticString? {
        switch self {
        case .addressConnections, .addressHandshakes: "a balancer in front of the gateway belongs in trusted_proxies"
        case .proxyUntrusted: "only who is in trusted_proxies may connect to a listener with proxy_protocol"
        case .workerConnections, .descriptors, .memory, .listenerGone: nil
        }
    }

    /// What a client is told that speaks plain HTTP.
    var error: GatewayError {
        switch self {
        case .addressConnections, .addressHandshakes:
            GatewayError(.connectionLimit, "too many connections come from this address")
        case .workerConnections, .descriptors, .memory:
            GatewayError(.connectionsExhausted, "the gateway has no room for another connection")
        case .proxyUntrusted:
            GatewayError(.accessDenied, "only trusted proxies may connect here")
        case .listenerGone:
            GatewayError(.shuttingDown, "the gateway no longer listens at this address")
        }
    }
}

/// Why the gateway ended a client's connection although no request was on it: those ends have no line in the access log.
enum ConnectionEnd: UInt8, CaseIterable {
    case handshakeTimeout, headerTimeout, keepaliveTimeout, sendTimeout, idleEvicted, keyUpdates, renegotiation
    case proxyHeaderInvalid, proxyHeaderTimeout

    /// The name in logs and metrics.
    var name: String {
        switch self {
        case .handshakeTimeout: "handshake_timeout"
        case .headerTimeout: "header_timeout"
        case .keepaliveTimeout: "keepalive_timeout"
        case .sendTimeout: "send_timeout"
        case .idleEvicted: "idle_evicted"
        case .keyUpdates: "key_updates"
        case .renegotiation: "renegotiation"
        case .proxyHeaderInvalid: "proxy_protocol_invalid"
        case .proxyHeaderTimeout: "proxy_protocol_timeout"
        }
    }
}

/// What was logged of the ends and refusals of connections: for each reason when, and how many there have been since.
struct ConnectionLog {
    struct Entry {
        var dueAt = MonotonicTime(nanoseconds: 0)
        var count = 0

        /// Counts one; returns how many a line has to tell of, or nil if it is not time for one.
        mutating func note(now: MonotonicTime) -> Int? {
            count += 1
            if now < dueAt { return nil }
            defer { count = 0 }
            dueAt = now.adding(milliseconds: Limits.connectionLogMs)
            return count
        }
    }

    var refusals = [Entry](repeating: Entry(), count: ConnectionRefusal.allCases.count)
    /// HTTP/2 connections that were ended for what they sent: by flood, then by code.
    var http2 = [Entry](repeating: Entry(), count: HTTP2Flood.allCases.count + HTTP2ErrorCode.allCases.count)
    var ends = [Entry](repeating: Entry(), count: ConnectionEnd.allCases.count)
}

extension Worker {
    func note(_ refusal: ConnectionRefusal) {
        shard.increment(metrics.refused(refusal))
        guard let count = connectionLog.value.refusals[Int(refusal.rawValue)].note(now: now) else { return }
        var metadata: Logger.Metadata = ["reason": "\(refusal.name)", "count": "\(count)"]
        if let hint = refusal.hint { metadata["hint"] = "\(hint)" }
        logger.warning("connections refused", metadata: metadata)
    }

    /// An HTTP/2 connection ended for what its client sent. Where no request was on it, no other line names the client: this one has the
    /// address of the last of those that it tells of.
    func noteFailure(of session: HTTP2Session, from client: IPAddress) {
        let code = session.failureCode ?? .internalError
        shard.increment(metrics.http2Error(session.flood, code))
        let entry = session.flood.map { Int($0.rawValue) } ?? HTTP2Flood.allCases.count + Int(code.rawValue)
        guard let count = connectionLog.value.http2[entry].note(now: now) else { return }
        let reason = session.flood?.name ?? code.name
        let detail = session.failure?.detail ?? ""
        logger.warning(
            "HTTP/2 connections ended",
            metadata: ["reason": "\(reason)", "detail": "\(detail)", "count": "\(count)", "remote_addr": "\(client)"])
    }

    func note(_ end: ConnectionEnd) {
        shard.increment(metrics.closed(end))
        // That is how most connections end.
        if end == .keepaliveTimeout {
            logger.debug("connection closed", metadata: ["reason": "\(end.name)"])
            return
        }
        guard let count = connectionLog.value.ends[Int(end.rawValue)].note(now: now) else { return }
        let level: Logger.Level = end == .idleEvicted ? .warning : .info
        logger.log(level: level, "connections closed", metadata: ["reason": "\(end.name)", "count": "\(count)"])
    }
}
