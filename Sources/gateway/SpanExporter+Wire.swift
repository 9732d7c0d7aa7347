import GatewayCore
import GatewayHTTP
import GatewayNet

/// A request with spans on the wire: connecting, TLS where the URL says https, the request, as much of its answer as says how it went.
extension SpanExporter {
    func drive(_ id: Handle, _ readiness: Readiness) {
        guard connections.contains(id) else { return }
        connections[id].stream.note(readiness)
        let now = MonotonicTime.now()
        switch connections[id].state {
        case .connecting: connected(id, now: now)
        case .handshaking: shakeHands(id, now: now)
        case .sending: exchange(id, now: now)
        case .idle:
            // Nothing is asked: this is its end.
            if readiness.canRead || connections[id].stream.peerFinished { closeConnection() }
        }
    }

    private func connected(_ id: Handle, now: MonotonicTime) {
        if let failure = connections[id].stream.connectFailure() { return fail(id, "\(failure)", now: now) }
        guard connections[id].stream.canWrite else { return }
        guard let origin else { return begin(id, now: now) }
        connections[id].state = .handshaking
        connections[id].stream.connectTLS(origin, resuming: nil, now: now)
        shakeHands(id, now: now)
    }

    private func shakeHands(_ id: Handle, now: MonotonicTime) {
        switch connections[id].stream.handshake() {
        case .moved: begin(id, now: now)
        case .wouldBlock: break
        case .ended: fail(id, "the connection ended inside the TLS handshake", now: now)
        case .failed(let failure): fail(id, failure.text, now: now)
        }
    }

    /// Puts the request on a connection that is ready for it.
    func begin(_ id: Handle, now: MonotonicTime) {
        guard let request else { return closeConnection() }
        connections[id].state = .sending
        connections[id].deadline = now.adding(milliseconds: Limits.spanRequestMs)
        connections[id].output.append(requestHead)
        connections[id].output.append("Content-Length: ")
        connections[id].output.append(decimal: request.byteCount)
        connections[id].output.append("\r\n\r\n")
        connections[id].output.append(request.head)
        exchange(id, now: now)
    }

    private func exchange(_ id: Handle, now: MonotonicTime) {
        // The reason of a failure is read: there may be an answer before it.
        if let request { connections[id].write(request.batches) }
        do throws(GatewayError) {
            while connections[id].stream.canRead {
                switch connections[id].stream.read(into: &connections[id].input) {
                case .moved: break
                case .wouldBlock: return
                case .ended: return fail(id, "the connection ended before an answer", now: now)
                case .failed(let failure): return fail(id, failure.text, now: now)
                }
                if try readAnswer(id, now: now) { return }
            }
        } catch {
            end(.refused(reason: "\(error.detail)"), now: now)
        }
    }

    /// True when the verdict is there. The content of the answer is read as far as it tells how many spans were rejected, and no further:
    /// a connection with more of it is closed.
    private func readAnswer(_ id: Handle, now: MonotonicTime) throws(GatewayError) -> Bool {
        guard try connections[id].readHead() else { return false }
        let status = connections[id].head.status
        guard (200...299).contains(status) else {
            end(verdict(of: status, connections[id].head.fields.retryAfterSeconds.map { $0 * 1000 }), now: now)
            return true
        }
        var length = 0
        if case .length(let announced) = connections[id].head.framing { length = Int(clamping: announced) }
        if length <= Limits.spanAnswerBytesMax && connections[id].input.count < length { return false }
        let rejected = connections[id].rejectedSpans
        let isSent = connections[id].hasWritten(request?.batches.count ?? 0)
        let isBounded = connections[id].head.framing == .none || length > 0 && length == connections[id].input.count
        let mayRest = isBounded && isSent && connections[id].head.keepAlive && leadsToPeer(id)
        if mayRest { connections[id].rest() } else { closeConnection() }
        end(.taken(rejected: rejected), now: now)
        return true
    }

    /// OTLP/HTTP, "Failures": these may be tried again, all others not.
    private func verdict(of status: Int, _ retryAfterMs: Int?) -> SpanVerdict {
        switch status {
        case 429, 502, 503, 504: .again(reason: "answered \(status)", afterMs: retryAfterMs)
        default: .refused(reason: "answered \(status)")
        }
    }

    private func fail(_ id: Handle, _ reason: String, now: MonotonicTime) {
        if connections[id].head.isComplete {
            // It has said that it took them.
            closeConnection()
            return end(.taken(rejected: 0), now: now)
        }
        end(connections[id].isReused ? .stale : .again(reason: reason, afterMs: nil), now: now)
    }
}
