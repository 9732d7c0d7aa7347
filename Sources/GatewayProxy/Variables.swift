import GatewayCore
import GatewayHTTP
import GatewayNet
import GatewayPolicy

/// The values of variables. See `Variable` for what each means.
extension Exchange {
    /// Appends the fields; one whose value is empty is left out, as with nginx's proxy_set_header and add_header.
    func evaluate(_ fields: FieldTemplates, on connection: borrowing DownstreamConnection, into queue: inout ByteQueue) {
        if let constant = fields.constant {
            queue.append(constant)
            return
        }
        for index in 0..<fields.count {
            let before = queue.count
            queue.append(fields.name(index))
            queue.append(": ")
            let valueStart = queue.count
            evaluate(fields.value(index), on: connection, into: &queue)
            if queue.count == valueStart { queue.truncate(to: before) } else { queue.append("\r\n") }
        }
    }

    func evaluate(_ template: CompiledTemplate, on connection: borrowing DownstreamConnection, into queue: inout ByteQueue) {
        for index in 0..<template.partCount {
            let part = template.part(index)
            switch part.kind {
            case .literal: queue.append(template.bytes(of: part))
            case .http: appendField(named: template.bytes(of: part), to: &queue)
            case .argument: appendArgument(named: template.bytes(of: part), to: &queue)
            case .remoteAddr, .remotePort, .serverAddr, .serverPort, .scheme, .proxyAddXForwardedFor, .sslProtocol, .sslCipher,
                .sslServerName, .sslClientSubject, .sslClientIssuer, .sslClientSerial, .sslClientFingerprint, .sslClientFingerprintSHA256,
                .sslClientVerify:
                append(part.kind, of: connection, to: &queue)
            default: append(part.kind, to: &queue)
            }
        }
    }

    private func append(_ kind: CompiledTemplate.Part.Kind, of connection: borrowing DownstreamConnection, to queue: inout ByteQueue) {
        switch kind {
        case .remoteAddr: appendClient(on: connection, to: &queue)
        case .remotePort: queue.append(decimal: UInt64(connection.peer.port))
        case .serverAddr: connection.stream.localAddress()?.address.append(to: &queue)
        case .serverPort: queue.append(decimal: UInt64(connection.stream.localAddress()?.port ?? 0))
        case .scheme: if connection.stream.isTLS { queue.append("https") } else { queue.append("http") }
        case .proxyAddXForwardedFor: appendForwardedFor(on: connection, to: &queue)
        case .sslProtocol: if let tls = connection.tls { queue.append(tls.version) }
        case .sslCipher: if let tls = connection.tls { queue.append(tls.cipher) }
        case .sslServerName: queue.append(connection.serverName)
        case .sslClientSubject: if let client = connection.tls?.client { queue.append(client.names.subject) }
        case .sslClientIssuer: if let client = connection.tls?.client { queue.append(client.names.issuer) }
        case .sslClientSerial: if let client = connection.tls?.client { queue.append(client.names.serial) }
        case .sslClientFingerprint: if let client = connection.tls?.client { queue.append(client.names.fingerprint) }
        case .sslClientFingerprintSHA256: if let client = connection.tls?.client { queue.append(client.names.fingerprintSHA256) }
        case .sslClientVerify: if let client = connection.tls?.client { queue.append(client.verdictText) }
        default: break  // of the request: below
        }
    }

    private func append(_ kind: CompiledTemplate.Part.Kind, to queue: inout ByteQueue) {
        switch kind {
        case .host: if head.hostname.byteCount > 0 { queue.append(head.hostname) } else { appendServerName(to: &queue) }
        case .serverName: appendServerName(to: &queue)
        case .serverProtocol: queue.append(protocolName)
        case .requestMethod: queue.append(head.methodBytes)
        case .requestURI: queue.append(head.target)
        case .uri: queue.append(head.path)
        case .args: queue.append(head.query)
        case .isArgs: if head.query.byteCount > 0 { queue.append("?") }
        case .requestID: appendRequestID(to: &queue)
        case .hostname: queue.append(Hostname.current)
        case .apiKeyName: if let caller = callerKey { queue.append(caller.keys.text(caller.name)) }
        default: break  // of the connection: above
        }
    }

    private func appendServerName(to queue: inout ByteQueue) {
        if let server { queue.append(server.name) }
    }

    var protocolName: StaticString {
        switch head.version {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2.0"
        }
    }

    private func appendField(named name: RawSpan, to queue: inout ByteQueue) {
        if let index = head.fields.firstIndex(named: name) { queue.append(head.fields.value(index)) }
    }

    private func appendArgument(named name: RawSpan, to queue: inout ByteQueue) {
        if let range = QueryParameter.value(named: name, in: head.query) { queue.append(head.query.extracting(range)) }
    }
}
