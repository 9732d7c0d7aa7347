import COpenSSL
import GatewayCore

/// What came of asking a client for its certificate. The texts are printable ASCII, whatever the certificate holds: they are made for
/// header fields.
@safe
public final class TLSClientCertificate: Sendable {
    public enum Verdict: Sendable {
        /// The client has shown none.
        case missing
        case verified
        case refused
    }

    public let verdict: Verdict
    /// `$ssl_client_verify`: "SUCCESS", "NONE", "FAILED:certificate has expired".
    public let verdictText: [UInt8]
    /// What it was verified against: see ``TLSClientVerification/digest``.
    public let verificationDigest: [UInt8]
    /// Empty without a certificate.
    public let names: Names
    /// When the verdict holds no longer, on this connection as in sessions that resume: a certificate ends, and may have been revoked.
    public let holdsUntil: MonotonicTime

    /// What a certificate says of itself, and its digests.
    public struct Names: Sendable {
        /// After RFC 2253, as in nginx: "CN=alice,O=Example".
        public var subject: [UInt8] = []
        public var issuer: [UInt8] = []
        /// In hexadecimal, in upper case.
        public var serial: [UInt8] = []
        /// SHA-1 and SHA-256 of the certificate, in hexadecimal, in lower case.
        public var fingerprint: [UInt8] = []
        public var fingerprintSHA256: [UInt8] = []

        var isTooLong: Bool { max(subject.count, issuer.count, serial.count) > Limits.certificateNameBytesMax }

        /// What a stranger may write into the log with every request.
        mutating func cut() {
            subject.removeLast(max(0, subject.count - Limits.certificateNameBytesMax))
            issuer.removeLast(max(0, issuer.count - Limits.certificateNameBytesMax))
            serial.removeLast(max(0, serial.count - Limits.certificateNameBytesMax))
        }
    }

    /// Of a connection whose handshake is done.
    init(of ssl: OpaquePointer, _ verification: TLSClientVerification) {
        verificationDigest = verification.digest
        guard let certificate = unsafe SSL_get0_peer_certificate(ssl) else {
            verdict = .missing
            verdictText = Array("NONE".utf8)
            names = Names()
            holdsUntil = .never
            return
        }
        var names = unsafe Names(
            subject: Self.text { unsafe gateway_X509_NAME_print_rfc2253($0, X509_get_subject_name(certificate)) },
            issuer: Self.text { unsafe gateway_X509_NAME_print_rfc2253($0, X509_get_issuer_name(certificate)) },
            serial: Self.text { unsafe i2a_ASN1_INTEGER($0, X509_get0_serialNumber(certificate)) },
            fingerprint: Self.digest(certificate, EVP_sha1()), fingerprintSHA256: Self.digest(certificate, EVP_sha256()))
        let failure = unsafe names.isTooLong ? "a name in it is too long" : Self.failure(ssl, certificate)
        if names.isTooLong { names.cut() }
        self.names = names
        verdict = failure == nil ? .verified : .refused
        let now = MonotonicTime.now()
        holdsUntil = unsafe VerificationAge.end(
            SSL_get_session(ssl).flatMap(ClientSessionAge.start) ?? now, now: now, certificateLeftMs: Self.leftMs(certificate),
            limitMs: Limits.clientCertificateAgeMs)
        verdictText = Array((failure.map { "FAILED:" + $0 } ?? "SUCCESS").utf8)
    }

    /// OpenSSL's verdict on the chain. A resumed session has the one of its first handshake, so the end of the certificate is looked at
    /// once more.
    private static func failure(_ ssl: OpaquePointer, _ certificate: OpaquePointer) -> String? {
        var code = unsafe SSL_get_verify_result(ssl)
        if code == X509_V_OK, unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0 { code = Int(X509_V_ERR_CERT_HAS_EXPIRED) }
        if code == X509_V_OK { return nil }
        return unsafe X509_verify_cert_error_string(code).map { unsafe String(cString: $0) } ?? "unknown"
    }

    private static func leftMs(_ certificate: OpaquePointer) -> Int {
        // One look at the clock for the whole seconds, which is what OpenSSL counts, and for the part of the present one that is over:
        // between two another second may begin.
        let nowNs = MonotonicTime.wallClockNanoseconds()
        guard let now = unsafe ASN1_TIME_set(nil, Int(nowNs / 1_000_000_000)) else { return 0 }
        defer { unsafe ASN1_TIME_free(now) }
        var (days, seconds): (Int32, Int32) = (0, 0)
        guard unsafe ASN1_TIME_diff(&days, &seconds, now, X509_get0_notAfter(certificate)) == 1 else { return 0 }
        let partMs = Int(nowNs % 1_000_000_000 / 1_000_000) + 1
        return (Int(days) * 86_400 + Int(seconds)) * 1_000 - partMs
    }

    /// What OpenSSL prints, without what has no place in a header field, should it ever print such.
    private static func text(_ write: (OpaquePointer) -> Int32) -> [UInt8] {
        guard let memory = unsafe BIO_new(BIO_s_mem()) else { return [] }
        defer { unsafe _ = BIO_free(memory) }
        guard unsafe write(memory) >= 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: unsafe BIO_ctrl_pending(memory))
        let count = unsafe BIO_read(memory, &bytes, Int32(clamping: bytes.count))
        return bytes.prefix(max(0, Int(count))).map { 0x20...0x7e ~= $0 ? $0 : UInt8(ascii: "?") }
    }

    private static func digest(_ certificate: OpaquePointer, _ algorithm: OpaquePointer?) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 64)  // EVP_MAX_MD_SIZE
        var length: UInt32 = 0
        guard unsafe X509_digest(certificate, algorithm, &bytes, &length) == 1 else { return [] }
        let digits = Array("0123456789abcdef".utf8)
        return bytes.prefix(Int(length)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
