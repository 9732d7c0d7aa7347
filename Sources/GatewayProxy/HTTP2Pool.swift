import GatewayCore
import GatewayNet

/// The HTTP/2 connections of one worker to origins, by endpoint: those that have a stream for a next request, and those that are being
/// made. Of the former the one that had room last comes first, until it is full, so that few carry much, and those in excess grow old.
struct HTTP2Pool {
    private struct Place: EndpointPlace {
        var open: [Handle] = []
        var opening: [Handle] = []
        /// How many requests a connection will carry: as many as the last one did.
        var streamsExpected = Limits.originStreamsExpected
    }

    private var places = EndpointPlaces<Place>()

    /// A connection that may have a stream: whoever finds that it has none takes it out.
    func open(_ endpoint: Endpoint) -> Handle? {
        places.contains(endpoint) ? places[endpoint].open.last : nil
    }

    /// The connection that is being made, the newest of several.
    func opening(_ endpoint: Endpoint) -> Handle? {
        places.contains(endpoint) ? places[endpoint].opening.last : nil
    }

    func streamsExpected(_ endpoint: Endpoint) -> Int {
        places.contains(endpoint) ? places[endpoint].streamsExpected : 0
    }

    mutating func expect(streams count: Int, _ endpoint: Endpoint) {
        if places.contains(endpoint) { places[endpoint].streamsExpected = max(count, 1) }
    }

    mutating func putOpening(_ connection: Handle, _ endpoint: Endpoint) {
        if places.contains(endpoint) { places[endpoint].opening.append(connection) }
    }

    /// The connection has streams for further requests.
    mutating func putOpen(_ connection: Handle, _ endpoint: Endpoint) {
        guard places.contains(endpoint), places[endpoint].open.lastIndex(of: connection) == nil else { return }
        places[endpoint].open.append(connection)
    }

    /// The connection takes no further requests, for now or for good.
    mutating func remove(_ connection: Handle, _ endpoint: Endpoint) {
        guard places.contains(endpoint) else { return }
        if let index = places[endpoint].open.lastIndex(of: connection) { places[endpoint].open.remove(at: index) }
        if let index = places[endpoint].opening.lastIndex(of: connection) { places[endpoint].opening.remove(at: index) }
    }

    /// Serves the endpoints of `table` from now on. Connections to others are out of it: they carry no further request.
    mutating func adopt(_ table: EndpointTable) { places.adopt(table) }
}
