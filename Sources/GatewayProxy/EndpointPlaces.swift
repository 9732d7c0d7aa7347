import GatewayNet

/// What a worker keeps for each endpoint: nothing for those that the table in force does not have.
struct EndpointPlaces<Place: EndpointPlace> {
    private struct Slot {
        /// nil where the table of endpoints in force has none of that id.
        var endpoint: Endpoint?
        var place = Place()
    }

    private var slots: [Slot] = []

    func contains(_ endpoint: Endpoint) -> Bool {
        UInt(bitPattern: endpoint.id) < UInt(slots.count) && slots[endpoint.id].endpoint == endpoint
    }

    /// The place of an endpoint that is contained.
    subscript(endpoint: Endpoint) -> Place {
        _read { yield slots[endpoint.id].place }
        _modify { yield &slots[endpoint.id].place }
    }

    /// Serves the endpoints of `table` from now on, and forgets what was kept for those that it doesn't have.
    mutating func adopt(_ table: EndpointTable) {
        while slots.count < table.endpoints.count { slots.append(Slot()) }
        for id in slots.indices {
            let endpoint = id < table.endpoints.count ? table.endpoints[id] : nil
            if slots[id].endpoint != endpoint { slots[id] = Slot(endpoint: endpoint) }
        }
    }
}

/// What is kept for one endpoint: nothing, to begin with.
protocol EndpointPlace {
    init()
}
