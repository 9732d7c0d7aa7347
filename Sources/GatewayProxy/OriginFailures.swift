import GatewayCore
import GatewayHTTP
import GatewayNet
import Logging
import Synchronization

/// What was logged of attempts that failed: one for the process, shared by all workers and kept over reloads, so that an origin that is
/// down is one line now and then, however many workers find out. Asked once for each attempt that fails.
public final class OriginFailures: Sendable {
    private struct Key: Hashable {
        let origin: OriginKey
        let type: ErrorType
    }

    private let entries = Mutex<[Key: ConnectionLog.Entry]>([:])

    public init() {}

    /// Counts one; returns how many a line has to tell of, or nil if it is not time for one.
    func note(_ type: ErrorType, of origin: OriginKey, now: MonotonicTime) -> Int? {
        let key = Key(origin: origin, type: type)
        return entries.withLock { entries in
            if entries.count >= Limits.originFailuresMax, entries[key] == nil {
                // Servers that reloads have taken away, or that have recovered.
                entries = entries.filter { now < $0.value.dueAt }
                if entries.count >= Limits.originFailuresMax { return nil }
            }
            return entries[key, default: ConnectionLog.Entry()].note(now: now)
        }
    }
}

extension Worker {
    /// Tells the log of an attempt that failed, for who looks after the origins. `cause` is the kernel's reason, if there is one.
    func noteFailure(of call: Handle, _ error: GatewayError, _ cause: SystemError?) {
        let server = calls[call].selectedServer
        guard let count = snapshots[current].table.failures.note(error.type, of: server.origin, now: now) else { return }
        var metadata: Logger.Metadata = [
            "upstream": "\(server.origin.upstream)", "server": "\(server.origin.text)", "address": "\(calls[call].endpoint.address)",
            "error_type": "\(error.type.name)", "reason": "\(error.detail)", "count": "\(count)",
        ]
        if let cause { metadata["cause"] = "\(cause)" }
        if let error = calls[call].streamState.error { metadata["cause"] = "\(error.frame) \(HTTP2ErrorCode.name(of: error.code))" }
        if error.type == .upstreamTLS, let failure = exchanges[calls[call].exchange].outcome.tlsFailure {
            metadata["cause"] = "\(failure.reason)"
        }
        logger.warning("requests to a server fail", metadata: metadata)
    }

    /// An origin has ended its connection for what it calls our fault, or its own. What is on its way there may still be answered.
    func noteGoaway(_ id: Handle, _ session: HTTP2Session) {
        guard let code = session.goawayCode, code != 0, upstreams[id].shared?.hasNotedGoaway == false else { return }
        upstreams[id].shared?.hasNotedGoaway = true
        let error = OriginError(scope: .connection, code: code)
        let server = server(of: id)
        shard.increment(server.http2Error(error))
        guard let count = snapshots[current].table.failures.note(.upstreamClosed, of: server.origin, now: now) else { return }
        logger.warning(
            "a server ends its connections",
            metadata: [
                "upstream": "\(server.origin.upstream)", "server": "\(server.origin.text)", "address": "\(upstreams[id].endpoint.address)",
                "cause": "\(error.frame) \(HTTP2ErrorCode.name(of: code))", "count": "\(count)",
            ])
    }
}
