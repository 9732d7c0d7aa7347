import GatewayCore
import GatewayHTTP

/// The tokens of AI APIs: read from what origins answer, not from what is given again.
extension Worker {
    /// The final head of an origin's answer is there.
    func beginMeter(_ id: Handle, _ call: Handle) {
        guard calls[call].framing != .none, exchanges[id].meter.isNone, let counters = exchanges[id].location?.answers else { return }
        let isSuccess = (200...299).contains(calls[call].head.status)
        if calls[call].head.fields.isCoded {
            if isSuccess { shard.increment(counters.unreadable) }
            return
        }
        guard meters.hasRoom(for: meters.count + 1) else { return }
        let isEventStream = calls[call].head.fields.hasEventStream
        exchanges[id].meter = meters.insert(AnswerMeter(counters.api, isEventStream: isEventStream, isSuccess: isSuccess))
    }

    func readAnswer(_ id: Handle, _ content: borrowing ByteQueue, _ range: Range<Int>) {
        meters[exchanges[id].meter].read(content, range, now: now)
    }

    /// The answer is over, whole or not.
    func endMeter(_ id: Handle) {
        let meter = exchanges[id].meter
        exchanges[id].meter = .none
        if let counters = exchanges[id].location?.answers {
            meters[meter].count(in: counters, shard, startedAt: exchanges[id].startedAt)
        }
        meters.discard(meter)
    }
}
