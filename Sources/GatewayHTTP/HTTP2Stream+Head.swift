import GatewayCore

/// Taking what has come.
extension HTTP2Stream {
    /// Moves the request's head into `head`, which must be empty. Its framing is `length` where Content-Length says so, `none` where
    /// END_STREAM came with it, else `chunked`: it ends by itself, with END_STREAM.
    ///
    /// Throws ``error``; `head` then has what could be read, for the log.
    public mutating func takeRequest(into head: inout RequestHead) throws(GatewayError) {
        swap(&head.fields, &self.head.fields)
        head.parts = self.head.parts
        self.head.removeAll()
        hasHead = false
        if let error { throw error }
    }

    /// Moves the next head of the answer into `head`, which must be empty: interim ones first; ``hasHead`` says whether another waits.
    ///
    /// Throws ``error``.
    public mutating func takeResponse(into head: inout ResponseHead) throws(GatewayError) {
        if !interims.isEmpty { return try takeInterim(into: &head) }
        hasHead = false
        if let error { throw error }
        swap(&head.fields, &self.head.fields)
        head.parts = ResponseHead.Parts()
        head.parts.version = .http2
        head.parts.status = self.head.status
        head.parts.framing = self.head.framing
        head.parts.keepAlive = true
        head.parts.isComplete = true
        self.head.removeAll()
    }

    private mutating func takeInterim(into head: inout ResponseHead) throws(GatewayError) {
        var parser = HTTP1ResponseParser(requestMethod: requestMethod)
        // What was kept was read before: it is whole, and valid.
        let length = try parser.parse(interims.bytes, into: &head) ?? interims.count
        head.parts.version = .http2
        interims.consume(length)
        if interims.isEmpty { hasHead = hasFinalHead || error != nil }
    }

    /// Keeps the interim answer that was read, and makes room for the next head. False if there are too many.
    mutating func keepInterim() -> Bool {
        HTTP1Encoder.statusLine(head.status, into: &interims)
        for i in 0..<head.fields.count { head.fields.appendLine(i, to: &interims) }
        HTTP1Encoder.endLine(into: &interims)
        head.removeAll()
        hasHead = true
        return interims.count <= Limits.headBytesMax
    }
}

/// Giving what waits.
extension HTTP2Stream {
    mutating func moveOutput(_ byteCount: Int, now: MonotonicTime, to queue: inout ByteQueue) {
        let queued = min(byteCount, output.count)
        queue.append(output.slice(0, queued))
        output.consume(queued)
        if queued < byteCount { moveShared(byteCount - queued, to: &queue) }
        if byteCount > 0 { sentAt = now }
    }

    private mutating func moveShared(_ byteCount: Int, to queue: inout ByteQueue) {
        queue.append(shared.rawSpan.extracting(sharedStart..<(sharedStart + byteCount)))
        sharedStart += byteCount
        if sharedStart == shared.count { dropShared() }
    }

    private mutating func dropShared() {
        if shared.isEmpty { return }
        shared = []
        sharedStart = 0
    }

    /// Nothing more is sent, and nothing that comes is kept.
    mutating func dropOutput() {
        output.removeAll()
        dropShared()
        outputTrailers.removeAll()
    }
}
