import GatewayCore
import GatewayNet

/// The TLS sessions of one worker that new connections may resume, by endpoint. An endpoint stands for its address, its upstream, and
/// what TLS verifies there, so a session never serves what was not verified for it.
struct UpstreamSessions {
    private struct Place: EndpointPlace {
        var sessions: [TLSSession] = []
    }

    private var places = EndpointPlaces<Place>()

    /// The newest that is good; one of TLS 1.3 is gone with that, one of TLS 1.2 may be taken again.
    mutating func take(_ endpoint: Endpoint, now: MonotonicTime) -> TLSSession? {
        guard places.contains(endpoint) else { return nil }
        while let newest = places[endpoint].sessions.popLast() {
            guard newest.isUsable(now: now) else { continue }
            if !newest.isSingleUse { places[endpoint].sessions.append(newest) }
            return newest
        }
        return nil
    }

    /// Keeps sessions, the newest ones if there are too many. Of TLS 1.2's, which serve any number of connections, one is enough.
    mutating func put(_ offered: [TLSSession], _ endpoint: Endpoint) {
        guard places.contains(endpoint) else { return }
        for session in offered {
            if !session.isSingleUse { places[endpoint].sessions.removeAll { !$0.isSingleUse } }
            places[endpoint].sessions.append(session)
        }
        let excess = places[endpoint].sessions.count - Limits.sessionsPerEndpointMax
        if excess > 0 { places[endpoint].sessions.removeFirst(excess) }
    }

    /// Serves the endpoints of `table` from now on, and forgets the sessions of those that it doesn't have.
    mutating func adopt(_ table: EndpointTable) { places.adopt(table) }
}
