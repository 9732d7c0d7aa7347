import GatewayCore
import GatewayHTTP
import GatewayTelemetry

/// The wall clock as a worker writes it: dates that change once a second are formatted once a second.
struct WallClock {
    var timestamps = TimestampCache()
    private var dateSecond = -1
    private var date: [UInt8] = []

    /// The Date field.
    mutating func encodeDate(into queue: inout ByteQueue) {
        queue.append("Date: ")
        appendHTTPDate(to: &queue)
        queue.append("\r\n")
    }

    private mutating func appendHTTPDate(to queue: inout ByteQueue) {
        let second = Int(MonotonicTime.wallClockNanoseconds() / 1_000_000_000)
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
