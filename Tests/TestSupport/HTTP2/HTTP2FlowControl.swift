/// The windows of both directions (RFC 9113 § 6.9), as far as what was sent and received tells them. A test may break the client's side
/// of the rules on purpose; that the server breaks its own is thrown.
public struct HTTP2FlowControl {
    public static let windowMax = (1 << 31) - 1
    public static let initial = 65_535

    /// How much the server may send: on the connection, and on each stream.
    private var receive = initial
    private var receiveByStream: [UInt32: Int] = [:]
    private var receiveInitial = initial
    /// How much the client may send.
    public private(set) var send = initial
    private var sendByStream: [UInt32: Int] = [:]
    private var sendInitial = initial

    /// Bytes that the client may send on `stream` now.
    public func sendable(on stream: UInt32) -> Int { min(send, sendWindow(of: stream)) }

    public func sendWindow(of stream: UInt32) -> Int { sendByStream[stream] ?? sendInitial }
    public func receiveWindow(of stream: UInt32) -> Int { receiveByStream[stream] ?? receiveInitial }

    // MARK: The server sends

    mutating func received(_ count: Int, on stream: UInt32) throws {
        receive -= count
        receiveByStream[stream] = receiveWindow(of: stream) - count
        // An empty frame may come whatever the window is.
        guard count == 0 || receive >= 0 && receiveWindow(of: stream) >= 0 else {
            throw TestError.invalid("\(count) bytes on stream \(stream) beyond a window: \(receive), \(receiveWindow(of: stream))")
        }
    }

    /// The client has sent WINDOW_UPDATE.
    mutating func granted(_ increment: Int, on stream: UInt32) {
        if stream == 0 { receive += increment } else { receiveByStream[stream] = receiveWindow(of: stream) + increment }
    }

    /// The server has acknowledged a setting of the client's.
    mutating func grantInitially(_ size: Int) {
        for stream in receiveByStream.keys { receiveByStream[stream, default: 0] += size - receiveInitial }
        receiveInitial = size
    }

    // MARK: The client sends

    mutating func sent(_ count: Int, on stream: UInt32) {
        send -= count
        sendByStream[stream] = sendWindow(of: stream) - count
    }

    /// The server has sent WINDOW_UPDATE.
    mutating func gained(_ increment: Int, on stream: UInt32) throws {
        guard increment > 0 else { throw TestError.invalid("WINDOW_UPDATE of 0 on stream \(stream)") }
        if stream == 0 { send += increment } else { sendByStream[stream] = sendWindow(of: stream) + increment }
        guard send <= Self.windowMax, sendWindow(of: stream) <= Self.windowMax else {
            throw TestError.invalid("a window beyond 2^31-1 on stream \(stream)")
        }
    }

    mutating func gainInitially(_ size: Int) {
        for stream in sendByStream.keys { sendByStream[stream, default: 0] += size - sendInitial }
        sendInitial = size
    }
}
