import GatewayCore
import GatewayNet

/// The HTTP/2 connections of one worker to origins, by endpoint: those that have a stream for a next request, and those that are being
/// made. Of the former the one that had room last comes first, until it is full, so that few carry much, and those in excess grow old.
struct HTTP2Pool {
    private struct Place {
        /// nil where the table of endpoints in force has none of that id.
        var endpoint: Endpoint?
        var open: [Handle] = []
        var opening: [Handle] = []
        /// How many requests a connection will carry: as many as the last one did.
        var streamsExpected = Limits.originStreamsExpected
    }

    private var places: [Place] = []

    /// A connection that may have a stream: whoever finds that it has none takes it out.
    func open(_ endpoint: Endpoint) -> Handle? {
        contains(endpoint) ? places[endpoint.id].open.last : nil
    }

    /// The connection that is being made, the newest of several.
    func opening(_ endpoint: Endpoint) -> Handle? {
        contains(endpoint) ? places[endpoint.id].opening.last : nil
    }

    func streamsExpected(_ endpoint: Endpoint) -> Int {
        contains(endpoint) ? places[endpoint.id].streamsExpected : 0
    }

    mutating func expect(streams count: Int, _ endpoint: Endpoint) {
        if contains(endpoint) { places[endpoint.id].streamsExpected = max(count, 1) }
    }

    mutating func putOpening(_ connection: Handle, _ endpoint: Endpoint) {
        if contains(endpoint) { places[endpoint.id].opening.append(connection) }
    }

    /// The connection has streams for further requests.
    mutating func putOpen(_ connection: Handle, _ endpoint: Endpoint) {
        guard contains(endpoint), places[endpoint.id].open.lastIndex(of: connection) == nil else { return }
        places[endpoint.id].open.append(connection)
    }

    /// The connection takes no further requests, for now or for good.
    mutating func remove(_ connection: Handle, _ endpoint: Endpoint) {
        guard contains(endpoint) else { return }
        if let index = places[endpoint.id].open.lastIndex(of: connection) { places[endpoint.id].open.remove(at: index) }
        if let index = places[endpoint.id].opening.lastIndex(of: connection) { places[endpoint.id].opening.remove(at: index) }
    }

    /// Serves the endpoints of `table` from now on. Connections to others are out of it: they carry no further request.
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
