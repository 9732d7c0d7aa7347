import GatewayCore

/// One HTTP/2 connection (RFC 9113), either role: bytes in, streams out. It does no I/O.
///
/// What comes is recorded on the streams, in a slab that the sessions of a worker share, and told by ``nextEvent()``. nghttp2 does frames,
/// HPACK and windows; what it leaves to its user is judged here, frame by frame, before it sees them.
public final class HTTP2Session {
    public enum Role: Sendable { case server, client }

    /// What changes. One cell, reached in place: calls that come back from nghttp2 must not overlap an access, so each is short.
    struct State: ~Copyable {
        var now = MonotonicTime(nanoseconds: 0)
        var scanner: HTTP2FrameScanner
        var reader: HTTP2HeadReader
        var floods = HTTP2Floods()
        var closed: HTTP2ClosedStreams
        var events: PooledArray<Handle>
        var eventsTaken = 0
        /// The streams, as a list.
        var first = Handle.none
        var streamCount = 0
        var releasedCount = 0
        /// Of those, the ones that the peer has begun and that are not closed.
        var openCount = 0
        /// What the heads and trailers of the peer's requests hold.
        var headBytes = 0
        var hasSentSettings = false

        /// The stream whose block is decoded; none for one that is decoded for HPACK alone.
        var block = Handle.none
        var blockIsTrailers = false
        /// What is wrong with the block that begins, whatever it holds.
        var blockError: GatewayError?
        /// The stream whose block goes on with CONTINUATION; 0 if none does.
        var openBlock: Int32 = 0
        /// The block is of a closed stream: nghttp2 decodes it, and tells nobody.
        var isBlockLate = false
        var continuations = 0
        /// What may come late and is not charged: see ``HTTP2Session/expectLate(on:)``.
        var lateFramesOwed = 0
        /// That have begun in this call, and what took as long to decode as so many.
        var heads = 0
        /// That have begun at all.
        var headCount: UInt64 = 0
        /// Since one of those was counted.
        var fieldsInVain = 0
        var hasFirstFrame = false
        /// The widest of the windows that the peer has opened on streams, and what they began with, before its SETTINGS change them.
        var widestWindow = 0
        var initialWindow = 0
        /// The highest number that the peer has begun a stream with.
        var highest: Int32 = 0
        /// A stream and the handle that nghttp2 has for it: most of what is said of a stream is said at once.
        var known: Int32 = 0
        var knownHandle = Handle.none
        /// The stream that the peer has just reset.
        var resetByPeer: Int32 = 0

        var failure: GatewayError?
        var failureCode: HTTP2ErrorCode?
        var flood: HTTP2Flood?
        /// nghttp2 can do no more.
        var isBroken = false
        var isClosing = false
        /// The final GOAWAY was asked for.
        var hasShutDown = false
        /// It has not left: its last stream is decided when it does.
        var owesGoaway = false
        /// The last stream of our GOAWAY: what comes on later ones is dropped.
        var goawaySentLast = Int32.max
        var goawayLastStream: Int32?
        var goawayCode: UInt32?
        var hasPeerSettings = false
        var lastPong = MonotonicTime.never
        /// The time of the sending that is under way.
        var sendsAt = MonotonicTime.never
        var sinkBytesMax = 0

        init(_ role: Role, pool: BufferPool) {
            scanner = HTTP2FrameScanner(role)
            reader = HTTP2HeadReader(pool: pool)
            closed = HTTP2ClosedStreams(pool: pool)
            events = PooledArray(pool: pool)
        }
    }

    public let role: Role
    let connection: Handle
    let streams: HTTP2Streams
    let engine: HTTP2Engine
    let state: Cell<State>
    /// The caller's queue while ``send(into:upTo:)`` runs.
    let sink: Cell<ByteQueue>

    /// A session whose SETTINGS wait to be sent (a client's preface before them). Nil if there is no memory for it.
    public init?(_ role: Role, connection: Handle, streams: HTTP2Streams) {
        guard let engine = HTTP2Engine(role, streams.memory) else { return nil }
        self.role = role
        self.connection = connection
        self.streams = streams
        self.engine = engine
        state = Cell(State(role, pool: streams.pool))
        sink = Cell(ByteQueue(pool: streams.pool))
        self.engine.setOwner(self)
    }

    deinit {
        while !state.value.first.isNone { discard(state.value.first) }
    }

    // MARK: What happened

    /// What the peer did wrong to the connection as a whole: `http2Invalid` or `http2Flood` (a client), `upstreamInvalid` (an origin).
    public var failure: GatewayError? { state.value.failure }

    /// The code of ``failure`` in our GOAWAY.
    public var failureCode: HTTP2ErrorCode? { state.value.failureCode }

    /// The flood that ``failure`` is about.
    public var flood: HTTP2Flood? { state.value.flood }

    /// The next stream on which something came (a head, content, the end, trailers, a reset), that was closed, or whose output has room
    /// again (``HTTP2Stream/wantsRoom``). Each is named once, however much happened. Asked after `receive` and after `send`.
    public func nextEvent() -> Handle? {
        while state.value.eventsTaken < state.value.events.count {
            let stream = state.value.events[state.value.eventsTaken]
            state.value.eventsTaken += 1
            guard streams.slab.contains(stream), !streams.slab[stream].isReleased else { continue }
            streams.slab[stream].isEventQueued = false
            return stream
        }
        if state.value.eventsTaken > 0 {
            state.value.events.removeAll()
            state.value.eventsTaken = 0
        }
        return nil
    }

    func queueEvent(_ stream: Handle) {
        if streams.slab[stream].isEventQueued || streams.slab[stream].isReleased { return }
        streams.slab[stream].isEventQueued = true
        state.value.events.append(stream)
    }

    /// The handle that nghttp2 has for the stream: none if there is none, or no such stream, or no longer.
    @inline(__always)
    func handle(of number: Int32) -> Handle {
        state.value.known == number ? state.value.knownHandle : findHandle(of: number)
    }

    private func findHandle(of number: Int32) -> Handle {
        let stream = engine.handle(of: number)
        if !stream.isNone { remember(stream, of: number) }
        return stream
    }

    func remember(_ stream: Handle, of number: Int32) {
        state.value.known = number
        state.value.knownHandle = stream
    }

    // MARK: The connection

    /// Queues a first GOAWAY, which asks for no more requests but takes those on their way (RFC 9113 § 6.8).
    public func announceShutdown() {
        state.value.isClosing = true
        if role == .server { engine.announceShutdown() }
    }

    /// The next ``send(into:upTo:)`` sends the final GOAWAY: what comes beyond the last stream begun by then is dropped. ``isOver`` once
    /// all streams have ended.
    public func shutDown() {
        if state.value.hasShutDown { return }
        state.value.hasShutDown = true
        state.value.owesGoaway = true
        state.value.isClosing = true
    }

    /// Queues a GOAWAY that ends the connection at once.
    public func terminate(_ code: HTTP2ErrorCode) {
        state.value.isClosing = true
        engine.terminate(code)
    }

    /// The peer reads no further: requests of ours that were not sent are closed with REFUSED_STREAM, by the next `send`.
    public func refuseUnsent() {
        forEachStream { stream in
            if role == .client && !streams.slab[stream].hasSentHead { reset(stream, .refusedStream) }
        }
    }

    /// The connection is lost: every stream that is not closed counts as reset with CANCEL, a request of ours that was not sent as one
    /// that was refused; all are named by ``nextEvent()``.
    public func abandon() {
        state.value.isBroken = true
        var next = state.value.first
        while !next.isNone {
            let stream = next
            next = streams.slab[stream].next
            streams.slab[stream].dropOutput()
            if streams.slab[stream].closedWith != nil { continue }
            streams.slab[stream].isReset = true
            let isUnsent = role == .client && !streams.slab[stream].hasSentHead
            streams.slab[stream].closedWith = (isUnsent ? HTTP2ErrorCode.refusedStream : .cancel).rawValue
            if streams.slab[stream].isReleased { discard(stream) } else { queueEvent(stream) }
        }
    }

    /// Gives all streams back: their handles are stale from now on, and nothing is sent or received any more.
    public func close() {
        state.value.isBroken = true
        while !state.value.first.isNone { discard(state.value.first) }
    }

    /// Calls `body` with every stream that was not released; `body` may release the one it is given.
    public func forEachStream(_ body: (Handle) -> Void) {
        var stream = state.value.first
        while streams.slab.contains(stream) {
            let next = streams.slab[stream].next
            if !streams.slab[stream].isReleased { body(stream) }
            stream = next
        }
    }

    /// Whether ``send(into:upTo:)`` would append something.
    public var wantsToSend: Bool { !state.value.isBroken && (state.value.owesGoaway || engine.wantsToSend) }

    /// Whether nothing is left to receive or to send: the connection can be closed.
    public var isOver: Bool { state.value.isBroken || !engine.wantsToReceive && !wantsToSend }

    /// Whether a head has begun to come and has not ended.
    public var isInsideHead: Bool { state.value.openBlock != 0 || state.value.scanner.isInsideHead }

    /// How many heads have begun to come.
    public var headCount: UInt64 { state.value.headCount }

    /// Streams that are there, those included that were released and have something to send.
    public var streamCount: Int { state.value.streamCount }

    /// Whether there are streams, and all of them were released: what is left is for the peer to read.
    public var isOnlyRead: Bool { state.value.streamCount > 0 && state.value.streamCount == state.value.releasedCount }

    /// Whether a GOAWAY was queued or has come: no further requests.
    public var isShuttingDown: Bool { state.value.isClosing || state.value.goawayLastStream != nil || state.value.failure != nil }

    // MARK: Client

    /// Requests that can be begun now: the peer's MAX_CONCURRENT_STREAMS less those open; 0 after GOAWAY.
    public var streamsAvailable: Int {
        if isShuttingDown || state.value.isBroken || !engine.mayRequest { return 0 }
        return max(0, min(engine.peerStreamsMax, Limits.http2StreamsMax) - state.value.streamCount)
    }

    /// Whether the peer takes extended CONNECT (RFC 8441 § 3); known once its SETTINGS have come.
    public var takesExtendedConnect: Bool { engine.takesExtendedConnect }

    /// Whether the peer's first SETTINGS have come.
    public var hasPeerSettings: Bool { state.value.hasPeerSettings }

    /// The last stream that the peer will process, of its GOAWAY. Those beyond are closed with REFUSED_STREAM.
    public var goawayLastStream: Int32? { state.value.goawayLastStream }

    /// The code of that GOAWAY: an ``HTTP2ErrorCode``, or one that we do not know.
    public var goawayCode: UInt32? { state.value.goawayCode }

    /// Queues a PING.
    public func ping() { engine.ping() }

    /// When the last answer to a PING of ours came; `never` before the first.
    public var lastPong: MonotonicTime { state.value.lastPong }
}
