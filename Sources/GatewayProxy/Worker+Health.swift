import GatewayCore

/// `outlier` and `health_check`, as far as requests have to do with them; upstreams without either pay a branch.
///
/// What counts as a failure is what Envoy's consecutive_5xx counts: an answer of 5xx, whatever the 5xx, and none at all, because the
/// server could not be connected to, was too slow, or broke off. The head of any other answer ends the row.
extension Worker {
    /// An answer's head has come.
    func noteAnswer(of call: Handle) {
        let status = calls[call].head.status
        if status > 101 && status < 200 { return }
        if status < 500 {
            calls[call].selectedServer.health?.noteSuccess()
        } else {
            noteFailure(of: call, "answered \(status)")
        }
    }

    /// An attempt is over without an answer, by the server's fault unless it is for want of our own memory.
    func noteUnanswered(_ call: Handle, _ error: GatewayError) {
        if error.type == .connectionsExhausted { return }
        noteFailure(of: call, "\(error.detail)")
    }

    private func noteFailure(of call: Handle, _ reason: @autoclosure () -> String) {
        guard let health = calls[call].upstream.health, let rules = health.outlier, let server = calls[call].selectedServer.health else {
            return
        }
        let failures = server.noteFailure()
        if failures >= rules.errors { health.board.eject(server, of: health, failures: failures, reason: reason(), now: now) }
    }

    /// Takes up which servers are out, if that has changed since this worker last chose one for the upstream.
    func followHealth(_ call: Handle, in snapshot: Handle) {
        let index = calls[call].upstream.index
        let epoch = calls[call].upstream.healthEpoch
        if snapshots[snapshot].choices[index].healthEpoch == epoch { return }
        if let health = calls[call].upstream.health { snapshots[snapshot].choices[index].follow(health, epoch: epoch) }
    }

    /// All of a version's servers are out, and another version takes its share.
    func noteDiverted(_ call: Handle, from version: Int, in snapshot: Handle) {
        let upstream = calls[call].upstream
        guard snapshots[snapshot].choices[upstream.index].isOut(version), let diverted = upstream.versions[version].diverted else { return }
        shard.increment(diverted)
    }
}
