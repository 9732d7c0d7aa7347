import GatewayCore
import GatewayHTTP
import GatewayNet

/// Connections of balancers that say for whom they speak (`listen ... proxy_protocol`): their header comes before TLS and before HTTP.
extension Worker {
    func awaitProxyHeader(_ id: Handle) {
        downstreams[id].state = .readingProxyHeader
        downstreams[id].deadlineKind = .proxyHeader
    }

    /// The header is looked at in the socket and alone taken out of it: what stands behind it TLS or HTTP reads, as if it had come first.
    func readProxyHeader(_ id: Handle) {
        if !downstreams[id].stream.canRead { return }
        var bytes = ByteQueue(pool: pool)
        switch downstreams[id].stream.peek(into: &bytes, atMost: Limits.proxyHeaderBytesMax) {
        case .moved: break
        case .wouldBlock: return
        case .ended, .failed:
            // Balancers look whether somebody answers, and leave.
            closeDownstream(id)
            return
        }
        switch ProxyHeader.read(bytes.bytes) {
        case .complete(let header):
            downstreams[id].stream.drop(header.byteCount)
            begin(id, header.source)
        case .incomplete where !downstreams[id].stream.peerFinished:
            return
        case .incomplete, .invalid:
            note(ConnectionEnd.proxyHeaderInvalid)
            closeDownstream(id)
        }
    }

    private func begin(_ id: Handle, _ source: ProxyHeader.Source) {
        switch source {
        case .client(let address, let port): downstreams[id].peer = SocketAddress(address: address, port: port)
        case .proxy: break
        case .unnamed: downstreams[id].speaksForUnnamed = true
        }
        guard let (route, _) = findListener(downstreams[id].listenerID) else {
            note(ConnectionRefusal.listenerGone)
            closeDownstream(id)
            return
        }
        let client = downstreams[id].peer.address
        if let refusal = refusal(of: client, isTLS: route.tls != nil) {
            refuse(id, route, refusal)
            return
        }
        downstreams[id].countedPrefixBits = countedPrefixBits(of: client)
        beginProtocol(id, route)
        driveDownstream(id)
    }

    private func refuse(_ id: Handle, _ route: ListenerRoute, _ refusal: ConnectionRefusal) {
        note(refusal)
        if route.tls != nil {
            closeDownstream(id)
            return
        }
        var answer = ByteQueue(pool: pool)
        encode(refusal.error, into: &answer)
        downstreams[id].output = answer
        downstreams[id].lingers = true
        startClosing(id)
    }
}
