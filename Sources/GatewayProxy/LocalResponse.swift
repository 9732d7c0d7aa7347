import GatewayConfig
import GatewayCore
import GatewayHTTP

/// What the gateway says by itself: `return`, and why it refuses.
extension Worker {
    func answer(_ id: Handle, _ status: Int, _ content: LocationRoute.Content) {
        var body = ByteQueue(pool: pool)
        var fields = ByteQueue(pool: pool)
        var vary: VaryNames = []
        switch content {
        case .empty:
            // As in nginx, a status without a text is an error like the gateway's own, if there is a page for it.
            if let content = exchanges[id].location?.edge?.errorPages?.content(for: status) {
                serve(id, status, content, fields: &fields)
                return
            }
        case .text(let text):
            if let constant = text.constant {
                fields.append("Content-Type: text/plain; charset=utf-8\r\n")
                respond(id, status, lasting: constant, "text/plain", vary: [], fields: &fields)
                return
            }
            exchanges[id].evaluate(text, on: downstreams[exchanges[id].connection], into: &body)
            fields.append("Content-Type: text/plain; charset=utf-8\r\n")
            vary = encodeOwn(id, status, "text/plain", &body, fields: &fields)
        case .redirect(let url):
            fields.append("Location: ")
            exchanges[id].evaluate(url, on: downstreams[exchanges[id].connection], into: &fields)
            fields.append("\r\n")
        }
        respond(id, status, fields: fields.bytes, body: body.bytes, vary: vary)
    }

    /// Tells the client why there is no answer. Where part of a response has gone out, or nobody is left to
    /// read, it is broken off.
    func refuse(_ id: Handle, _ error: GatewayError) {
        if exchanges[id].isFetch { return failFetch(id, error) }
        if exchanges[id].response.hasBegun || error.type.status == 499 {
            breakOff(id, error)
            return
        }
        dropCall(id)
        completeRoute(id)
        exchanges[id].error = error
        if error.type.endsConnection { exchanges[id].response.keepsAlive = false }
        if exchanges[id].requestID == (0, 0) { exchanges[id].requestID = requestIDs.value.next() }
        var fields = ByteQueue(pool: pool)
        // Places come free with every answer of an origin.
        if error.type == .upstreamBusy { fields.append("Retry-After: 1\r\n") }
        if let seconds = error.type.retryAfterS { HTTP1Encoder.field("Retry-After", decimal: UInt64(seconds), into: &fields) }
        if error.type == .maintenance, let edge = exchanges[id].location?.edge {
            sendAway(id, error, edge, fields: &fields)
        } else if let content = exchanges[id].location?.edge?.errorPages?.content(for: error.type.status) {
            serve(id, error.type.status, content, fields: &fields)
        } else {
            explain(id, error, asPage: exchanges[id].head.fields.prefersHTML, fields: &fields)
        }
    }

    /// The page of the maintenance, to all but those who ask for JSON, and the SDKs of an API.
    private func sendAway(_ id: Handle, _ error: GatewayError, _ edge: EdgePolicy, fields: inout ByteQueue) {
        HTTP1Encoder.field("Retry-After", decimal: UInt64(edge.maintenance?.retryAfterS ?? 0), into: &fields)
        fields.append("Cache-Control: no-store\r\n")
        let wantsPage = edge.api == nil ? !exchanges[id].head.fields.prefersJSON : exchanges[id].head.fields.prefersHTML
        if wantsPage, let page = edge.maintenancePage {
            serve(id, error.type.status, .page(page), vary: .accept, fields: &fields)
        } else {
            explain(id, error, asPage: wantsPage, fields: &fields)
        }
    }

    /// A document of the gateway's own, in the form that the client would rather have.
    private func explain(_ id: Handle, _ error: GatewayError, asPage: Bool, fields: inout ByteQueue) {
        var body = ByteQueue(pool: pool)
        var vary: VaryNames
        if asPage {
            exchanges[id].response.isBuiltInPage = true
            exchanges[id].encodePage(error, into: &body)
            fields.append("Content-Type: text/html; charset=utf-8\r\n")
            vary = encodeOwn(id, error.type.status, "text/html", &body, fields: &fields)
        } else {
            exchanges[id].encodeProblem(error, for: exchanges[id].location?.edge?.api, now: now, &clock.value, into: &body)
            fields.append("Content-Type: application/problem+json\r\n")
            vary = encodeOwn(id, error.type.status, "application/problem+json", &body, fields: &fields)
        }
        vary.insert(.accept)
        respond(id, error.type.status, fields: fields.bytes, body: body.bytes, vary: vary)
    }

    /// What the operator has for a status.
    private func serve(_ id: Handle, _ status: Int, _ content: ErrorPages.Content, vary: VaryNames = [], fields: inout ByteQueue) {
        switch content {
        case .redirect(let url):
            HTTP1Encoder.field("Location", url.rawSpan, into: &fields)
            respond(id, 302, fields: fields.bytes, body: RawSpan(), vary: vary)
        case .page(let page):
            page.kind.appendField(to: &fields)
            let (bytes, more) = encoded(page, id, status, fields: &fields)
            respond(id, status, fields: fields.bytes, body: bytes.rawSpan, shared: shared(id, bytes), vary: vary.union(more))
        }
    }

    /// Sends a text that is the same for all who ask.
    private func respond(
        _ id: Handle, _ status: Int, lasting content: [UInt8], _ type: StaticString, vary: VaryNames, fields: inout ByteQueue
    ) {
        var body = ByteQueue(pool: pool)
        body.append(content)
        let plainFields = fields.count
        let more = encodeOwn(id, status, type, &body, fields: &fields)
        if body.count <= Limits.streamOutputHighBytes || !exchanges[id].isOverHTTP2 {
            respond(id, status, fields: fields.bytes, body: body.bytes, vary: vary.union(more))
        } else {
            fields.truncate(to: plainFields)
            respond(id, status, fields: fields.bytes, body: content.rawSpan, shared: content, vary: vary.union(more))
        }
    }

    /// A connection of HTTP/2 may have a hundred answers that it does not read: what lasts and is more than a window of the stream is not
    /// copied for each.
    private func shared(_ id: Handle, _ content: [UInt8]) -> [UInt8]? {
        exchanges[id].isOverHTTP2 && content.count > Limits.streamOutputHighBytes ? content : nil
    }

    /// Sends an answer of the gateway's own; `vary` is what of the request it depends on. `shared` is the body once more, where it is one
    /// that lasts.
    func respond(_ id: Handle, _ status: Int, fields: RawSpan, body: RawSpan, shared: [UInt8]? = nil, vary: VaryNames) {
        let connection = exchanges[id].connection
        if dropRequestBody(id) != nil || !exchanges[id].requestBody.isComplete { exchanges[id].response.keepsAlive = false }
        exchanges[id].response.status = status
        exchanges[id].response.hasBegun = true
        exchanges[id].response.begunAt = now
        exchanges[id].response.isComplete = true
        var head = ByteQueue(pool: pool)
        HTTP1Encoder.statusLine(status, into: &head)
        head.append("Server: gateway\r\n")
        clock.value.encodeDate(now, into: &head)
        head.append(fields)
        (exchanges[id].location?.edge?.cors == nil ? vary : vary.union(.origin)).appendField(to: &head)
        let hasContent = status != 204 && status != 304
        if hasContent { HTTP1Encoder.field("Content-Length", decimal: UInt64(body.byteCount), into: &head) }
        if isLeaving(connection) { exchanges[id].response.keepsAlive = false }
        exchanges[id].endResponseHead(on: downstreams[connection], into: &head)
        if exchanges[id].isOverHTTP2 {
            sendAnswer(id, connection, head, body: hasContent && exchanges[id].head.method != .head ? body : RawSpan(), shared: shared)
            return
        }
        downstreams[connection].output.append(head.bytes)
        if hasContent && exchanges[id].head.method != .head {
            downstreams[connection].output.append(body)
            exchanges[id].response.sent = UInt64(body.byteCount)
        }
        queueFlush(connection)
    }

    /// Ends a response that cannot be finished in a way that the client must notice, or leaves a client that has left.
    func breakOff(_ id: Handle, _ error: GatewayError) {
        if exchanges[id].isFetch { return failFetch(id, error) }
        let connection = exchanges[id].connection
        dropCall(id)
        exchanges[id].error = error
        exchanges[id].response.keepsAlive = false
        if exchanges[id].response.status == 0 || error.type.status == 499 { exchanges[id].response.status = error.type.status }
        if exchanges[id].isOverHTTP2 {
            resetStream(id, error)
            return
        }
        switch error.type {
        case .clientClosed:
            downstreams[connection].isBroken = true
        case .sendTimeout:
            downstreams[connection].stream.breakOff()
            downstreams[connection].isBroken = true
        default:
            // A body with a length or in chunks is visibly short when the connection ends; one without an end of its own is not.
            if exchanges[id].response.framing == .untilClose { downstreams[connection].endsWithReset = true }
        }
    }
}

extension ErrorType {
    /// Whether what the client sent can't be told from what it will send next, or the connection is itself what is wrong: then nothing
    /// more is read as a request.
    var endsConnection: Bool {
        switch self {
        case .requestLineInvalid, .targetInvalid, .fieldInvalid, .hostInvalid, .framingInvalid, .chunkInvalid, .versionUnsupported,
            .transferCodingUnsupported, .methodUnsupported, .requestLineTooLong, .headTooLarge, .fieldsTooMany, .headerTimeout,
            .bodyTimeout, .requestTimeout, .shuttingDown, .snapshotRetired, .clientCertificateRequired, .clientCertificateInvalid:
            true
        default: false
        }
    }
}
