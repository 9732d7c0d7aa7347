import GatewayCore

/// Which requests are at which server, for `least_conn` and `max_conns`; upstreams without either are not counted.
extension Worker {
    /// The request of `call` is for `server` of its version, whose place was taken when it was chosen.
    func occupyPlace(_ call: Handle, _ server: Int) {
        calls[call].server = server
        calls[call].holdsPlace = true
        addLoad(call, 1)
    }

    /// The request of `call` is no longer at its server.
    func vacatePlace(_ call: Handle) {
        if !calls[call].holdsPlace { return }
        calls[call].holdsPlace = false
        calls[call].selectedServer.limit?.release()
        addLoad(call, -1)
    }

    /// Counts what is at the servers of a configuration that is new: they may be those of older ones.
    func countLoads(in snapshot: Handle) {
        calls.forEachHandle { if calls[$0].holdsPlace { addLoad($0, 1, in: snapshot) } }
    }

    /// Every configuration in use counts every request: its servers are the same.
    private func addLoad(_ call: Handle, _ difference: Int) {
        let snapshot = exchanges[calls[call].exchange].snapshot
        let (version, server) = (calls[call].version, calls[call].server)
        snapshots[snapshot].choices[calls[call].upstream.index].addLoad(difference, version: version, server: server)
        if snapshots.count == 1 { return }
        snapshots.forEachHandle { if $0 != snapshot { addLoad(call, difference, in: $0) } }
    }

    /// In a configuration that is not the call's own the server is known by its name, if it is there.
    private func addLoad(_ call: Handle, _ difference: Int, in snapshot: Handle) {
        let upstream = calls[call].upstream
        guard let there = snapshots[snapshot].table.upstreams.first(where: { $0.name == upstream.name }) else { return }
        let own = snapshots[exchanges[calls[call].exchange].snapshot].choices[upstream.index]
        let choice = snapshots[snapshot].choices[there.index]
        guard let place = choice.place(ofServer: calls[call].server, version: calls[call].version, in: own) else { return }
        snapshots[snapshot].choices[there.index].addLoad(difference, version: place.version, server: place.server)
    }
}
