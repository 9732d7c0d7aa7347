import GatewayCore
import GatewayNet

/// A connection to an origin: it carries one call at a time, and waits in the pool between calls.
struct UpstreamConnection: ~Copyable {
    enum State {
        case connecting, handshaking, active, idle
    }

    enum Deadline {
        case none, connect, send, read, idle
    }

    private let inPlace = InPlace()
    var stream: Stream
    let endpoint: Endpoint
    var metrics: UpstreamGauges
    var state = State.connecting
    var input: ByteQueue
    var call: Handle
    var deadline = MonotonicTime.never
    var deadlineKind = Deadline.none
    var timerTick: UInt64 = 0
    /// Whether it has carried a call before: then its end, before an answer began, may only mean that it was idle too long.
    var isReused = false
    /// A tunnel's socket has failed.
    var isBroken = false
    /// The bytes in `input` are not enough for what is read.
    var needsInput = false

    init(stream: consuming Stream, endpoint: Endpoint, metrics: UpstreamGauges, call: Handle, pool: BufferPool) {
        self.stream = stream
        self.endpoint = endpoint
        self.metrics = metrics
        self.call = call
        input = ByteQueue(pool: pool)
    }
}
