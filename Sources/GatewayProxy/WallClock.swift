import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// The wall clock as a worker writes it: dates that change once a second are formatted once a second.
struct WallClock {
    var timestamps = TimestampCache()
    var spanTimes = SpanJSON.Times()
    private var round = MonotonicTime.never
    private var nanoseconds: UInt64 = 0
    private var dateSecond = -1
    private var date: [UInt8] = []

    /// The nanoseconds since 1970, read once in the round of events that began `now`.
    mutating func nanoseconds(_ now: MonotonicTime) -> UInt64 {
        if now != round {
            round = now
            nanoseconds = MonotonicTime.wallClockNanoseconds()
        }
        return nanoseconds
    }

    /// The Date field.
    mutating func encodeDate(_ now: MonotonicTime, into queue: inout ByteQueue) {
        queue.append("Date: ")
        appendHTTPDate(now, to: &queue)
        queue.append("\r\n")
    }

    private mutating func appendHTTPDate(_ now: MonotonicTime, to queue: inout ByteQueue) {
        let second = Int(nanoseconds(now) / 1_000_000_000)
        if second != dateSecond {
            dateSecond = second
            let before = queue.count
            HTTPDate.append(epochSeconds: second, to: &queue)
            date = queue.bytes.extracting(before...).array
        } else {
            queue.append(date)
        }
    }
}
