import GatewayCache
import GatewayCore
import GatewayHTTP

/// A request that may have changed a resource ends what GET was answered with before (RFC 9111 § 4.4).
extension Worker {
    /// The origin's final head is there.
    func noteChange(by id: Handle) {
        guard let zone = exchanges[id].location?.cache?.zone, (200...399).contains(exchanges[id].outcome.status) else { return }
        zone.noteChange(of: exchanges[id].resource(in: zone), now: .now())
    }

    /// Whether `moment` is before the last such request. POST is answered by its content, of which others change nothing.
    func hasChanged(_ id: Handle, _ zone: ResponseCache, since moment: MonotonicTime) -> Bool {
        if exchanges[id].head.method == .post || !zone.hasAnyChanged(since: moment) { return false }
        return zone.hasChanged(exchanges[id].resource(in: zone), since: moment)
    }
}

extension Exchange {
    func resource(in zone: ResponseCache) -> UInt64 { zone.resource(host: head.hostname, path: head.path, query: head.query) }
}
