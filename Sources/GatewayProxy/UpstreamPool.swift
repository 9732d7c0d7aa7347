import GatewayCore

/// The idle connections of one worker, by endpoint; the one used last is taken first, so that those in excess grow old.
struct UpstreamPool {
    private struct Place {
        /// nil where the table of endpoints in force has none of that id.
        var endpoint: Endpoint?
        var idle: [Handle] = []
    }

    private var places: [Place] = []
    /// How many each upstream has.
    private var counts: [Int] = []

    func count(_ endpoint: Endpoint) -> Int {
        endpoint.group < counts.count ? counts[endpoint.group] : 0
    }

    /// Whether the table in force has this endpoint: only then do connections to it wait for a next request.
    func contains(_ endpoint: Endpoint) -> Bool {
        UInt(bitPattern: endpoint.id) < UInt(places.count) && places[endpoint.id].endpoint == endpoint
    }

    /// The pool must contain the endpoint.
    mutating func put(_ connection: Handle, _ endpoint: Endpoint) {
        while counts.count <= endpoint.group { counts.append(0) }
        places[endpoint.id].idle.append(connection)
        counts[endpoint.group] += 1
    }

    mutating func take(_ endpoint: Endpoint) -> Handle? {
        guard contains(endpoint), let connection = places[endpoint.id].idle.popLast() else { return nil }
        counts[endpoint.group] -= 1
        return connection
    }

    mutating func remove(_ connection: Handle, _ endpoint: Endpoint) {
        guard let index = places[endpoint.id].idle.lastIndex(of: connection) else { return }
        places[endpoint.id].idle.remove(at: index)
        counts[endpoint.group] -= 1
    }

    /// Serves the endpoints of `table` from now on. Whoever calls has closed what waits for others: see ``strays(under:)``.
    mutating func adopt(_ table: EndpointTable) {
        while places.count < table.endpoints.count { places.append(Place()) }
        for id in places.indices { places[id].endpoint = id < table.endpoints.count ? table.endpoints[id] : nil }
    }

    /// The connections to endpoints that `table` doesn't have, or has under other ids.
    func strays(under table: EndpointTable) -> [Handle] {
        places.indices.flatMap { id in
            id < table.endpoints.count && table.endpoints[id] == places[id].endpoint ? [] : places[id].idle
        }
    }

    /// The one that has waited longest at some endpoint.
    var any: Handle? {
        for place in places { if let first = place.idle.first { return first } }
        return nil
    }
}
