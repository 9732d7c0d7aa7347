import GatewayCore
import GatewayNet

/// The TLS sessions of one worker that new connections may resume, by endpoint. An endpoint stands for its address, its upstream, and
/// what TLS verifies there, so a session never serves what was not verified for it.
struct UpstreamSessions {
    private struct Place {
        /// nil where the table of endpoints in force has none of that id.
        var endpoint: Endpoint?
        var sessions: [TLSSession] = []
    }

    private var places: [Place] = []

    /// The newest that is good; one of TLS 1.3 is gone with that, one of TLS 1.2 may be taken again.
    mutating func take(_ endpoint: Endpoint, now: MonotonicTime) -> TLSSession? {
        guard contains(endpoint) else { return nil }
        while let newest = places[endpoint.id].sessions.popLast() {
            guard newest.isUsable(now: now) else { continue }
            if !newest.isSingleUse { places[endpoint.id].sessions.append(newest) }
            return newest
        }
        return nil
    }

    /// Keeps sessions, the newest ones if there are too many. Of TLS 1.2's, which serve any number of connections, one is enough.
    mutating func put(_ offered: [TLSSession], _ endpoint: Endpoint) {
        guard contains(endpoint) else { return }
        for session in offered {
            if !session.isSingleUse { places[endpoint.id].sessions.removeAll { !$0.isSingleUse } }
            places[endpoint.id].sessions.append(session)
        }
        let excess = places[endpoint.id].sessions.count - Limits.sessionsPerEndpointMax
        if excess > 0 { places[endpoint.id].sessions.removeFirst(excess) }
    }

    /// Serves the endpoints of `table` from now on, and forgets the sessions of those that it doesn't have.
    mutating func adopt(_ table: EndpointTable) {
        while places.count < table.endpoints.count { places.append(Place()) }
        for id in places.indices {
            let endpoint = id < table.endpoints.count ? table.endpoints[id] : nil
            if places[id].endpoint != endpoint { places[id] = Place(endpoint: endpoint) }
        }
    }

    private func contains(_ endpoint: Endpoint) -> Bool {
        UInt(bitPattern: endpoint.id) < UInt(places.count) && places[endpoint.id].endpoint == endpoint
    }
}
