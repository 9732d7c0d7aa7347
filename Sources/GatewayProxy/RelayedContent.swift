import GatewayCore
import GatewayHTTP

// What the relay asks of the two sides: each with its own bytes in place.

extension Exchange {
    mutating func decodeChunk(_ input: borrowing ByteQueue) throws(GatewayError) -> ChunkedDecoder.Step {
        try requestBody.chunks.next(input.bytes, trailers: &trailers)
    }

    /// What proxy_set_header sets or takes away, or `strip`, can't come back behind the body: some origins take trailers for fields of
    /// the head.
    mutating func appendLastChunk(to queue: inout ByteQueue) {
        keepBackTrailers()
        HTTP1Encoder.lastChunk(trailers: trailers, of: head.fields, into: &queue)
    }

    /// The trailers alone, as lines.
    mutating func appendTrailers(to queue: inout ByteQueue) {
        keepBackTrailers()
        HTTP1Encoder.trailerLines(trailers, of: head.fields, isRecoded: false, into: &queue)
    }

    private mutating func keepBackTrailers() {
        if let set = location?.proxySetFields, !set.isEmpty {
            for index in 0..<trailers.count where set.contains(trailers.name(index), trailers.nameBytes(index)) { trailers.keepBack(index) }
        }
        if let policies = location?.policies, policies.stripsKey { policies.keys?.fields.keepBack(in: &trailers) }
    }
}

extension UpstreamCall {
    mutating func parse(_ input: borrowing ByteQueue) throws(GatewayError) -> Int? {
        try parser.parse(input.bytes, into: &head)
    }

    mutating func decodeChunk(_ input: borrowing ByteQueue, _ range: Range<Int>) throws(GatewayError) -> ChunkedDecoder.Step {
        try chunks.next(input.bytes.extracting(range), trailers: &trailers)
    }

    /// Of content that was compressed on its way the trailers are adapted as the head is.
    func appendLastChunk(isRecoded: Bool, to queue: inout ByteQueue) {
        HTTP1Encoder.lastChunk(trailers: trailers, of: head.fields, isRecoded: isRecoded, into: &queue)
    }

    /// Appends a piece of the request's content, which may have to be kept for a retry.
    mutating func appendBody(_ input: borrowing ByteQueue, _ range: Range<Int>, isChunked: Bool) {
        if range.isEmpty { return }
        if isRequestRefused {
            // What is dropped here cannot be sent again.
            keepsRequest = false
            hasWritten = true
            return
        }
        if isChunked && !isOverHTTP2 && !isCollecting {
            HTTP1Encoder.chunk(input.bytes.extracting(range), into: &request)
        } else {
            request.append(input.bytes.extracting(range))
        }
        if keepsRequest && request.count > Limits.replayBytesMax { forgetRequest() }
    }

    /// Makes ready for the head behind an interim one.
    mutating func nextHead(method: Method) {
        head.removeAll()
        parser = HTTP1ResponseParser(requestMethod: method)
    }
}

extension DownstreamConnection {
    /// Appends a piece of the response's content.
    mutating func appendBody(_ input: borrowing ByteQueue, _ range: Range<Int>, isChunked: Bool) {
        if isChunked {
            HTTP1Encoder.chunk(input.bytes.extracting(range), into: &output)
        } else {
            output.append(input.bytes.extracting(range))
        }
    }
}
