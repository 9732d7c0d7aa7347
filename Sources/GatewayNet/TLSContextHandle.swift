import COpenSSL
import GatewayCore

/// A certificate and its key, as files.
public struct TLSKeyPair: Sendable {
    public let certificatePath: String
    public let keyPath: String

    public init(certificatePath: String, keyPath: String) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
    }
}

/// The owner of an SSL_CTX, with what servers' and clients' contexts have in common: Mozilla's intermediate profile (Server
/// Side TLS, version 5.7).
///
/// Sendable: it is changed only while its owner is made; afterwards OpenSSL counts its references atomically and locks what it shares.
@safe
final class TLSContextHandle: @unchecked Sendable {
    enum Side {
        case server, client
    }

    let pointer: OpaquePointer

    private static let cipherList =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
        + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"
        + "DHE-RSA-CHACHA20-POLY1305"
    private static let groups = "X25519:P-256:P-384"

    init(_ side: Side, minimumVersion: Int32, maximumVersion: Int32) throws(TLSError) {
        ERR_clear_error()
        let method = unsafe side == .server ? TLS_server_method() : TLS_client_method()
        guard let pointer = unsafe SSL_CTX_new(method) else { throw TLSError("cannot make a TLS context") }
        unsafe self.pointer = unsafe pointer
        // All properties are set: if one of these throws, deinit frees the context.
        unsafe gateway_SSL_CTX_set_mode(
            pointer,
            // A chain is what its file holds: not what is found among the certificates that others are verified with.
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN)
                | Int(SSL_MODE_RELEASE_BUFFERS))
        unsafe gateway_SSL_CTX_set_read_ahead(pointer, 1)
        unsafe gateway_SSL_CTX_set_versions(pointer, Int(minimumVersion), Int(maximumVersion))
        guard unsafe SSL_CTX_set_cipher_list(pointer, Self.cipherList) == 1 else { throw TLSError("cannot set the ciphers") }
        guard unsafe gateway_SSL_CTX_set_groups(pointer, Self.groups) == 1 else { throw TLSError("cannot set the groups") }
        // A key that asks for a password must fail, not prompt on a terminal.
        unsafe SSL_CTX_set_default_passwd_cb(pointer) { _, _, _, _ in -1 }
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
    }

    /// Reads a certificate with its chain, and its key.
    func load(_ pair: TLSKeyPair) throws(TLSError) -> CertificateEnd {
        try CredentialFile.requireRegular(pair.certificatePath, "certificate")
        try CredentialFile.requireRegular(pair.keyPath, "key", isAboutKey: true)
        guard unsafe SSL_CTX_use_certificate_chain_file(pointer, pair.certificatePath) == 1 else {
            throw TLSError("cannot read the certificate \"\(pair.certificatePath)\"")
        }
        let end = readEnd()
        let certificate = unsafe SSL_CTX_get0_certificate(pointer)
        guard unsafe SSL_CTX_use_PrivateKey_file(pointer, pair.keyPath, SSL_FILETYPE_PEM) == 1 else {
            let mismatch = TLSFailure.last?.reason == "key_values_mismatch"
            throw TLSError(
                mismatch
                    ? "the key \"\(pair.keyPath)\" does not belong to the certificate \"\(pair.certificatePath)\""
                    : "cannot read the key \"\(pair.keyPath)\"", isAboutKey: true)
        }
        // SSL_CTX_check_private_key would look at the pair the key went to: that of another certificate, if it is of that one's type.
        guard unsafe X509_check_private_key(certificate, SSL_CTX_get0_privatekey(pointer)) == 1 else {
            throw TLSError("the key \"\(pair.keyPath)\" does not belong to the certificate \"\(pair.certificatePath)\"", isAboutKey: true)
        }
        return end
    }

    /// SSL_CTX_use_certificate_chain_file has made the one that was read last the context's current one.
    private func readEnd() -> CertificateEnd {
        let epoch = unsafe ASN1_TIME_set(nil, 0)
        defer { unsafe ASN1_TIME_free(epoch) }
        var (days, seconds): (Int32, Int32) = (0, 0)
        var (daysSince1970, secondsOfDay): (Int32, Int32) = (0, 0)
        guard let certificate = unsafe SSL_CTX_get0_certificate(pointer), let end = unsafe X509_get0_notAfter(certificate),
            unsafe ASN1_TIME_diff(&days, &seconds, nil, end) == 1,
            unsafe ASN1_TIME_diff(&daysSince1970, &secondsOfDay, epoch, end) == 1
        else { return CertificateEnd(daysLeft: 0, epochSeconds: 0) }
        return CertificateEnd(
            daysLeft: seconds < 0 && days == 0 ? -1 : Int(days), epochSeconds: Int(daysSince1970) * 86_400 + Int(secondsOfDay))
    }

    /// SHA-256 of the certificate that was read last.
    func certificateDigest() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 0
        unsafe X509_digest(SSL_CTX_get0_certificate(pointer), EVP_sha256(), &digest, &length)
        return digest
    }
}

/// When a certificate ends.
public struct CertificateEnd: Sendable {
    /// From when it was read on, negative if it had ended by then.
    public let daysLeft: Int
    /// Since 1970.
    public let epochSeconds: Int
}

/// SHA-256, for names of what was read.
enum TLSDigest {
    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil)
        return digest
    }
}
