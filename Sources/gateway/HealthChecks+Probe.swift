import GatewayCore
import GatewayHTTP
import GatewayNet

/// A check on the wire: connecting, TLS as the upstream has it, one request, the head of its answer.
extension HealthChecks {
    func drive(_ id: Handle, _ readiness: Readiness) {
        guard probes.contains(id) else { return }
        probes[id].stream.note(readiness)
        switch probes[id].state {
        case .connecting: connected(id)
        case .handshaking: shakeHands(id)
        case .exchanging: exchange(id)
        }
    }

    private func connected(_ id: Handle) {
        if let failure = probes[id].stream.connectFailure() { return end(id, failure: "\(failure)") }
        guard probes[id].stream.canWrite else { return }
        guard let tls = probes[id].target.settings.tls else { return beginExchange(id) }
        probes[id].state = .handshaking
        probes[id].stream.connectTLS(tls, resuming: nil, now: probes[id].startedAt)
        shakeHands(id)
    }

    private func shakeHands(_ id: Handle) {
        switch probes[id].stream.handshake() {
        case .moved: beginExchange(id)
        case .wouldBlock: break
        case .ended: end(id, failure: "the connection ended inside the TLS handshake")
        case .failed(let failure): end(id, failure: failure.text)
        }
    }

    private func beginExchange(_ id: Handle) {
        probes[id].state = .exchanging
        if probes[id].target.settings.speaksHTTP2 {
            guard let session = HTTP2Session(.client, connection: id, streams: streams) else { return end(id, failure: "no memory") }
            probes[id].session = session
        } else {
            probes[id].output.append(probes[id].target.settings.request)
        }
        exchange(id)
    }

    private func exchange(_ id: Handle) {
        do throws(ProbeFailure) {
            try write(id)
            while probes[id].stream.canRead {
                if try !read(id) { return }
                if let status = try status(id) { return end(id, status: status) }
                try write(id)
            }
        } catch {
            end(id, failure: error.text)
        }
    }

    /// False if nothing is there.
    private func read(_ id: Handle) throws(ProbeFailure) -> Bool {
        switch probes[id].stream.read(into: &probes[id].input) {
        case .moved: return true
        case .wouldBlock: return false
        case .ended: throw ProbeFailure(text: "the connection ended before an answer")
        case .failed(let failure): throw ProbeFailure(text: failure.text)
        }
    }

    private func write(_ id: Handle) throws(ProbeFailure) {
        if let session = probes[id].session { probes[id].send(session) }
        guard probes[id].stream.canWrite, !probes[id].output.isEmpty else { return }
        // The reason of a failure is read: there may be an answer before it.
        _ = probes[id].stream.write(from: &probes[id].output)
    }

    private func status(_ id: Handle) throws(ProbeFailure) -> Int? {
        do throws(GatewayError) {
            guard let session = probes[id].session else { return try probes[id].readStatus() }
            if !probes[id].receive(session, now: .now()) {
                throw session.failure ?? GatewayError(.upstreamInvalid, "the server broke the protocol")
            }
            return try answer(id, session)
        } catch {
            throw ProbeFailure(text: "\(error.detail)")
        }
    }

    private func answer(_ id: Handle, _ session: HTTP2Session) throws(GatewayError) -> Int? {
        if probes[id].request.isNone, session.hasPeerSettings {
            var head = ByteQueue(pool: pool)
            head.append(probes[id].target.settings.request)
            let isSecure = probes[id].stream.isTLS
            guard let stream = session.request(head, isSecure: isSecure, user: id, endsStream: true) else {
                throw GatewayError(.upstreamClosed, "the server takes no requests")
            }
            probes[id].request = stream
        }
        while let stream = session.nextEvent() {
            if let status = try probes[id].readStatus(&streams.slab[stream]) { return status }
            if streams.slab[stream].isOutputClosed { throw GatewayError(.upstreamClosed, "the server refused the request") }
        }
        return nil
    }
}

/// Why a check has failed, for people.
struct ProbeFailure: Error {
    let text: String
}

extension IOFailure {
    var text: String {
        switch self {
        case .system(let error): "\(error)"
        case .tls(let failure): "TLS: \(failure.reason)"
        case .truncated: "the connection ended without the end that TLS has"
        }
    }
}
