import GatewayCore

/// Which requests are at which server, for `least_conn` and `max_conns`; upstreams without either are not counted.
extension Worker {
    /// The request of `call` has been given to its server, whose place was taken when it was chosen.
    func occupyPlace(_ call: Handle) {
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

    /// An exchange that keeps an older configuration counts in that of today as well: the server is the same.
    private func addLoad(_ call: Handle, _ difference: Int) {
        let snapshot = exchanges[calls[call].exchange].snapshot
        let upstream = calls[call].upstream
        let (version, server) = (calls[call].version, calls[call].server)
        snapshots[snapshot].choices[upstream.index].addLoad(difference, version: version, server: server)
        if snapshot == current { return }
        guard let today = snapshots[current].table.upstreams.first(where: { $0.name == upstream.name }) else { return }
        let old = snapshots[snapshot].choices[upstream.index]
        guard let place = snapshots[current].choices[today.index].place(ofServer: server, version: version, in: old) else { return }
        snapshots[current].choices[today.index].addLoad(difference, version: place.version, server: place.server)
    }
}
