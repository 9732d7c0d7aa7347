import GatewayCache
import GatewayCore
import GatewayNet

/// Readers of an answer that is not kept go on together, within a window. One that stops would stop them all: they wait for it for a while.
extension Worker {
    /// The fetch `id` is held up.
    func timeLaggards(of id: Handle) {
        let fetch = exchanges[id].fetch
        if fetches[fetch].timerTick != 0 { return }
        let word = EventToken(kind: Kind.fetch, handle: id).word
        fetches[fetch].timerTick = timers.value.arm(word, at: now.adding(milliseconds: fetches[fetch].fill.patienceLeftMs(now: now)))
    }

    func leaveLaggards(of id: Handle, tick: UInt64) {
        let fetch = exchanges[id].fetch
        guard !fetch.isNone, fetches[fetch].timerTick == tick else { return }
        fetches[fetch].timerTick = 0
        if fetches[fetch].isSettled { return }
        let fill = fetches[fetch].fill
        wake(fill, fill.leaveLaggards(now: now))
        // Still held up, it is timed anew.
        queueReady(fetch: id)
    }
}
