import GatewayCore
import GatewayHTTP
import GatewayNet

/// Who is accepted, who makes room, and whose turn it is.
extension AdminServer {
    /// One of those that wait, once what epoll says of the others is known: a request that is there already counts as one.
    private func accept(_ epoll: inout Epoll, connectionKind: UInt8) {
        hasNewcomers = false
        if makeRoom(for: .none), let accepted = nextConnection() {
            let deadline = MonotonicTime.now().adding(milliseconds: Limits.adminConnectionMs)
            let peer = accepted.peer
            let id = connections.insert(
                AdminConnection(stream: accepted.makeStream(), peer: peer, pool: pool, deadline: deadline))
            let descriptor = connections[id].stream.fileDescriptor
            if (try? epoll.add(descriptor, EventToken(kind: connectionKind, handle: id))) == nil { connections.discard(id) }
            _ = makeRoom(for: id)
        }
        if retryAt != nil { setListening(epoll, isEnabled: false) }
    }

    /// False if all places stay taken: who waits to be accepted goes on waiting.
    private func makeRoom(for newcomer: Handle) -> Bool {
        if !connections.isFull || closeIdlest(but: newcomer) { return true }
        retryAt = MonotonicTime.now().adding(milliseconds: Limits.acceptRetryMs)
        return false
    }

    /// Who holds a place without using it makes room for who comes. False if there is none but those who use theirs.
    private func closeIdlest(but newcomer: Handle) -> Bool {
        let now = MonotonicTime.now()
        var found = Handle.none
        var foundUse = AdminUse.inUse
        connections.forEachHandle { id in
            let use = use(of: id, now: now)
            if use == .inUse || id == newcomer && use != .notAllowed { return }
            if found.isNone || use < foundUse || use == foundUse && connections[id].movedAt < connections[found].movedAt {
                (found, foundUse) = (id, use)
            }
        }
        if found.isNone { return false }
        connections.discard(found)
        return true
    }

    private func use(of id: Handle, now: MonotonicTime) -> AdminUse {
        if !isAllowed(connections[id].peer.address) { return .notAllowed }
        if connections[id].isEventStream || connections[id].hasTurn { return .inUse }
        if connections[id].output.isEmpty { return connections[id].hasAsked ? .kept : .silent }
        return now.milliseconds(after: connections[id].movedAt) < Limits.adminStallMs ? .inUse : .stalled
    }

    /// Without a free descriptor an idle connection makes room. Once, as the shortage may be the machine's.
    private func nextConnection() -> AcceptedSocket? {
        do {
            return try acceptOne()
        } catch {
            if closeIdlest(but: .none), let accepted = try? acceptOne() { return accepted }
            // A listener that can't be accepted from would be reported again and again: it is left alone for a moment.
            retryAt = MonotonicTime.now().adding(milliseconds: Limits.acceptRetryMs)
            return nil
        }
    }

    // MARK: Time

    /// How long until something has to be looked at again; -1 for ever.
    var timeoutMs: Int32 {
        if !turns.isEmpty { return 0 }
        let due = min(retryAt ?? .never, nextEvent)
        let dueMs = due < .never ? due.milliseconds(after: .now()) : -1
        if connections.count == 0 { return dueMs }
        return dueMs < 0 ? 1_000 : min(dueMs, 1_000)
    }

    func tick(_ epoll: borrowing Epoll) {
        if connections.count == 0 && retryAt == nil && nextEvent == .never { return }
        let now = MonotonicTime.now()
        if let due = retryAt, due <= now {
            retryAt = nil
            setListening(epoll, isEnabled: true)
        }
        connections.forEachHandle { if connections[$0].deadline < now { connections.discard($0) } }
        tellEvents(now: now)
    }

    // MARK: Turns

    /// What epoll says of a connection: it gets its turn.
    func note(_ id: Handle, _ readiness: Readiness) {
        guard connections.contains(id) else { return }
        connections[id].stream.note(readiness)
        queue(id)
    }

    private func queue(_ id: Handle) {
        if connections[id].hasTurn { return }
        connections[id].hasTurn = true
        turns.append(id)
    }

    /// After each round of epoll: one connection is accepted, and the one who has waited longest has its turn. Between two of them the main
    /// thread does what else is due.
    func serve(_ epoll: inout Epoll, connectionKind: UInt8, beforeMetrics: () -> Void) {
        if hasNewcomers { accept(&epoll, connectionKind: connectionKind) }
        serveNext(beforeMetrics)
    }

    private func serveNext(_ beforeMetrics: () -> Void) {
        while !turns.isEmpty {
            let id = turns.removeFirst()
            // Some have gone meanwhile.
            guard connections.contains(id) else { continue }
            connections[id].hasTurn = false
            if takeTurn(id, beforeMetrics) {
                queue(id)
            } else if connections[id].isClosing && (connections[id].output.isEmpty || connections[id].isEventStream) {
                connections.discard(id)
            }
            return
        }
    }

    /// Answers one request at most, and reads once at most: whether there may be more to do at once.
    private func takeTurn(_ id: Handle, _ beforeMetrics: () -> Void) -> Bool {
        write(id)
        if connections[id].isClosing { return false }
        if connections[id].isEventStream {
            // A reader has nothing more to say; what it sends is dropped.
            let hasMoved = read(id)
            connections[id].input.removeAll()
            return hasMoved
        }
        // One answer at a time: a client that asks and asks and does not read costs one page.
        if !connections[id].output.isEmpty { return false }
        if !answer(id, beforeMetrics) {
            guard read(id) else { return false }
            _ = answer(id, beforeMetrics)
        }
        write(id)
        return !connections[id].isClosing && connections[id].output.isEmpty
    }

    /// Whether anything came.
    private func read(_ id: Handle) -> Bool {
        guard connections[id].stream.canRead else { return false }
        switch connections[id].stream.read(into: &connections[id].input) {
        case .moved: return true
        case .wouldBlock: return false
        case .ended, .failed:
            connections[id].isClosing = true
            return false
        }
    }

    func write(_ id: Handle) {
        guard connections[id].stream.canWrite, !connections[id].output.isEmpty else { return }
        switch connections[id].stream.write(from: &connections[id].output) {
        case .moved:
            let now = MonotonicTime.now()
            connections[id].movedAt = now
            // What came before may be a megabyte.
            if connections[id].isEventStream { connections[id].deadline = now.adding(milliseconds: Limits.eventStallMs) }
        case .wouldBlock: break
        case .ended, .failed:
            connections[id].output.removeAll()
            connections[id].isClosing = true
        }
    }

    /// Whether a whole request was there; its answer is in the output.
    private func answer(_ id: Handle, _ beforeMetrics: () -> Void) -> Bool {
        do throws(GatewayError) {
            guard try connections[id].parse() else { return false }
            let request = connections[id].request()
            // A request with a body has no business here; the connection ends with the answer.
            let keepsAlive = connections[id].head.keepAlive && connections[id].head.framing == .none
            if let page = refusal(of: request, from: connections[id].peer.address) {
                connections[id].respond(page, keepsAlive: keepsAlive && page.status != 403)
            } else if request.path == "/events", request.method == .get {
                beginEvents(id)
            } else {
                connections[id].respond(page(for: request, of: id, beforeMetrics), keepsAlive: keepsAlive)
            }
        } catch {
            connections[id].respond(.text(error.type.status, error.detail.description), keepsAlive: false)
        }
        return true
    }
}

/// What a client of the admin listener makes of its place: the first of these go first when another wants one.
private enum AdminUse: Int, Comparable {
    case notAllowed
    /// It has not asked anything yet.
    case silent
    /// It has been answered, and may ask again.
    case kept
    /// It does not read its answer.
    case stalled
    case inUse

    static func < (left: AdminUse, right: AdminUse) -> Bool { left.rawValue < right.rawValue }
}
