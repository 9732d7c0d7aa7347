import GatewayCore
import GatewayHTTP
import GatewayNet

/// When `worker_connections`, the descriptors or the memory for connections run out. Who is connected goes on; what is idle goes first;
/// who finds no room then is told so over plain HTTP, and over TLS closed, which would take a handshake to tell.
extension Worker {
    /// Why this connection cannot stay; nil if it can, for which something idle may have been closed.
    func refusal(of stream: inout Stream) -> ConnectionRefusal? {
        if !hasMemoryForClient() && !(makeRoom(for: .descriptor) && hasMemoryForClient()) { return .memory }
        if connectionCount >= clientConnectionsMax && !makeRoom(for: .connection) { return .workerConnections }
        return findsNumber(&stream) ? nil : .descriptors
    }

    /// The kernel gives the lowest free number, so the number that it gives says how many are in use, as long as no client keeps one
    /// that is higher: then what was closed for it would be free for the next, which would take it for room.
    private func findsNumber(_ stream: inout Stream) -> Bool {
        while Int(stream.fileDescriptor) >= descriptorMark {
            // Once is not always enough: another worker may take the number, or a connection to an origin may have had a high one.
            if !makeRoom(for: .descriptor) { return false }
            stream.takeLowestNumber()
        }
        return true
    }

    /// Of `worker_connections`, those that are in use.
    private var connectionCount: Int { downstreams.count - refusedLingering + upstreams.count }

    /// Clients leave the last eighth to connections to origins: who is connected goes on.
    private var clientConnectionsMax: Int {
        let all = snapshots[current].table.workerConnections
        return all - all / Limits.originConnectionsShare
    }

    /// Whether a connection to an origin may be opened, for which something idle may have been closed.
    func hasConnectionForOrigin() -> Bool {
        connectionCount < snapshots[current].table.workerConnections || makeRoom(for: .connection)
    }

    /// Whether the tables have memory for one more connection, and for a request on each besides those that streams and fetches have.
    private func hasMemoryForClient() -> Bool {
        let count = exchanges.count + downstreams.count + 1
        return downstreams.hasRoom(for: downstreams.count + 1) && exchanges.hasRoom(for: count) && calls.hasRoom(for: count)
    }

    // MARK: Room

    /// What room is needed for.
    enum Shortage {
        /// Of those that `worker_connections` counts: refused clients are not among them.
        case connection
        /// Or memory: whatever is closed sets some free.
        case descriptor
    }

    /// Closes one connection that is of no use any more: a refused client's; or else one that is idle: one to an origin, or one that has
    /// its last answer, or the client's that has been idle for longest. False if there is none.
    func makeRoom(for shortage: Shortage) -> Bool {
        if shortage == .descriptor, let id = refusedDownstreams.value.oldest {
            closeDownstream(id)
            return true
        }
        if closeOneIdle() { return true }
        if let id = lingeringDownstreams.value.oldest {
            closeDownstream(id)
            return true
        }
        for _ in 0..<Limits.evictionAttemptsMax {
            guard let id = idleDownstreams.value.oldest else { return false }
            if evict(id) { return true }
        }
        return false
    }

    /// False if the client turns out not to be idle.
    private func evict(_ id: Handle) -> Bool {
        if let session = downstreams[id].http2, session.streamCount > 0 || !downstreams[id].input.isEmpty {
            // A request of its own may be what room is needed for.
            idleDownstreams.value.append(id)
            return false
        }
        // What was answered in this round is not written yet.
        flush(id)
        if !downstreams[id].output.isEmpty {
            // It is idle again when it has read that.
            idleDownstreams.value.remove(id)
            return false
        }
        if !downstreams[id].stream.isSilent() {
            // A request takes it out of the list; a KeyUpdate alone leaves it as idle as before.
            idleDownstreams.value.append(id)
            return false
        }
        note(ConnectionEnd.idleEvicted)
        if let session = downstreams[id].http2 {
            session.shutDown()
            downstreams[id].send(session, now)
            flush(id)
        }
        downstreams[id].stream.finishWriting()
        closeDownstream(id)
        return true
    }

    // MARK: Refusals

    /// Tells a client that speaks plain HTTP why, and ends its connection.
    func refuse(
        _ stream: consuming Stream, peer: SocketAddress, _ route: ListenerRoute, _ refusal: ConnectionRefusal, mayLinger: Bool = true
    ) {
        note(refusal)
        if route.tls != nil { return }
        var answer = ByteQueue(pool: pool)
        encode(refusal.error, into: &answer)
        _ = stream.write(from: &answer)
        stream.finishWriting()
        // What was read here no longer makes the close a reset, which could take the answer with it.
        var request = ByteQueue(pool: pool)
        if case .ended = stream.read(into: &request) { return }
        let hasPlace = refusedLingering < Limits.refusedLingeringMax && Int(stream.fileDescriptor) < lingerMark
        if mayLinger && hasPlace && downstreams.hasRoom(for: downstreams.count + 1) { linger(stream, peer, route) }
    }

    /// Refused clients may use half of the reserve.
    private var lingerMark: Int { descriptorMark + Limits.reservedDescriptorsMin / 2 }

    /// Keeps a refused client until it has read its answer, or its moment is over.
    private func linger(_ stream: consuming Stream, _ peer: SocketAddress, _ route: ListenerRoute) {
        let timeouts = route.servers[route.names.defaultServer].timeouts
        let id = downstreams.insert(
            DownstreamConnection(stream: stream, peer: peer, listenerID: route.id, timeouts: timeouts, pool: pool))
        downstreams[id].state = .lingering
        downstreams[id].isRefused = true
        refusedLingering += 1
        refusedDownstreams.value.append(id)
        shard.add(metrics.http1.idle, 1)
        do {
            try epoll.add(downstreams[id].stream.fileDescriptor, EventToken(kind: Kind.downstream, handle: id))
            setDeadline(downstream: id, .linger, afterMs: Limits.lingerMs)
        } catch {
            closeDownstream(id)
        }
    }

    /// Accepts one connection in the place of the spare descriptor, only to refuse it: it does not stay, for the next one to be refused
    /// needs the place. False if that does not help.
    func refuseWithSpare(_ id: Handle) -> Bool {
        guard spare.value.isHeld else {
            spare.value.restore()
            return false
        }
        spare.value.giveUp()
        defer { spare.value.restore() }
        do {
            guard let accepted = try listeners[id].listener.accept() else { return true }
            shard.increment(metrics.accepted)
            let peer = accepted.peer
            if let (route, _) = findListener(listeners[id].id) {
                refuse(accepted.makeStream(), peer: peer, route, .descriptors, mayLinger: false)
            }
            return true
        } catch {
            return false
        }
    }

    /// A whole response to a request that is not read.
    func encode(_ error: GatewayError, into queue: inout ByteQueue) {
        var body = ByteQueue(pool: pool)
        error.appendProblem(to: &body)
        body.append("}\n")
        HTTP1Encoder.statusLine(error.type.status, into: &queue)
        queue.append("Server: gateway\r\n")
        clock.value.encodeDate(now, into: &queue)
        queue.append("Content-Type: application/problem+json\r\n")
        HTTP1Encoder.field("Content-Length", decimal: UInt64(body.count), into: &queue)
        if let seconds = error.type.retryAfterS { HTTP1Encoder.field("Retry-After", decimal: UInt64(seconds), into: &queue) }
        queue.append("Connection: close\r\n\r\n")
        queue.append(body.bytes)
    }
}
