import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayPolicy

/// The phases before the relay, one function each. See ``Worker/step(_:)``.
extension Worker {
    // MARK: admit

    @inline(__always)
    func admit(_ id: Handle) -> Verdict {
        let connection = exchanges[id].connection
        beginRequestBody(id)
        identifyClient(id)
        if !exchanges[id].head.keepAlive || isLeaving(connection) {
            exchanges[id].response.keepsAlive = false
        }
        chooseServer(id, connection)
        guard let timeouts = exchanges[id].server?.timeouts else {
            return .refuse(GatewayError(.shuttingDown, "the gateway no longer listens at this address"))
        }
        adopt(timeouts, for: id, on: connection)
        if timeouts.keepaliveMs == 0 { exchanges[id].response.keepsAlive = false }
        if downstreams[connection].stream.isTLS && isMisdirected(id, connection) {
            return .refuse(GatewayError(.misdirected, "the certificate of this connection belongs to another server than the Host names"))
        }
        if exchanges[id].server?.clients != nil, let error = certificateError(id, connection) { return .refuse(error) }
        return .next(.route)
    }

    @inline(__always)
    private func adopt(_ timeouts: ClientTimeouts, for id: Handle, on connection: Handle) {
        let stream = exchanges[id].stream
        if stream.isNone {
            downstreams[connection].timeouts = timeouts
        } else {
            // Requests to other servers are beside it.
            streams.slab[stream].timer.bodyMs = timeouts.bodyMs
            streams.slab[stream].timer.sendMs = timeouts.sendMs
            downstreams[connection].timeouts.keepaliveMs = timeouts.keepaliveMs
        }
    }

    @inline(__always)
    private func chooseServer(_ id: Handle, _ connection: Handle) {
        let (snapshot, listenerID) = (exchanges[id].snapshot, downstreams[connection].listenerID)
        exchanges[id].server = snapshots[snapshot].table.onlyServer(at: listenerID)
        if exchanges[id].server == nil, let listener = snapshots[snapshot].table.listener(listenerID) {
            let server = exchanges[id].chooseServer(listener)
            exchanges[id].server = server
        }
    }

    @inline(__always)
    private func beginRequestBody(_ id: Handle) {
        let framing = exchanges[id].head.framing
        exchanges[id].requestBody.framing = framing
        switch framing {
        case .none, .untilClose:
            exchanges[id].requestCompletedAt = now
        case .length(let length):
            exchanges[id].requestBody.remaining = length
            exchanges[id].requestBody.isComplete = length == 0
            if length == 0 { exchanges[id].requestCompletedAt = now }
        case .chunked:
            exchanges[id].requestBody.isComplete = false
        }
    }

    /// A trusted proxy says for whom it asks, and under which id; others are who they are, and get an id from us.
    @inline(__always)
    private func identifyClient(_ id: Handle) {
        let (snapshot, peer) = (exchanges[id].snapshot, exchanges[id].client)
        if snapshots[snapshot].table.trustedProxies.contains(peer), !downstreams[exchanges[id].connection].speaksForUnnamed {
            exchanges[id].isFromTrustedProxy = true
            var client = peer
            exchanges[id].followForwardedFor(from: &client, snapshots[snapshot].table.trustedProxies)
            exchanges[id].client = client
        }
        exchanges[id].requestID = requestIDs.value.next()
    }

    /// RFC 9110 § 15.5.20: a connection whose certificate is not that of the server named by Host gets 421.
    private func isMisdirected(_ id: Handle, _ connection: Handle) -> Bool {
        let name = downstreams[connection].serverName
        if name.isEmpty || exchanges[id].isFor(name) { return false }
        let table = snapshots[exchanges[id].snapshot].table
        guard let server = exchanges[id].server, let listener = table.listener(downstreams[connection].listenerID) else { return false }
        let certified = listener.server(forHost: name.rawSpan)
        return certified !== server && certified.certificates != server.certificates
    }

    // MARK: route

    @inline(__always)
    func route(_ id: Handle) -> Verdict {
        do {
            try exchanges[id].chooseLocation()
        } catch {
            exchanges[id].response.keepsAlive = false
            return .refuse(error)
        }
        if let tracing = exchanges[id].location?.tracing, tracing.isOn { beginTrace(id, tracing) }
        if let edge = exchanges[id].location?.edge, let verdict = answerAtEdge(id, edge) { return verdict }
        if case .length(let length) = exchanges[id].requestBody.framing, length > exchanges[id].bodyBytesMax {
            return .refuse(GatewayError(.bodyTooLarge, "the body is larger than client_max_body_size"))
        }
        return .next(exchanges[id].location?.policies == nil ? .answer : .limitAddress)
    }

    // MARK: answer

    func answer(_ id: Handle) -> Verdict {
        if exchanges[id].location?.isProxied == true { return beginCall(id) }
        switch exchanges[id].location?.action {
        case nil, .notFound:
            return .refuse(GatewayError(.notFound, "no location of this server matches the path"))
        case .answer(let status, let content):
            if let error = dropRequestBody(id) { return .refuse(error) }
            if exchanges[id].head.isExtendedConnect {
                return .refuse(GatewayError(.upgradeUnsupported, "the gateway itself speaks no other protocol"))
            }
            answer(id, status, content)
            return .next(.finish)
        case .proxy:
            return beginCall(id)
        }
    }

    private func beginCall(_ id: Handle) -> Verdict {
        if exchanges[id].head.hasForwardsLimit, let verdict = countForwards(id) { return verdict }
        if let timeoutMs = exchanges[id].location?.requestTimeoutMs, timeoutMs > 0 { limitTime(of: id, ms: timeoutMs) }
        let method = exchanges[id].head.method
        guard let upstream = exchanges[id].location?.upstream else { return .next(.finish) }
        let isCached = exchanges[id].location?.isCached == true
        exchanges[id].call = calls.insert(UpstreamCall(exchange: id, upstream: consume upstream, method: method, pool: pool))
        return .next(isCached ? .lookupCache : .chooseUpstream)
    }

    /// The last recipient that Max-Forwards allows answers by itself (RFC 9110 § 7.6.2).
    private func countForwards(_ id: Handle) -> Verdict? {
        guard let left = exchanges[id].head.forwardsLeft else {
            return .refuse(GatewayError(.fieldInvalid, "Max-Forwards is not one number"))
        }
        if left > 0 { return nil }
        if exchanges[id].head.method == .trace {
            return .refuse(GatewayError(.methodUnsupported, "TRACE is not answered by the gateway itself"))
        }
        if let error = dropRequestBody(id) { return .refuse(error) }
        answer(id, 200, .empty)
        return .next(.finish)
    }

    // MARK: chooseUpstream

    @inline(__always)
    func chooseUpstream(_ id: Handle) -> Verdict {
        let call = exchanges[id].call
        let upstream = calls[call].upstream.index
        let snapshot = exchanges[id].snapshot
        let isFirst = calls[call].attempts == 0
        if isFirst {
            if calls[call].upstream.retriesRefused != nil { snapshots[snapshot].choices[upstream].noteRequest(now: now) }
            if calls[call].upstream.isSingle {
                if let endpoint = snapshots[snapshot].choices[upstream].onlyAddress { return give(call, toServer: 0, at: endpoint) }
                if snapshots[snapshot].choices[upstream].addressCount(version: 0, server: 0) > 0 {
                    return give(call, toServer: 0, version: 0, snapshot)
                }
            }
            guard let version = firstVersion(id, call, snapshot) else {
                return .refuse(GatewayError(.noServer, "every version of the upstream has weight 0"))
            }
            calls[call].version = version
        }
        if calls[call].upstream.followsHealth { followHealth(call, in: snapshot) }
        while true {
            let version = calls[call].version
            if let server = snapshots[snapshot].choices[upstream].nextServer(of: version, excluding: calls[call].triedServers) {
                if calls[call].upstream.countsLoad { occupyPlace(call, server) }
                return give(call, toServer: server, version: version, snapshot)
            }
            if snapshots[snapshot].choices[upstream].hasMetFull(version) { calls[call].hasMetFull = true }
            // No server of the version is left to try: another version takes the request, if it may have any.
            let isUntried = calls[call].triedServers.isEmpty
            calls[call].triedServers = ExclusionSet()
            guard calls[call].triedVersions.count < Limits.attemptsMax else { return .refuse(noServerLeft(id, call)) }
            calls[call].triedVersions.insert(version)
            let tried = calls[call].triedVersions
            guard let other = snapshots[snapshot].choices[upstream].nextVersion(excluding: tried) else {
                return .refuse(noServerLeft(id, call))
            }
            if isUntried, calls[call].upstream.followsHealth { noteDiverted(call, from: version, in: snapshot) }
            calls[call].version = other
        }
    }

    /// The version that the request asks for or its caller has; else the one whose turn it is.
    private func firstVersion(_ id: Handle, _ call: Handle, _ snapshot: Handle) -> Int? {
        if exchanges[id].isFetch {
            if let version = fetches[exchanges[id].fetch].version { return version }
        } else if let policy = calls[call].upstream.versionPolicy, let version = exchanges[id].version(by: policy) {
            return version
        }
        return snapshots[snapshot].choices[calls[call].upstream.index].nextVersion(excluding: ExclusionSet())
    }

    private func give(_ call: Handle, toServer server: Int, version: Int, _ snapshot: Handle) -> Verdict {
        let upstream = calls[call].upstream.index
        let endpoint = snapshots[snapshot].choices[upstream].nextAddress(version: version, server: server, now: now)
        return give(call, toServer: server, at: endpoint)
    }

    private func give(_ call: Handle, toServer server: Int, at endpoint: Endpoint) -> Verdict {
        calls[call].server = server
        calls[call].attempts += 1
        calls[call].endpoint = endpoint
        calls[call].addressesTried = 0
        calls[call].addressesFailed = 0
        return .next(.send)
    }

    private func noServerLeft(_ id: Handle, _ call: Handle) -> GatewayError {
        if let error = calls[call].lastError { return error }
        if calls[call].hasMetFull {
            return GatewayError(.upstreamBusy, "every server that could take the request has as many as max_conns allows")
        }
        let upstream = calls[call].upstream
        if let lost = snapshots[exchanges[id].snapshot].choices[upstream.index].unresolvedServer() {
            exchanges[id].outcome.server = upstream.versions[lost.version].servers[lost.server]
            return GatewayError(.connectFailed, "the server's name has no address")
        }
        return GatewayError(.noServer, "the upstream has no server that may be tried")
    }

    // MARK: send

    @inline(__always)
    func send(_ id: Handle) -> Verdict {
        let call = exchanges[id].call
        if calls[call].headByteCount == 0 {
            // Before a connection is taken: what cannot be sent on is no attempt.
            var head = ByteQueue(pool: pool)
            do throws(GatewayError) {
                try exchanges[id].encodeRequestHead(
                    overHTTP2: calls[call].isOverHTTP2, on: downstreams[exchanges[id].connection], into: &head)
            } catch {
                return .refuse(error)
            }
            calls[call].spanIDOffset = exchanges[id].spanIDOffset(inHeadOf: head.count)
            if !calls[call].isCollected {
                calls[call].headByteCount = head.count
                calls[call].request = head
            } else {
                put(head, before: call, of: id)
            }
        }
        if calls[call].isOverHTTP2 && exchanges[id].head.asksUpgrade {
            return .refuse(GatewayError(.upgradeUnsupported, "the origin speaks HTTP/2, where no connection switches protocols"))
        }
        noteAttempt(id, call)
        do throws(SystemError) {
            if calls[call].isOverHTTP2 { try findStream(for: call) } else { try findConnection(for: call) }
        } catch {
            return connectingFailed(call, error)
        }
        return .next(.relay)
    }

    private func findConnection(for call: Handle) throws(SystemError) {
        let gauges = calls[call].selectedServer.gauges
        let endpoint = calls[call].endpoint
        let connection: Handle
        if !calls[call].wantsNewConnection, let idle = takeIdle(endpoint) {
            connection = idle
            upstreams[connection].call = call
            // By the server's present name, which a reload may have changed.
            upstreams[connection].metrics = gauges
            calls[call].state = .awaitingHead
            calls[call].keepsRequest = mayRepeat(call)
        } else {
            connection = try connect(calls[call].endpoint, calls[call].selectedServer, for: call)
            upstreams[connection].call = call
            calls[call].state = .connecting
        }
        shard.add(gauges.active, 1)
        calls[call].connection = connection
    }

    /// No connection could be begun.
    func connectingFailed(_ call: Handle, _ error: SystemError) -> Verdict {
        if error.isShortage {
            return .refuse(GatewayError(.connectionsExhausted, "the gateway has no room for a connection to the origin"))
        }
        return attemptFailed(call, GatewayError(.connectFailed, "the server cannot be connected to"), cause: error, status: 502)
    }

    @inline(__always)
    private func noteAttempt(_ id: Handle, _ call: Handle) {
        exchanges[id].outcome.attempts += 1
        exchanges[id].outcome.server = calls[call].selectedServer
        exchanges[id].outcome.status = 0
        calls[call].startedAt = now
        if exchanges[id].outcome.startedAt.isNever { exchanges[id].outcome.startedAt = now }
        if exchanges[id].trace.isOn { beginAttemptSpan(id, call) }
    }
}

extension Exchange {
    /// Several lines of X-Forwarded-For are one list: read from the last to the first, for as long as what they say is believed.
    func followForwardedFor(from client: inout IPAddress, _ trusted: NetworkList) {
        for index in (0..<head.fields.count).reversed() where head.fields.name(index) == .xForwardedFor {
            if !ForwardedFor.follow(head.fields.value(index), from: &client, trusted: trusted) { return }
        }
    }

    func chooseServer(_ listener: ListenerRoute) -> ServerRoute {
        listener.server(forHost: head.hostname)
    }

    mutating func chooseLocation() throws(GatewayError) {
        guard let mergesSlashes = server?.mergesSlashes else { preconditionFailure("no server was chosen") }
        try head.normalisePath(mergeSlashes: mergesSlashes)
        location = head.targetForm == .asterisk ? server?.asterisk : server?.route(path: head.path)
    }

    /// Without a location there is none to take any of a body.
    var bodyBytesMax: UInt64 { location?.bodyBytesMax ?? 0 }

    func isFor(_ hostname: [UInt8]) -> Bool {
        head.hostname.elementsEqual(hostname.rawSpan)
    }
}
