import GatewayCache
import GatewayCore
import GatewayHTTP

/// The head of a stored answer, where it goes out as it was kept: copied, neither parsed nor encoded anew.
extension Worker {
    /// False where somebody has to look at its fields first.
    func sendStoredHead(_ id: Handle, _ call: Handle, _ connection: Handle) -> Bool {
        guard case .stored(let stored) = cacheTurns[exchanges[id].caching].source, stored.facts.plainHeadBytes > 0,
            exchanges[id].takesPlainHeads
        else { return false }
        let status = stored.facts.status
        exchanges[id].outcome.status = status
        if isLeaving(connection) || !exchanges[id].requestBody.isComplete { exchanges[id].response.keepsAlive = false }
        tellCache(id)
        exchanges[id].beginResponse(status, .length(UInt64(stored.bodyByteCount)), now: now)
        calls[call].framing = exchanges[id].response.framing
        calls[call].state = .readingBody
        stored.appendPlainHead(to: &downstreams[connection].output)
        HTTP1Encoder.field("Content-Length", decimal: UInt64(stored.bodyByteCount), into: &downstreams[connection].output)
        endHead(id, connection)
        return true
    }
}

extension Exchange {
    /// Whether nothing of a stored head depends on the request, or is for the gateway to say.
    fileprivate var takesPlainHeads: Bool {
        if isOverHTTP2 || head.method == .head || location?.gzip != nil { return false }
        if !policyFields.isEmpty || location?.policies?.limits != nil { return false }
        if let edge = location?.edge, edge.cors != nil || !edge.withheld.isEmpty { return false }
        return head.method == .post || !head.fields.contains(.ifNoneMatch) && !head.fields.contains(.ifModifiedSince)
    }

    fileprivate mutating func beginResponse(_ status: Int, _ framing: BodyFraming, now: MonotonicTime) {
        response.status = status
        response.framing = framing
        response.hasBegun = true
        response.begunAt = now
    }
}
