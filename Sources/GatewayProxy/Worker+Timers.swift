import GatewayCore
import GatewayNet

/// What is waited for, and what happens when the time is up.
extension Worker {
    func runTimers() {
        if !hasTimersLeft { timers.value.collect(now: now, into: &firedTimers.value) }
        if hasTimersLeft { fireTimers() }
        if accessLog.value?.flushDue ?? .never <= now { accessLog.value?.flush() }
        if spans.value.flushDue <= now { spans.value.flush(to: spanQueue) }
        if isDraining { drainOn() }
    }

    /// Whether timers are due that have not had their turn.
    var hasTimersLeft: Bool { !firedTimers.value.isEmpty }

    /// Thousands may be due at once, and what each of them ends takes its time: they have as long as the connections had in this round,
    /// and the rest waits for the next one.
    private func fireTimers() {
        let start = MonotonicTime.now()
        let mostNs = max(UInt64(Limits.timersMsPerRound) * 1_000_000, start.nanoseconds(since: now))
        while firedTimersTaken < firedTimers.value.count {
            let timer = firedTimers.value[firedTimersTaken]
            firedTimersTaken += 1
            fire(timer)
            if MonotonicTime.now().nanoseconds(since: start) > mostNs { break }
        }
        if firedTimersTaken < firedTimers.value.count { return }
        firedTimers.value.removeAll(keepingCapacity: true)
        firedTimersTaken = 0
    }

    private func fire(_ timer: TimerWheel.Timer) {
        let token = EventToken(word: timer.word)
        switch token.kind {
        case Kind.downstream:
            guard downstreams.contains(token.handle), downstreams[token.handle].timerTick == timer.tick else { return }
            downstreams[token.handle].timerTick = 0
            let deadline = downstreams[token.handle].deadline
            if deadline <= now { downstreamExpired(token.handle) } else { armDownstream(token.handle, deadline) }
        case Kind.upstream:
            guard upstreams.contains(token.handle), upstreams[token.handle].timerTick == timer.tick else { return }
            upstreams[token.handle].timerTick = 0
            let deadline = upstreams[token.handle].deadline
            if deadline <= now { upstreamExpired(token.handle) } else { armUpstream(token.handle, deadline) }
        case Kind.streams:
            if downstreams.contains(token.handle) { streamTimerFired(token.handle, tick: timer.tick) }
        case Kind.requests: endLateRequests(tick: timer.tick)
        case Kind.fetch: if exchanges.contains(token.handle) { leaveLaggards(of: token.handle, tick: timer.tick) }
        default:
            if token.handle.isNone { resumeAccepting() } else if listeners.contains(token.handle) { finishClosing(listener: token.handle) }
        }
    }

    // MARK: Deadlines

    func setDeadline(downstream id: Handle, _ kind: DownstreamConnection.Deadline, afterMs: Int) {
        let deadline = now.adding(milliseconds: afterMs)
        downstreams[id].deadline = deadline
        downstreams[id].deadlineKind = kind
        armDownstream(id, deadline)
    }

    func setDeadline(upstream id: Handle, _ kind: UpstreamConnection.Deadline, afterMs: Int) {
        let deadline = now.adding(milliseconds: afterMs)
        upstreams[id].deadline = deadline
        upstreams[id].deadlineKind = kind
        armUpstream(id, deadline)
    }

    /// Nothing is waited for any more. The timer stays in the wheel, for the next deadline.
    func clearDeadline(downstream id: Handle) {
        downstreams[id].deadline = .never
        downstreams[id].deadlineKind = .none
    }

    func clearDeadline(upstream id: Handle) {
        upstreams[id].deadline = .never
        upstreams[id].deadlineKind = .none
    }

    /// A timer that is early enough stays where it is: it looks at the deadline when it fires.
    private func armDownstream(_ id: Handle, _ deadline: MonotonicTime) {
        if deadline.isNever { return }
        let tick = downstreams[id].timerTick
        if tick != 0 && timers.value.tick(of: deadline) >= tick { return }
        downstreams[id].timerTick = timers.value.arm(EventToken(kind: Kind.downstream, handle: id).word, at: deadline)
    }

    func armUpstream(_ id: Handle, _ deadline: MonotonicTime) {
        if deadline.isNever { return }
        let tick = upstreams[id].timerTick
        if tick != 0 && timers.value.tick(of: deadline) >= tick { return }
        upstreams[id].timerTick = timers.value.arm(EventToken(kind: Kind.upstream, handle: id).word, at: deadline)
    }
}
