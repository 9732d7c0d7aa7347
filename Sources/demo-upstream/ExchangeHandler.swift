import NIOCore
import NIOHTTP1

/// A connection's requests, one after the other: collects each and writes its answer, or sends its body back as it comes.
///
/// In both directions bytes move only while there is room: the channel does not read by itself, and nothing is written
/// to a channel that is not writable.
final class ExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        case idle
        /// With the answer, if the head alone decided it.
        case collecting(Request, decided: Answer?)
        /// The latency has not passed yet.
        case delaying(Answer)
        case answering(Answer, upcoming: ByteBuffer)
        /// Parts that come before the answer may begin are held: no more than one read's worth, as nothing is read meanwhile.
        case echoing(type: String, held: [HTTPServerRequestPart]?)
        case closed
    }

    private let endpoints: Endpoints
    private var phase = Phase.idle
    private var request = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
    private var timer: Scheduled<Void>?
    private var isPumping = false
    private var closesAfterAnswer = false

    init(settings: Settings) {
        endpoints = Endpoints(settings: settings)
    }

    // MARK: What the channel tells

    func channelActive(context: ChannelHandlerContext) {
        context.read()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(unwrapInboundIn(data), context: context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        if wantsMore(context) { context.read() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        pump(context)
        if case .echoing(_, held: nil) = phase, context.channel.isWritable { context.read() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        phase = .closed
        context.fireChannelInactive()
    }

    /// The handler before this one has answered 400 if an answer was still possible.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func wantsMore(_ context: ChannelHandlerContext) -> Bool {
        switch phase {
        case .idle, .collecting: true
        case .echoing(_, let held): held == nil && context.channel.isWritable
        case .delaying, .answering, .closed: false
        }
    }

    // MARK: The request

    private func receive(_ part: HTTPServerRequestPart, context: ChannelHandlerContext) {
        switch (phase, part) {
        case (.idle, .head(let head)):
            begin(head, context)
        case (.collecting(var request, let decided), .body(let bytes)):
            phase = .idle  // so that the body is held once, and grows in place
            request.body.writeImmutableBuffer(bytes)
            phase = .collecting(request, decided: decided)
            if request.body.readableBytes > Request.bodyBytesMax { refuseBody(context) }
        case (.collecting(let request, let decided), .end):
            respond(decided ?? endpoints.answer(request), context)
        case (.echoing(let type, var held?), _):
            held.append(part)
            phase = .echoing(type: type, held: held)
        case (.echoing(_, held: nil), .body(let bytes)):
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        case (.echoing(_, held: nil), .end):
            end(context)
        default:
            break  // the rest of a body that was refused
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        request = head
        closesAfterAnswer = !head.isKeepAlive
        if head.headers["Expect"].contains(where: { $0.lowercased() == "100-continue" }) {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
        let request = Request(head)
        if request.path == "/echo" && head.method != .HEAD {
            beginEcho(request, context)
        } else {
            phase = .collecting(request, decided: nil)
        }
    }

    private func refuseBody(_ context: ChannelHandlerContext) {
        closesAfterAnswer = true
        respond(.openAIError(.payloadTooLarge, "A body has up to \(Request.bodyBytesMax) bytes here."), context)
    }

    // MARK: Echo

    /// Its answer begins before its body ends, so the head alone decides whether it fails.
    private func beginEcho(_ request: Request, _ context: ChannelHandlerContext) {
        if let failure = endpoints.failure(request) {
            phase = .collecting(request, decided: failure)
            return
        }
        phase = .echoing(type: request.head.headers.first(name: "Content-Type") ?? "application/octet-stream", held: [])
        afterLatency(context) { handler in handler.startEcho(context) }
    }

    private func startEcho(_ context: ChannelHandlerContext) {
        guard case .echoing(let type, let held?) = phase else { return }
        phase = .echoing(type: type, held: nil)
        // A body of known length comes back with it: what a gateway did to the framing shows.
        var fields: HTTPHeaders = ["Content-Type": type]
        if let length = request.headers.first(name: "Content-Length") { fields.add(name: "Content-Length", value: length) }
        writeHead(.ok, fields, hasLength: fields.contains(name: "Content-Length"), context)
        for part in held { receive(part, context: context) }
        context.flush()
        if context.channel.isWritable { context.read() }
    }

    // MARK: The answer

    private func respond(_ answer: Answer, _ context: ChannelHandlerContext) {
        phase = .delaying(answer)
        afterLatency(context) { handler in handler.startAnswer(context) }
    }

    private func startAnswer(_ context: ChannelHandlerContext) {
        guard case .delaying(let answer) = phase else { return }
        var fields = answer.fields
        if let length = answer.length, answer.status.mayHaveResponseBody { fields.add(name: "Content-Length", value: String(length)) }
        writeHead(answer.status, fields, hasLength: answer.length != nil, context)
        guard request.method != .HEAD, answer.status.mayHaveResponseBody, let first = answer.pieces.next() else {
            end(context)
            return
        }
        phase = .answering(answer, upcoming: first)
        pump(context)
    }

    private func writeHead(_ status: HTTPResponseStatus, _ fields: HTTPHeaders, hasLength: Bool, _ context: ChannelHandlerContext) {
        var fields = fields
        fields.add(name: "X-Version", value: endpoints.settings.name)
        // An HTTP/1.0 client knows the end of such a body by the end of the connection.
        let isOld = request.version != .http1_1
        if !hasLength && isOld { closesAfterAnswer = true }
        if !hasLength && !isOld && request.method != .HEAD { fields.add(name: "Transfer-Encoding", value: "chunked") }
        if closesAfterAnswer {
            fields.add(name: "Connection", value: "close")
        } else if isOld {
            fields.add(name: "Connection", value: "keep-alive")
        }
        let head = HTTPResponseHead(version: isOld ? .http1_0 : .http1_1, status: status, headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Writes pieces while the channel takes them. Flushing may make the channel writable again and call this anew, hence the guard;
    /// the rest has its turn behind the other connections.
    private func pump(_ context: ChannelHandlerContext) {
        guard case .answering(let answer, var piece) = phase, timer == nil, !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        var isPieceWritten = false
        while context.channel.isWritable {
            isPieceWritten = true
            context.write(wrapOutboundOut(.body(.byteBuffer(piece))), promise: nil)
            guard let next = answer.pieces.next() else {
                isPumping = false  // the end may bring the next request at once
                return end(context)
            }
            piece = next
            phase = .answering(answer, upcoming: next)
            if answer.flushesEachPiece {
                context.flush()
                if answer.interval.milliseconds > 0 { break }
            }
        }
        context.flush()
        if isPieceWritten && (answer.interval.milliseconds > 0 || context.channel.isWritable) {
            after(answer.interval, context) { handler in handler.pump(context) }
        }
    }

    private func end(_ context: ChannelHandlerContext) {
        phase = closesAfterAnswer ? .closed : .idle
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        if closesAfterAnswer { context.close(promise: nil) } else { context.read() }
    }

    // MARK: Time

    private func afterLatency(_ context: ChannelHandlerContext, _ body: @escaping (ExchangeHandler) -> Void) {
        let asked = request.headers.first(name: "X-Demo-Latency").flatMap { Delay(argument: $0) }
        let latency = asked ?? endpoints.settings.latency
        if latency.milliseconds == 0 { body(self) } else { after(latency, context, body) }
    }

    private func after(_ delay: Delay, _ context: ChannelHandlerContext, _ body: @escaping (ExchangeHandler) -> Void) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay.time) { [self] in
            timer = nil
            if case .closed = phase { return }
            body(self)
        }
    }
}
