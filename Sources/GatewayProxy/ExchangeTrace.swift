import GatewayCore
import GatewayHTTP

/// An exchange's place in a trace: plain numbers, all 0 where nobody traces.
struct ExchangeTrace: BitwiseCopyable {
    var id = TraceID.none {
        didSet { digits = id.digits }
    }
    /// Of `id`: they are written to the origin, to the log, and to each span.
    private(set) var digits = LongHexDigits()
    /// Of the exchange's own span.
    var spanID: UInt64 = 0 {
        didSet { spanDigits = HexDigits(spanID) }
    }
    private(set) var spanDigits = HexDigits()
    /// Of who asks; 0 where the trace begins here.
    var parentID: UInt64 = 0
    /// Of the attempt that is under way: what the origin gets as its parent.
    var attempt = HexDigits()
    /// Whether its spans go to the collector.
    var isSampled = false
    /// Whether the origin gets the request's tracestate.
    var keepsState = false

    var parentDigits: HexDigits? { parentID == 0 ? nil : HexDigits(parentID) }
    var isOn: Bool { spanID != 0 }
}

/// What a location says of traces: plain values, as for every request.
struct TracePolicy: BitwiseCopyable, Sendable {
    let isOn: Bool
    /// Of a random number of 32 bits: what lies below is sampled.
    let sampleMark: UInt64

    init(isOn: Bool, sampleMillionths: Int) {
        self.isOn = isOn
        sampleMark = (UInt64(sampleMillionths) << 32) / 1_000_000
    }
}
