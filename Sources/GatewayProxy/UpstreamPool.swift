import GatewayCore

/// The idle connections of one worker, by endpoint; the one used last is taken first, so that those in excess grow old.
struct UpstreamPool {
    private var byEndpoint: [[Handle]] = []
    /// How many each upstream has.
    private var counts: [Int] = []

    func count(_ endpoint: Endpoint) -> Int {
        endpoint.group < counts.count ? counts[endpoint.group] : 0
    }

    mutating func put(_ connection: Handle, _ endpoint: Endpoint) {
        while byEndpoint.count <= endpoint.id { byEndpoint.append([]) }
        while counts.count <= endpoint.group { counts.append(0) }
        byEndpoint[endpoint.id].append(connection)
        counts[endpoint.group] += 1
    }

    mutating func take(_ endpoint: Endpoint) -> Handle? {
        guard endpoint.id < byEndpoint.count, let connection = byEndpoint[endpoint.id].popLast() else { return nil }
        counts[endpoint.group] -= 1
        return connection
    }

    mutating func remove(_ connection: Handle, _ endpoint: Endpoint) {
        guard endpoint.id < byEndpoint.count, let index = byEndpoint[endpoint.id].lastIndex(of: connection) else { return }
        byEndpoint[endpoint.id].remove(at: index)
        counts[endpoint.group] -= 1
    }

    /// The one that has waited longest at some endpoint.
    var any: Handle? {
        for connections in byEndpoint { if let first = connections.first { return first } }
        return nil
    }

    var handles: [Handle] { byEndpoint.flatMap { $0 } }
}
