import GatewayCore
import GatewayHTTP

/// `/events`: what the gateway knows of itself, told each second to those who read, and made for all of them at once. While nobody does
/// a reading is kept now and then.
extension AdminServer {
    func beginEvents(_ id: Handle) {
        guard eventStreams < Limits.eventStreamsMax else {
            let text = "there are \(Limits.eventStreamsMax) readers of events already\n"
            return connections[id].respond(.text(503, text), keepsAlive: false)
        }
        let history = live.history
        guard let event = live.next() else { return connections[id].respond(.text(503, "not yet\n"), keepsAlive: false) }
        let now = MonotonicTime.now()
        connections[id].beginEvents(retryMs: Limits.eventIntervalMs)
        for data in history { connections[id].tell(data, named: "past") }
        connections[id].tell(event)
        connections[id].deadline = now.adding(milliseconds: Limits.eventStallMs)
        nextEvent = min(nextEvent, now.adding(milliseconds: Limits.eventIntervalMs))
    }

    var eventStreams: Int {
        var count = 0
        connections.forEachHandle { if connections[$0].isEventStream { count += 1 } }
        return count
    }

    /// Begins to keep readings, or ends it, with the listener.
    func watch(_ isOn: Bool) {
        if !isOn { live.forget() }
        nextEvent = isOn ? min(nextEvent, .now()) : .never
    }

    /// Nobody holds more than one event that it has not read: who is slow misses some, and who takes nothing is dropped by its deadline.
    func tellEvents(now: MonotonicTime) {
        if now < nextEvent { return }
        let event = live.next()
        guard eventStreams > 0, let event else {
            // Where there are so many series that a reading takes long, they are fewer.
            let tookNs = MonotonicTime.now().nanoseconds(since: now)
            nextEvent = now.adding(milliseconds: max(Limits.pastIntervalMs, Int(tookNs / 1_000_000) * Limits.pastShare))
            return
        }
        // A machine that slept owes no events.
        nextEvent = max(nextEvent.adding(milliseconds: Limits.eventIntervalMs), now)
        connections.forEachHandle { id in
            guard connections[id].isEventStream, connections[id].output.isEmpty else { return }
            connections[id].tell(event)
            connections[id].deadline = now.adding(milliseconds: Limits.eventStallMs)
            write(id)
            if connections[id].isClosing { connections.discard(id) }
        }
    }
}
