import GatewayCore
import GatewayNet

extension Worker {
    /// Accepts what waits, up to a bound; the listener is level-triggered, so epoll tells of the rest. True if there may be a rest.
    @discardableResult
    func acceptConnections(_ id: Handle) -> Bool {
        var hasMadeRoom = false
        for _ in 0..<Limits.acceptsPerTurn {
            do {
                guard let accepted = try listeners[id].listener.accept() else { return false }
                hasMadeRoom = false
                let peer = accepted.peer
                admitConnection(accepted.makeStream(), peer: peer, listenerID: listeners[id].id)
            } catch {
                if !hasMadeRoom && makeRoom(for: .descriptor) {
                    hasMadeRoom = true
                    continue
                }
                // Only with the spare descriptor can who waits be told.
                if refuseWithSpare(id) { continue }
                pauseAccepting()
                return false
            }
        }
        return true
    }

    private func admitConnection(_ accepted: consuming Stream, peer: SocketAddress, listenerID: Int) {
        var stream = accepted
        shard.increment(metrics.accepted)
        // A listener stays open for a moment after a reload has taken it away: whom it still accepts is served as before.
        guard let (route, retired) = findListener(listenerID) else {
            note(ConnectionRefusal.listenerGone)
            return
        }
        if route.expectsProxyHeader && !snapshots[current].table.trustedProxies.contains(peer.address) {
            note(ConnectionRefusal.proxyUntrusted)
            return
        }
        // Of a balancer's connections each is its client's, and is counted when that is known.
        if !route.expectsProxyHeader, let refusal = refusal(of: peer.address, isTLS: route.tls != nil) {
            refuse(stream, peer: peer, route, refusal)
            return
        }
        let countedPrefixBits = route.expectsProxyHeader ? 0 : countedPrefixBits(of: peer.address)
        if let refusal = refusal(of: &stream) {
            leave(peer.address, prefixBits: countedPrefixBits)
            refuse(stream, peer: peer, route, refusal)
            return
        }
        let timeouts = route.servers[route.names.defaultServer].timeouts
        let id = downstreams.insert(
            DownstreamConnection(stream: stream, peer: peer, listenerID: listenerID, timeouts: timeouts, pool: pool))
        downstreams[id].countedPrefixBits = countedPrefixBits
        do {
            try epoll.add(downstreams[id].stream.fileDescriptor, EventToken(kind: Kind.downstream, handle: id))
        } catch {
            logger.warning("cannot watch a connection", metadata: ["reason": "\(error)"])
            note(ConnectionRefusal.descriptors)
            leave(peer.address, prefixBits: countedPrefixBits)
            downstreams.discard(id)
            return
        }
        if let retired {
            downstreams[id].retiredSnapshot = retired
            snapshots[retired].users += 1
        }
        shard.add(metrics.http1.idle, 1)
        setDeadline(downstream: id, .head, afterMs: Int(timeouts.headerMs))
        if route.expectsProxyHeader { awaitProxyHeader(id) } else { beginProtocol(id, route) }
        idleDownstreams.value.append(id)
    }

    /// TLS, or else the first head, within the time that has begun with the connection.
    func beginProtocol(_ id: Handle, _ route: ListenerRoute) {
        if let tls = route.tls {
            downstreams[id].stream.acceptTLS(tls)
            downstreams[id].state = .handshaking
            downstreams[id].deadlineKind = .handshake
        } else {
            downstreams[id].state = .readingHead
            downstreams[id].deadlineKind = .head
        }
    }

    /// The listener's route in the current snapshot, or in the newest older one that has it.
    func findListener(_ id: Int) -> (ListenerRoute, retired: Handle?)? {
        if let route = snapshots[current].table.listener(id) { return (route, nil) }
        var newest: (route: ListenerRoute, snapshot: Handle, generation: Int)?
        snapshots.forEachHandle { handle in
            let table = snapshots[handle].table
            if let route = table.listener(id), table.generation > newest?.generation ?? 0 { newest = (route, handle, table.generation) }
        }
        return newest.map { ($0.route, $0.snapshot) }
    }

    /// Stops accepting until a connection ends: what waits stays in the kernel's queue.
    private func pauseAccepting() {
        isAcceptPaused = true
        setListeners(enabled: false)
        // A descriptor may also come free elsewhere in the process, which nothing tells.
        _ = timers.value.arm(EventToken(kind: Kind.listener, handle: .none).word, at: now.adding(milliseconds: Limits.acceptRetryMs))
    }

    func resumeAccepting() {
        if !isAcceptPaused { return }
        isAcceptPaused = false
        setListeners(enabled: true)
    }

    private func setListeners(enabled: Bool) {
        listeners.forEachHandle { handle in
            let token = EventToken(kind: Kind.listener, handle: handle)
            try? epoll.setLevelTriggered(listeners[handle].listener.fileDescriptor, token, isEnabled: enabled)
        }
    }

    func handshake(_ id: Handle) {
        switch downstreams[id].stream.handshake() {
        case .moved:
            let info = downstreams[id].stream.tlsInfo()
            downstreams[id].serverName = info?.serverName ?? []
            if let info { shard.increment(metrics.handshake(info)) }
            downstreams[id].tls = info
            if let info { downstreams[id].isLoggedAsTLS13 = info.isTLS13 && info.client == nil }
            downstreams[id].state = .readingHead
            // The head's time began with the connection: see client_header_timeout.
            downstreams[id].deadlineKind = .head
            idleDownstreams.value.append(id)
            if info?.applicationProtocol == .http2 { beginHTTP2(id) } else { driveDownstream(id) }
        case .wouldBlock:
            if downstreams[id].stream.hasHandshakeBegun { idleDownstreams.value.remove(id) }
        case .ended:
            handshakeFailed(id, "closed")
        case .failed(.system):
            handshakeFailed(id, "reset")
        case .failed(.truncated):
            handshakeFailed(id, "closed")
        case .failed(.tls(let failure)):
            handshakeFailed(id, failure.reason)
        }
    }

    func handshakeFailed(_ id: Handle, _ reason: String) {
        shard.increment(metrics.handshakeFailure(reason: reason))
        logger.debug("TLS handshake failed", metadata: ["reason": "\(reason)"])
        closeDownstream(id)
    }
}
