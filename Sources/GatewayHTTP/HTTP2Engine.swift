import CNghttp2
import GatewayCore

/// nghttp2's session: frames, HPACK, flow control and the order of what is sent. The rules that it leaves to its user are in
/// ``HTTP2Session``, which is called back by ``HTTP2Callbacks``.
///
/// Safe although built on pointers: the session is this struct's own from its first to its last moment; what is given to it by address
/// is copied within the call, and what it gives is read within the call.
@safe
struct HTTP2Engine: ~Copyable {
    /// What became of bytes that were given.
    enum Outcome { case taken, flooded, noPreface, failed }

    private let session: OpaquePointer
    /// Where the session's memory goes back to.
    private let memory: HTTP2Memory

    /// Nil if there is no memory.
    init?(_ role: HTTP2Session.Role, _ memory: HTTP2Memory) {
        guard let made = unsafe Self.make(role, memory) else { return nil }
        guard unsafe Self.configure(made, role) else {
            unsafe nghttp2_session_del(made)
            return nil
        }
        unsafe session = made
        self.memory = memory
    }

    deinit {
        unsafe nghttp2_session_del(session)
    }

    private static func make(_ role: HTTP2Session.Role, _ memory: HTTP2Memory) -> OpaquePointer? {
        var callbacks: OpaquePointer?
        var options: OpaquePointer?
        var session: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&callbacks) == 0, unsafe nghttp2_option_new(&options) == 0 else { return nil }
        defer {
            unsafe nghttp2_session_callbacks_del(callbacks)
            unsafe nghttp2_option_del(options)
        }
        unsafe HTTP2Callbacks.register(in: callbacks)
        // Windows open as the worker takes what came; heads are judged by HTTP2HeadReader; closed streams by HTTP2ClosedStreams.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_http_messaging(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        unsafe nghttp2_option_set_max_outbound_ack(options, Limits.http2UnreadAnswersMax)
        // Heads that origins may send, and what the configuration adds to them.
        unsafe nghttp2_option_set_max_send_header_block_length(options, 4 * Limits.headBytesMax)
        // It would count streams that were answered as well: HTTP2Floods counts those that were not.
        unsafe nghttp2_option_set_stream_reset_rate_limit(options, UInt64(UInt32.max), UInt64(UInt32.max))
        guard var functions = unsafe memory.functions else {
            switch role {
            case .server: unsafe nghttp2_session_server_new2(&session, callbacks, nil, options)
            case .client: unsafe nghttp2_session_client_new2(&session, callbacks, nil, options)
            }
            return unsafe session
        }
        // They are copied.
        switch role {
        case .server: unsafe nghttp2_session_server_new3(&session, callbacks, nil, options, &functions)
        case .client: unsafe nghttp2_session_client_new3(&session, callbacks, nil, options, &functions)
        }
        return unsafe session
    }

    private static func configure(_ session: OpaquePointer, _ role: HTTP2Session.Role) -> Bool {
        var settings: [nghttp2_settings_entry] = [
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, Limits.http2StreamWindowBytes),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, Limits.headBytesMax),
            // Nor do we send any: nghttp2 then keeps no tree of the streams (RFC 9218 § 2.1).
            entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
        ]
        switch role {
        case .server:
            settings.append(entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Int(Int32.max)))
            settings.append(entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1))
        case .client:
            settings.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        let window = Int32(Limits.http2ConnectionWindowBytes)
        return unsafe nghttp2_submit_settings(session, 0, settings, settings.count) == 0
            && nghttp2_session_set_local_window_size(session, 0, 0, window) == 0
    }

    private static func entry(_ id: nghttp2_settings_id, _ value: Int) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: UInt32(value))
    }

    /// Whom the callbacks call. It owns this engine, so it outlives every call.
    func setOwner(_ owner: HTTP2Session) {
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(owner).toOpaque())
    }

    // MARK: In

    func take(_ bytes: RawSpan) -> Outcome {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe nghttp2_session_mem_recv(session, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count)
        }
        if count >= 0 { return .taken }
        switch Int32(count) {
        case NGHTTP2_ERR_FLOODED.rawValue: return .flooded
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: return .noPreface
        default: return .failed
        }
    }

    /// What the peer may still send on the stream; nil if it is not open, nor half-closed.
    func window(of stream: Int32) -> Int? {
        let window = unsafe nghttp2_session_get_stream_local_window_size(session, stream)
        return window < 0 ? nil : Int(window)
    }

    /// The handle that was set for the stream; none if there is none, or no such stream.
    func handle(of stream: Int32) -> Handle {
        unsafe Handle(address: nghttp2_session_get_stream_user_data(session, stream))
    }

    func setHandle(_ handle: Handle, of stream: Int32) {
        unsafe nghttp2_session_set_stream_user_data(session, stream, handle.address)
    }

    /// The windows open by so much. A stream that is closed has none any more; the connection's opens all the same.
    func consume(_ byteCount: Int, of stream: Int32) {
        unsafe nghttp2_session_consume(session, stream, byteCount)
    }

    /// The connection's window opens by so much, the stream's does not yet.
    func consumeOfConnection(_ byteCount: Int) {
        unsafe nghttp2_session_consume_connection(session, byteCount)
    }

    /// The stream's window opens, where the connection's has.
    func consumeOfStream(_ byteCount: Int, _ stream: Int32) {
        unsafe nghttp2_session_consume_stream(session, stream, byteCount)
    }

    // MARK: Out

    /// Appends the next frame, or DATA frames by way of the callbacks. False if nothing came; nil if the session is broken.
    func appendFrame(to sink: borrowing Cell<ByteQueue>) -> Bool? {
        var data: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(session, &data)
        if count < 0 { return nil }
        guard count > 0, let data = unsafe data else { return false }
        unsafe sink.value.append(RawSpan(_unsafeStart: UnsafeRawPointer(data), byteCount: count))
        return true
    }

    /// Appends the first frame, a server's SETTINGS, with another bound of streams than nghttp2 holds the peer to: it would end the connection
    /// for one stream too many, where RFC 9113 § 5.1.2 has that stream refused.
    func appendSettings(to sink: borrowing Cell<ByteQueue>, streamsMax: UInt32) -> Bool? {
        var data: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(session, &data)
        if count < 0 { return nil }
        guard count > 0, let data = unsafe data else { return false }
        var frame = unsafe [UInt8](UnsafeBufferPointer(start: data, count: count))
        // Entries of six bytes: two for what is set, four for what to (§ 6.5.1).
        for entry in stride(from: HTTP2FrameHead.byteCount, to: frame.count - 5, by: 6) {
            if frame[entry] != 0 || Int(frame[entry + 1]) != NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue { continue }
            for byte in 0..<4 { frame[entry + 2 + byte] = UInt8(truncatingIfNeeded: streamsMax >> UInt32(24 - 8 * byte)) }
        }
        sink.value.append(frame)
        return true
    }

    var wantsToSend: Bool { unsafe nghttp2_session_want_write(session) != 0 }
    var wantsToReceive: Bool { unsafe nghttp2_session_want_read(session) != 0 }

    /// Whether it was queued: false if there is no memory.
    @discardableResult
    func reset(_ stream: Int32, _ code: UInt32) -> Bool {
        unsafe nghttp2_submit_rst_stream(session, 0, stream, code) == 0
    }

    @discardableResult
    func resume(_ stream: Int32) -> Bool {
        unsafe nghttp2_session_resume_data(session, stream) == 0
    }

    @discardableResult
    func ping() -> Bool { unsafe nghttp2_submit_ping(session, 0, nil) == 0 }

    func announceShutdown() { unsafe nghttp2_submit_shutdown_notice(session) }

    func shutDown() {
        unsafe nghttp2_submit_goaway(session, 0, nghttp2_session_get_last_proc_stream_id(session), 0, nil, 0)
    }

    func terminate(_ code: HTTP2ErrorCode) { unsafe nghttp2_session_terminate_session(session, code.rawValue) }

    func setPriority(_ wanted: HTTP2Priority, of stream: Int32) {
        var priority = nghttp2_extpri(urgency: wanted.urgency, inc: wanted.isIncremental ? 1 : 0)
        unsafe nghttp2_session_change_extpri_stream_priority(session, stream, &priority, 1)
    }

    // MARK: Heads

    /// A head behind a status line. With `handle` content follows, which the callbacks take from that stream.
    func respond(_ stream: Int32, _ head: RawSpan, isInterim: Bool, handle: Handle?, _ pairs: borrowing HTTP2NameValues) -> Bool {
        guard let status = HeadLines.status(of: head) else { return false }
        return unsafe head.withUnsafeBytes { bytes in
            var list = unsafe pairs.emptyList
            unsafe pairs.append(":status", bytes, status, to: &list)
            unsafe pairs.appendFields(bytes, from: HeadLines.fields(of: head), of: stream, to: &list)
            if isInterim {
                return unsafe nghttp2_submit_headers(session, 0, stream, nil, list.start, list.count, nil) == 0
            }
            guard let handle else { return unsafe nghttp2_submit_response(session, stream, list.start, list.count, nil) == 0 }
            var provider = unsafe HTTP2Callbacks.provider(handle)
            return unsafe nghttp2_submit_response(session, stream, list.start, list.count, &provider) == 0
        }
    }

    /// A head behind its request line. Returns the stream's number; nil if there is none left, or no memory.
    func request(
        _ head: RawSpan, _ line: HeadLines.RequestLine, scheme: StaticString, isWebSocket: Bool, handle: Handle, hasContent: Bool,
        _ pairs: borrowing HTTP2NameValues
    ) -> Int32? {
        let number = unsafe head.withUnsafeBytes { bytes in
            var list = unsafe pairs.emptyList
            if isWebSocket {
                unsafe pairs.append(":method", "CONNECT", to: &list)
                unsafe pairs.append(":protocol", "websocket", to: &list)
            } else {
                unsafe pairs.append(":method", bytes, line.method, to: &list)
            }
            unsafe pairs.append(":scheme", scheme, to: &list)
            unsafe pairs.append(":path", bytes, line.target, to: &list)
            let (host, others) = HeadLines.host(in: head, from: line.fields)
            if let host { unsafe pairs.append(":authority", bytes, host, to: &list) }
            unsafe pairs.appendFields(bytes, from: others, of: nextStream, leavingOutHost: true, to: &list)
            if !hasContent {
                return unsafe nghttp2_submit_request(session, nil, list.start, list.count, nil, handle.address)
            }
            var provider = unsafe HTTP2Callbacks.provider(handle)
            return unsafe nghttp2_submit_request(session, nil, list.start, list.count, &provider, handle.address)
        }
        return number > 0 ? number : nil
    }

    /// Trailers, of which there is one at least: END_STREAM goes with them.
    func endWithTrailers(_ stream: Int32, _ lines: RawSpan, _ pairs: borrowing HTTP2NameValues) -> Bool {
        unsafe lines.withUnsafeBytes { bytes in
            var list = unsafe pairs.emptyList
            unsafe pairs.appendFields(bytes, from: 0, of: stream, to: &list)
            return unsafe nghttp2_submit_trailer(session, stream, list.start, list.count) == 0
        }
    }

    // MARK: Peer

    var nextStream: Int32 { Int32(clamping: unsafe nghttp2_session_get_next_stream_id(session)) }
    var mayRequest: Bool { unsafe nghttp2_session_check_request_allowed(session) != 0 }
    var peerStreamsMax: Int { Int(setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)) }
    /// What the peer lets us send on a new stream, and on this one.
    var peerInitialWindow: Int { Int(setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE)) }
    func peerWindow(of stream: Int32) -> Int { Int(unsafe nghttp2_session_get_stream_remote_window_size(session, stream)) }
    var takesExtendedConnect: Bool { setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1 }

    private func setting(_ id: nghttp2_settings_id) -> UInt32 { unsafe nghttp2_session_get_remote_settings(session, id) }
}

/// Names and values as nghttp2 is given them, in memory that all sessions of a worker share: it copies them, in lower case.
@safe
struct HTTP2NameValues: ~Copyable {
    /// The pairs of a head while they are put together: who does holds it, so that it stays in registers. One at a time.
    @unsafe
    struct List: ~Copyable {
        fileprivate(set) var start: UnsafeMutablePointer<nghttp2_nv>
        fileprivate var capacity: Int
        fileprivate(set) var count = 0
    }

    /// The name of a field that the gateway knows.
    @unsafe
    private struct Name {
        var start: UnsafePointer<UInt8>
        var length: Int
    }

    /// The memory.
    private let room: Cell<List>
    /// By their numbers; as many as ``CountedField/Known`` counts.
    private let named: UnsafeMutablePointer<Name>

    init() {
        let capacity = Limits.headFieldsMax
        unsafe room = Cell(List(start: .allocate(capacity: capacity), capacity: capacity))
        unsafe named = .allocate(capacity: 64)
        for number: UInt8 in 0..<64 {
            let name = (FieldName(rawValue: number) ?? .other).name
            unsafe (named + Int(number)).initialize(to: Name(start: name.utf8Start, length: name.utf8CodeUnitCount))
        }
    }

    deinit {
        unsafe room.value.start.deallocate()
        unsafe named.deallocate()
    }

    /// Takes the place of any other.
    fileprivate var emptyList: List { unsafe List(start: room.value.start, capacity: room.value.capacity) }

    /// The fields of `head`, which must stay where it is until they are used.
    fileprivate func appendFields(
        _ head: UnsafeRawBufferPointer, from position: Int, of stream: Int32, leavingOutHost: Bool = false, to list: inout List
    ) {
        let unindexed = Self.refreshesNames(stream) ? FieldName.secrets : FieldName.secrets | FieldName.everNew
        let unusual = leavingOutHost ? HeadLines.leftOut | FieldName.host.bit : HeadLines.leftOut
        let bytes = unsafe head.bytes
        guard let base = head.baseAddress else { return }
        var position = position
        repeat {
            // What most fields are, without a call.
            var count = unsafe list.count
            while unsafe count < list.capacity, let field = CountedField.known(in: bytes, at: position, butFor: unusual) {
                let flags = Self.literalName | (unindexed &>> field.number & 1 != 0 ? Self.unindexed : 0)
                let name = unsafe named + Int(truncatingIfNeeded: field.number)
                unsafe (list.start + count).initialize(
                    to: Self.pair(name.pointee.start, name.pointee.length, base + field.valueStart, field.end &- field.valueStart, flags))
                count &+= 1
                position = field.end
            }
            unsafe list.count = count
        } while unsafe position < bytes.byteCount && bytes[byte: position] != .carriageReturn
            && appendOthers(head, from: &position, unindexed, leavingOutHost, to: &list)
    }

    /// The next field, whatever it is, and the lines behind it. False if there are no more.
    @inline(never)
    private func appendOthers(
        _ head: UnsafeRawBufferPointer, from position: inout Int, _ unindexed: UInt64, _ leavingOutHost: Bool, to list: inout List
    ) -> Bool {
        let bytes = unsafe head.bytes
        var lines = HeadLines(from: position)
        guard let base = head.baseAddress else { return false }
        repeat {
            guard let line = lines.next(in: bytes) else { return false }
            if leavingOutHost && line.known == .host { continue }
            let value = unsafe base + line.valueStart
            if line.known == .other {
                let flags = Self.isUnindexed(line.name(in: bytes)) ? Self.unindexed : 0
                unsafe append(base + line.nameStart, line.nameLength, value, line.valueLength, flags, to: &list)
            } else {
                let name = unsafe named + Int(line.known.rawValue)
                let flags = Self.literalName | (unindexed & line.known.bit != 0 ? Self.unindexed : 0)
                unsafe append(name.pointee.start, name.pointee.length, value, line.valueLength, flags, to: &list)
            }
        } while !lines.isBeforeCounted(in: bytes)
        position = lines.position
        return true
    }

    /// A name in lower case.
    @inline(__always)
    fileprivate func append(_ name: StaticString, _ head: UnsafeRawBufferPointer, _ value: Range<Int>, to list: inout List) {
        guard let base = head.baseAddress else { return }
        unsafe append(
            UnsafeRawPointer(name.utf8Start), name.utf8CodeUnitCount, base + value.lowerBound, value.count, Self.literalName, to: &list)
    }

    @inline(__always)
    fileprivate func append(_ name: StaticString, _ value: StaticString, to list: inout List) {
        unsafe append(
            UnsafeRawPointer(name.utf8Start), name.utf8CodeUnitCount, UnsafeRawPointer(value.utf8Start), value.utf8CodeUnitCount,
            Self.literalName | UInt8(NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue), to: &list)
    }

    @inline(__always)
    private func append(
        _ name: UnsafeRawPointer, _ nameLength: Int, _ value: UnsafeRawPointer, _ valueLength: Int, _ flags: UInt8, to list: inout List
    ) {
        if unsafe list.count == list.capacity { unsafe grow(&list) }
        unsafe (list.start + list.count).initialize(to: Self.pair(name, nameLength, value, valueLength, flags))
        unsafe list.count &+= 1
    }

    /// nghttp2 takes pointers to bytes that it does not write.
    @inline(__always)
    private static func pair(
        _ name: UnsafeRawPointer, _ nameLength: Int, _ value: UnsafeRawPointer, _ valueLength: Int, _ flags: UInt8
    ) -> nghttp2_nv {
        unsafe nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.assumingMemoryBound(to: UInt8.self)),
            value: UnsafeMutablePointer(mutating: value.assumingMemoryBound(to: UInt8.self)), namelen: nameLength, valuelen: valueLength,
            flags: flags)
    }

    /// The name is in lower case, and of the program's own text: it stays where it is.
    private static var literalName: UInt8 { UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue) }
    private static var unindexed: UInt8 { UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue) }

    /// Whether the head of this stream puts the names of ``FieldName/everNew`` into the dynamic table: one in 64 does, the first among them,
    /// since by and by other entries drive them out. Spelled out a name costs as much as a short value.
    private static func refreshesNames(_ stream: Int32) -> Bool { stream >> 1 & 63 == 0 }

    /// The same as ``FieldName/secrets`` of the fields that have no place there.
    private static func isUnindexed(_ name: RawSpan) -> Bool {
        name.namesCredential || name.equalsIgnoringCase("x-correlation-id")
    }

    @inline(never)
    private func grow(_ list: inout List) {
        let held = unsafe list.start
        unsafe list.capacity *= 2
        unsafe list.start = .allocate(capacity: list.capacity)
        unsafe list.start.moveInitialize(from: held, count: list.count)
        unsafe held.deallocate()
        unsafe room.value = List(start: list.start, capacity: list.capacity)
    }
}

extension FieldName {
    /// What stays out of the dynamic table, which all that is sent on the connection shares (RFC 7541 § 7.1.3): credentials, and what may
    /// stand for one.
    fileprivate static var secrets: UInt64 {
        FieldName.cookie.bit | FieldName.setCookie.bit | FieldName.authorization.bit | FieldName.proxyAuthorization.bit
            | FieldName.xAPIKey.bit | FieldName.tracestate.bit | FieldName.idempotencyKey.bit
    }

    /// What is another in each message would never be found again, and would drive out an entry that would. Its name is found where a value
    /// was once indexed with it. nghttp2 has one way to keep a value out, "never indexed" (§ 6.2.3): who passes it on leaves it out of
    /// his table, too.
    fileprivate static var everNew: UInt64 { FieldName.xRequestID.bit | FieldName.traceparent.bit }
}

extension Handle {
    /// The handle as a pointer, which nobody follows. None is no pointer at all.
    fileprivate var address: UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(bitPattern: UInt(generation) << 32 | UInt(slot))
    }

    init(address: UnsafeMutableRawPointer?) {
        let bits = UInt(bitPattern: address)
        self = bits == 0 ? .none : Handle(slot: UInt32(truncatingIfNeeded: bits), generation: UInt32(truncatingIfNeeded: bits >> 32))
    }

    /// For a source of data.
    var sourceAddress: UnsafeMutableRawPointer? { unsafe address }
}
