import COpenSSL
import GatewayCore

/// The certificates behind one listen address, and which of them a client gets.
///
/// The server is chosen in the client-hello callback: the later servername callback comes after the protocol
/// version is settled, too late for a server with versions of its own.
@safe
public final class TLSServerContext: Sendable {
    /// Which server a name belongs to: an index into the contexts. The name is in lower case, without a trailing dot.
    public typealias Selector = @Sendable (_ name: RawSpan) -> Int

    private let contexts: [TLSContext]
    private let select: Selector
    private let defaultIndex: Int
    let defaultContext: TLSContext

    /// Server `defaultIndex` answers clients that name none.
    public init(contexts: [TLSContext], defaultIndex: Int, select: @escaping Selector) {
        self.contexts = contexts
        self.select = select
        defaultContext = contexts[defaultIndex]
        self.defaultIndex = defaultIndex
        unsafe SSL_CTX_set_client_hello_cb(defaultContext.pointer, Self.clientHello, nil)
    }

    /// Chooses the server for a handshake that begins: its certificates, its versions, its scope of tickets.
    fileprivate func chooseServer(_ ssl: OpaquePointer, _ state: UnsafeMutablePointer<SocketBIO.State>) -> Bool {
        var index = defaultIndex
        var extensionBytes: UnsafePointer<UInt8>?
        var length = 0
        if unsafe SSL_client_hello_get0_ext(ssl, UInt32(TLSEXT_TYPE_server_name), &extensionBytes, &length) == 1,
            let start = unsafe extensionBytes
        {
            let span = unsafe RawSpan(_unsafeStart: start, byteCount: length)
            guard let name = ServerNameExtension.hostName(in: span) else { return false }
            index = select(name.rawSpan)
            unsafe state.pointee.serverName = name
        }
        let context = contexts[index]
        unsafe state.pointee.serverIndex = index
        // It brings the certificates and the authorities; what was copied when the connection was made has to be set by hand.
        unsafe SSL_set_SSL_CTX(ssl, context.pointer)
        if let clients = context.clients { unsafe clients.ask(ssl) } else { unsafe SSL_set_verify(ssl, SSL_VERIFY_NONE, nil) }
        unsafe gateway_SSL_set_versions(ssl, Int(context.minimumVersion), Int(context.maximumVersion))
        return true
    }

    /// What the server of a connection asks of its client; nil if nothing, or before it is chosen.
    func verification(_ serverIndex: Int?) -> TLSClientVerification? {
        serverIndex.flatMap { contexts[$0].clients }
    }

    static let clientHello: @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32 = {
        ssl, alert, _ in
        guard let ssl = unsafe ssl, let state = unsafe SocketBIO.state(of: SSL_get_rbio(ssl)),
            let context = unsafe state.pointee.context?.takeUnretainedValue(), unsafe context.chooseServer(ssl, state)
        else {
            unsafe alert?.pointee = SSL_AD_DECODE_ERROR
            return SSL_CLIENT_HELLO_ERROR
        }
        return SSL_CLIENT_HELLO_SUCCESS
    }
}

/// The server_name extension of a ClientHello (RFC 6066 § 3).
enum ServerNameExtension {
    /// The host name in lower case without a trailing dot; nil if the extension is malformed, or names what is no host name. The name goes
    /// into header fields and logs: a line break in it would be a field, or a request, of the client's making.
    static func hostName(in span: RawSpan) -> [UInt8]? {
        guard span.byteCount >= 5 else { return nil }
        let listLength = Int(span[byte: 0]) << 8 | Int(span[byte: 1])
        let nameLength = Int(span[byte: 3]) << 8 | Int(span[byte: 4])
        guard listLength == span.byteCount - 2, span[byte: 2] == 0, nameLength > 0, 5 + nameLength <= span.byteCount else { return nil }
        var name: [UInt8] = []
        name.reserveCapacity(nameLength)
        for index in 5..<5 + nameLength {
            let byte = span[byte: index].asciiLowercased
            if !isNameByte(byte) { return nil }
            name.append(byte)
        }
        if name.last == UInt8(ascii: ".") { name.removeLast() }
        return 1...Limits.serverNameBytesMax ~= name.count ? name : nil
    }

    /// Letters, digits and hyphens (RFC 6066 § 3 asks for A-labels), and the underscore, which names in use have.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
        default: false
        }
    }
}
