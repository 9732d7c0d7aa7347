import CNghttp2
import GatewayCore

/// What nghttp2 calls while it takes bytes and gives some: pointers become spans that end with the call, and the session does the rest.
///
/// None of them calls back into nghttp2 but by way of ``HTTP2Engine``, where its documentation allows it.
enum HTTP2Callbacks {
    static func register(in callbacks: OpaquePointer?) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeaders)
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, header)
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameReceived)
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, dataReceived)
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, invalidFrame)
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, sendData)
    }

    /// Where the content of a stream comes from.
    static func provider(_ handle: Handle) -> nghttp2_data_provider {
        unsafe nghttp2_data_provider(source: nghttp2_data_source(ptr: handle.sourceAddress), read_callback: readData)
    }

    /// The session whose engine calls: alive, for it waits for the call to return.
    @inline(__always)
    private static func with(_ user: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Void) {
        guard let user = unsafe user else { return }
        unsafe Unmanaged<HTTP2Session>.fromOpaque(user)._withUnsafeGuaranteedRef { body($0) }
    }

    @inline(__always)
    private static func span(_ start: UnsafePointer<UInt8>?, _ count: Int) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: start, count: count)
    }

    private static let beginHeaders: nghttp2_on_begin_headers_callback = { _, frame, user in
        guard let frame = unsafe frame else { return 0 }
        let head = unsafe frame.pointee.hd
        if head.type == HTTP2FrameType.headers.rawValue { unsafe with(user) { $0.blockBegan(on: head.stream_id) } }
        return 0
    }

    private static let header: nghttp2_on_header_callback = { _, _, name, nameLength, value, valueLength, _, user in
        unsafe with(user) { unsafe $0.fieldCame(span(name, nameLength).bytes, span(value, valueLength).bytes) }
        return 0
    }

    private static let frameReceived: nghttp2_on_frame_recv_callback = { _, frame, user in
        guard let frame = unsafe frame else { return 0 }
        let head = unsafe frame.pointee.hd
        let endsStream = head.flags & 0x1 != 0
        switch HTTP2FrameType(rawValue: head.type) {
        case .headers: unsafe with(user) { $0.blockEnded(endsStream: endsStream) }
        case .data:
            let isEmpty = unsafe head.length == frame.pointee.data.padlen
            unsafe with(user) { $0.dataEnded(on: head.stream_id, isEmpty: isEmpty, endsStream: endsStream) }
        case .rstStream:
            let code = unsafe frame.pointee.rst_stream.error_code
            unsafe with(user) { $0.resetCame(on: head.stream_id, code) }
        case .settings: unsafe with(user) { $0.settingsCame(isAnswer: endsStream) }
        case .ping: unsafe with(user) { $0.pingCame(isAnswer: endsStream) }
        case .goaway:
            let (code, last) = unsafe (frame.pointee.goaway.error_code, frame.pointee.goaway.last_stream_id)
            unsafe with(user) { $0.goawayCame(code, last: last) }
        default: break
        }
        return 0
    }

    private static let dataReceived: nghttp2_on_data_chunk_recv_callback = { _, _, stream, data, count, user in
        unsafe with(user) { unsafe $0.dataCame(on: stream, span(data, count).bytes) }
        return 0
    }

    private static let invalidFrame: nghttp2_on_invalid_frame_recv_callback = { _, frame, error, user in
        guard let frame = unsafe frame else { return 0 }
        let head = unsafe frame.pointee.hd
        if error == NGHTTP2_ERR_FLOW_CONTROL.rawValue && head.stream_id != 0 {
            unsafe with(user) { $0.windowOverflowed(on: head.stream_id) }
        }
        return 0
    }

    private static let streamClosed: nghttp2_on_stream_close_callback = { _, stream, code, user in
        unsafe with(user) { $0.streamClosed(stream, code) }
        return 0
    }

    private static let frameSent: nghttp2_on_frame_send_callback = { _, frame, user in
        guard let frame = unsafe frame else { return 0 }
        let head = unsafe frame.pointee.hd
        switch HTTP2FrameType(rawValue: head.type) {
        case .headers: unsafe with(user) { $0.headWasSent(on: head.stream_id, endsStream: head.flags & 0x1 != 0) }
        case .data:
            if head.flags & 0x1 != 0 { unsafe with(user) { $0.endWasSent(on: head.stream_id) } }
        case .rstStream: unsafe with(user) { $0.resetWasSent(on: head.stream_id) }
        case .goaway:
            let (code, last) = unsafe (frame.pointee.goaway.error_code, frame.pointee.goaway.last_stream_id)
            unsafe with(user) { $0.goawayWasSent(code, last: last) }
        default: break
        }
        return 0
    }

    private static let readData: nghttp2_data_source_read_callback = { _, _, _, room, flags, source, user in
        guard let source = unsafe source, let flags = unsafe flags else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        let handle = unsafe Handle(address: source.pointee.ptr)
        var part = HTTP2Session.Part.waits
        unsafe with(user) { part = $0.nextPart(of: handle, atMost: room) }
        let noCopy = NGHTTP2_DATA_FLAG_NO_COPY.rawValue
        switch part {
        case .waits: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        case .content(let count):
            unsafe flags.pointee = noCopy
            return count
        case .end(let count):
            unsafe flags.pointee = noCopy | NGHTTP2_DATA_FLAG_EOF.rawValue
            return count
        case .endWithTrailers(let count):
            unsafe flags.pointee = noCopy | NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            return count
        }
    }

    private static let sendData: nghttp2_send_data_callback = { _, _, head, count, source, user in
        guard let source = unsafe source else { return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue }
        let handle = unsafe Handle(address: source.pointee.ptr)
        var goesOn = false
        unsafe with(user) { goesOn = unsafe $0.sendPart(of: handle, head: span(head, HTTP2FrameHead.byteCount).bytes, count) }
        return goesOn ? 0 : NGHTTP2_ERR_PAUSE.rawValue
    }
}
