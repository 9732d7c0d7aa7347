import GatewayCore
import GatewayNet
import GatewayTelemetry

/// What comes through the mailbox: snapshots and the end.
extension Worker {
    func receive(_ message: WorkerMessage) {
        switch message {
        case .snapshot(let table, let opened, let closed):
            adopt(table)
            for listener in opened { open(listener) }
            for id in closed { closeListener(id) }
            mailbox.noteAdopted(table.generation)
        case .endpoints(let endpoints):
            adopt(endpoints)
        case .listen(let opened):
            for listener in opened { open(listener) }
            mailbox.noteAdopted(snapshots[current].table.generation)
        case .fill(let fill):
            hear(of: fill)
        case .forgetKeys:
            keyMemo.value.removeAll()
        case .drain(let deadline):
            startDraining(deadline)
        }
    }

    // MARK: Snapshots

    /// Takes up a new configuration between two events: running exchanges keep the one they have.
    func adopt(_ table: RouteTable) {
        var choices = table.upstreams.map(\.initialChoice)
        let previous = current
        if !previous.isNone {
            let old = snapshots[previous].table
            for upstream in table.upstreams {
                guard let before = old.upstreams.first(where: { $0.name == upstream.name }) else { continue }
                choices[upstream.index].carryOver(from: snapshots[previous].choices[before.index])
            }
        }
        current = snapshots.insert(Snapshot(table: table, choices: choices))
        countLoads(in: current)
        if !previous.isNone {
            retireListeners(previous)
            if snapshots[previous].users == 0 { snapshots.discard(previous) }
        }
        logger = table.logger
        descriptorMark = DescriptorLimit.clientMark
        upstreamDescriptorMark = DescriptorLimit.upstreamMark
        adoptAccessLog(table.accessLog)
        accessLogPolicy = table.accessLogPolicy
        hiddenParameters = table.hiddenParameters
        // Its routes have numbers of their own, so that nothing in it would be found again.
        keyMemo.value.removeAll()
        adopt(table.endpoints)
        boundSnapshots()
        resumeAccepting()
    }

    /// Takes up where servers are reached from now on, also for exchanges that keep an older configuration. What is under way goes on
    /// where it is; a connection to an address that has vanished carries no further request.
    private func adopt(_ endpoints: EndpointTable) {
        snapshots.forEachHandle { id in
            for upstream in snapshots[id].table.upstreams {
                for (version, servers) in upstream.versions.lazy.map(\.servers).enumerated() {
                    for (server, route) in servers.enumerated() {
                        guard let found = endpoints.endpoints(of: route.origin, security: route.security) else { continue }
                        snapshots[id].choices[upstream.index].setAddresses(found, version: version, server: server, from: index)
                    }
                }
            }
        }
        for id in idle.value.strays(under: endpoints) { closeIdleUpstream(id) }
        idle.value.adopt(endpoints)
        http2Pool.value.adopt(endpoints)
        sessions.value.adopt(endpoints)
    }

    private func adoptAccessLog(_ sink: LogSink?) {
        if sink === accessLogSink { return }
        accessLog.value?.flush()
        accessLogSink = sink
        accessLog.value = sink.map { LogBuffer(sink: $0, pool: pool) }
    }

    /// Connections of listeners that are gone keep the snapshot that knew them, for the request that may be on its way.
    private func retireListeners(_ previous: Handle) {
        let table = snapshots[current].table
        downstreams.forEachHandle { id in
            guard downstreams[id].retiredSnapshot.isNone, table.listener(downstreams[id].listenerID) == nil else { return }
            downstreams[id].retiredSnapshot = previous
            snapshots[previous].users += 1
            if downstreams[id].http2 != nil {
                announceEnd(id)
            } else if downstreams[id].exchange.isNone, downstreams[id].deadlineKind == .keepalive {
                setDeadline(downstream: id, .keepalive, afterMs: Limits.drainGraceMs)
            }
        }
    }

    func releaseSnapshot(_ id: Handle) {
        snapshots[id].users -= 1
        if snapshots[id].users == 0 && id != current { snapshots.discard(id) }
    }

    /// Long streams may hold old snapshots besides the current one, but not any number of them.
    private func boundSnapshots() {
        while snapshots.count > Limits.snapshotsMax + 1 {
            var oldest = current
            snapshots.forEachHandle { id in
                if snapshots[id].table.generation < snapshots[oldest].table.generation { oldest = id }
            }
            if oldest == current { return }
            endUsers(of: oldest)
        }
    }

    private func endUsers(of snapshot: Handle) {
        let error = GatewayError(.snapshotRetired, "the configuration the request began with was replaced too many times")
        exchanges.forEachHandle { id in
            if exchanges[id].snapshot == snapshot { abandon(id, error) }
        }
        downstreams.forEachHandle { id in
            if downstreams[id].retiredSnapshot == snapshot { endAtOnce(id) }
        }
    }

    // MARK: Listeners

    private func open(_ opened: OpenedListener) {
        let listener = Listener(owning: opened.fileDescriptor)
        let descriptor = listener.fileDescriptor
        let id = listeners.insert(OpenListener(id: opened.id, listener: listener))
        do {
            try epoll.addLevelTriggered(descriptor, EventToken(kind: Kind.listener, handle: id))
        } catch {
            logger.error("cannot watch a listener", metadata: ["reason": "\(error)"])
        }
    }

    private func closeListener(_ listenerID: Int) {
        listeners.forEachHandle { id in
            if listeners[id].id == listenerID { startClosing(listener: id) }
        }
    }

    /// Who has been promised a connection by the kernel gets one: no new handshake begins from here on (who tries does so again after
    /// a second), those that have begun have a moment to end, and then what is in the queue is all there is.
    private func startClosing(listener id: Handle) {
        listeners[id].listener.stopQueueing()
        while acceptConnections(id) {}
        _ = timers.value.arm(EventToken(kind: Kind.listener, handle: id).word, at: now.adding(milliseconds: Limits.drainGraceMs))
    }

    /// The handshakes have had their moment.
    func finishClosing(listener id: Handle) {
        while acceptConnections(id) {}
        listeners.discard(id)
    }

    // MARK: Draining

    /// Whether a connection is to end with its next response: the worker drains, or a reload has taken its listener away.
    func isLeaving(_ connection: Handle) -> Bool {
        isDraining || !downstreams[connection].retiredSnapshot.isNone
    }

    private func startDraining(_ deadline: MonotonicTime) {
        drainDeadline = deadline
        if isDraining { return }
        isDraining = true
        idleCloseDeadline = now.adding(milliseconds: Limits.drainGraceMs)
        listeners.forEachHandle { startClosing(listener: $0) }
        downstreams.forEachHandle { if downstreams[$0].http2 != nil { announceEnd($0) } }
        while closeOneIdle() {}
        endUnreadFetches()
        drainOn()
    }

    /// Ends what is idle once its grace is over, and everything at the deadline.
    func drainOn() {
        if now >= idleCloseDeadline {
            idleCloseDeadline = .never
            downstreams.forEachHandle { closeIfIdle($0) }
        }
        if now >= drainDeadline {
            drainDeadline = .never
            listeners.forEachHandle { listeners.discard($0) }
            exchanges.forEachHandle { abandon($0, GatewayError(.shuttingDown, "the gateway ended before the response was complete")) }
            downstreams.forEachHandle { endAtOnce($0) }
        }
        // What it fetches may be read at other workers.
        if downstreams.count == 0 && listeners.count == 0 && fetches.count == 0 { isFinished = true }
    }

    /// Its requests have been ended: what they have to say is written as far as the client reads, and over HTTP/2 which was the last.
    private func endAtOnce(_ id: Handle) {
        if let session = downstreams[id].http2 {
            session.shutDown()
            downstreams[id].send(session, now)
        }
        flush(id)
        if downstreams[id].endsWithReset { downstreams[id].stream.breakOff() }
        closeDownstream(id)
    }

    /// A request may have arrived in this very moment: what waits in the socket is read before the connection is given up.
    private func closeIfIdle(_ id: Handle) {
        if downstreams[id].http2 != nil {
            let result = downstreams[id].stream.read(into: &downstreams[id].input)
            driveHTTP2(id)
            guard downstreams.contains(id), downstreams[id].http2 != nil else { return }
            if case .ended = result { goAway(id) } else { settleGoAway(id) }
            return
        }
        guard downstreams[id].exchange.isNone, case .readingHead = downstreams[id].state else { return }
        // Asks the socket itself: epoll may have something to tell that has not been fetched.
        if case .moved(let count) = downstreams[id].stream.read(into: &downstreams[id].input), count > 0 {
            driveDownstream(id)
        } else if downstreams[id].hasHadRequest {
            startClosing(id)
        } else {
            // It was opened to send a request, and a busy client may not have come to that yet.
            setDeadline(downstream: id, .head, afterMs: Limits.drainFirstRequestMs)
        }
    }
}
