import GatewayCore
import GatewayHTTP

/// `/events`: what the gateway knows of itself, told each second to those who read, and made for all of them at once. No clock runs while
/// nobody does.
extension AdminServer {
    func beginEvents(_ id: Handle) {
        guard eventStreams < Limits.eventStreamsMax else {
            let text = "there are \(Limits.eventStreamsMax) readers of events already\n"
            return connections[id].respond(.text(503, text), keepsAlive: false)
        }
        guard let event = event() else { return connections[id].respond(.text(503, "not yet\n"), keepsAlive: false) }
        let now = MonotonicTime.now()
        connections[id].beginEvents(retryMs: Limits.eventIntervalMs)
        connections[id].output.append(event)
        connections[id].deadline = now.adding(milliseconds: Limits.eventStallMs)
        if nextEvent == .never { nextEvent = now.adding(milliseconds: Limits.eventIntervalMs) }
    }

    var eventStreams: Int {
        var count = 0
        connections.forEachHandle { if connections[$0].isEventStream { count += 1 } }
        return count
    }

    /// Nobody holds more than one event that it has not read: who is slow misses some, and who takes nothing is dropped by its deadline.
    func tellEvents(now: MonotonicTime) {
        if now < nextEvent { return }
        guard eventStreams > 0, let event = event() else {
            nextEvent = .never
            return live.forget()
        }
        // A machine that slept owes no events.
        nextEvent = max(nextEvent.adding(milliseconds: Limits.eventIntervalMs), now)
        connections.forEachHandle { id in
            guard connections[id].isEventStream, connections[id].output.isEmpty else { return }
            connections[id].output.append(event)
            connections[id].deadline = now.adding(milliseconds: Limits.eventStallMs)
            write(id)
            if connections[id].isClosing { connections.discard(id) }
        }
    }

    private func event() -> [UInt8]? {
        live.next().map { Array("data: \($0.json.text)\n\n".utf8) }
    }
}
