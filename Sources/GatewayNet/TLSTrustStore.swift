import COpenSSL
import GatewayCore
import Glibc

/// Certificates that may vouch for others, and what they have revoked, read from PEM files: the owner of an X509_STORE.
///
/// The files are read here and now: a store that looked into a directory when a peer asks would make a worker wait for the disk.
/// Sendable: it is changed only while it is made; OpenSSL counts its references atomically and locks it.
@safe
public final class TLSTrustStore: @unchecked Sendable {
    let pointer: OpaquePointer
    /// SHA-256 of what the files hold: who was verified by the same store keeps that across reloads.
    public let digest: [UInt8]
    /// Whether one of the lists of revoked certificates is out of date: then OpenSSL accepts nobody whom its issuer vouches for.
    public private(set) var hasExpiredRevocations = false

    /// Where systems keep the certificates that they trust.
    private static let systemPaths = [
        "/etc/ssl/certs/ca-certificates.crt",  // Debian, Alpine, Arch
        "/etc/pki/tls/certs/ca-bundle.crt",  // Fedora, RHEL
        "/etc/ssl/ca-bundle.pem",  // SUSE
        "/etc/ssl/cert.pem",
    ]

    /// The file of this system's authorities: SSL_CERT_FILE of the environment where it is set, as with OpenSSL. nil if there is none.
    public static func systemPath() -> String? {
        if let path = unsafe getenv("SSL_CERT_FILE") { return unsafe String(cString: path) }
        return systemPaths.first { unsafe access($0, R_OK) == 0 }
    }

    /// Throws what can't be read, and what holds no certificate. The error is about the key if it is about the revocations.
    public init(path: String, revocationsPath: String? = nil) throws(TLSError) {
        ERR_clear_error()
        let bytes = try PEMFile.read(path, "CA certificates")
        let revocations = try Self.readRevocations(revocationsPath)
        digest = TLSDigest.sha256(bytes + [0] + revocations)
        guard let pointer = unsafe X509_STORE_new() else { throw TLSError("OpenSSL has no memory for certificates") }
        unsafe self.pointer = unsafe pointer
        // What stands in the file is trusted, an intermediate or a single certificate as well, without its issuer.
        unsafe X509_STORE_set_flags(pointer, UInt(X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST))
        guard try addCertificates(bytes, path) > 0 else { throw TLSError("there is no certificate in \"\(path)\"") }
        guard let revocationsPath else { return }
        guard try addRevocations(revocations, revocationsPath) > 0 else {
            throw TLSError("there is no list of revoked certificates in \"\(revocationsPath)\"", isAboutKey: true)
        }
        unsafe X509_STORE_set_flags(pointer, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
    }

    deinit {
        unsafe X509_STORE_free(pointer)
    }

    private static func readRevocations(_ path: String?) throws(TLSError) -> [UInt8] {
        guard let path else { return [] }
        do throws(TLSError) {
            return try PEMFile.read(path, "revoked certificates")
        } catch {
            throw TLSError(about: error, isAboutKey: true)
        }
    }

    /// What can't be read is no end: the authorities, or the revocations, behind it would be missing without a word.
    private func addCertificates(_ bytes: [UInt8], _ path: String) throws(TLSError) -> Int {
        guard let memory = unsafe BIO_new_mem_buf(bytes, Int32(bytes.count)) else { return 0 }
        defer { unsafe _ = BIO_free(memory) }
        var count = 0
        while let certificate = unsafe PEM_read_bio_X509_AUX(memory, nil, nil, nil) {
            defer { unsafe X509_free(certificate) }
            count += 1
            guard unsafe X509_STORE_add_cert(pointer, certificate) == 1 else { throw TLSError("entry \(count) of \"\(path)\"") }
            ERR_clear_error()
        }
        guard gateway_ERR_is_end_of_PEM() == 1 else { throw TLSError("entry \(count + 1) of \"\(path)\"") }
        ERR_clear_error()
        return count
    }

    private func addRevocations(_ bytes: [UInt8], _ path: String) throws(TLSError) -> Int {
        guard let memory = unsafe BIO_new_mem_buf(bytes, Int32(bytes.count)) else { return 0 }
        defer { unsafe _ = BIO_free(memory) }
        var count = 0
        while let list = unsafe PEM_read_bio_X509_CRL(memory, nil, nil, nil) {
            defer { unsafe X509_CRL_free(list) }
            count += 1
            guard unsafe X509_STORE_add_crl(pointer, list) == 1 else {
                throw TLSError("entry \(count) of \"\(path)\"", isAboutKey: true)
            }
            if let end = unsafe X509_CRL_get0_nextUpdate(list), unsafe X509_cmp_current_time(end) < 0 { hasExpiredRevocations = true }
            ERR_clear_error()
        }
        guard gateway_ERR_is_end_of_PEM() == 1 else { throw TLSError("entry \(count + 1) of \"\(path)\"", isAboutKey: true) }
        ERR_clear_error()
        return count
    }

    /// Names the certificates in a server's CertificateRequest, so that a client can choose among its own (RFC 8446 § 4.2.4).
    func announce(in context: TLSContextHandle) {
        let objects = unsafe X509_STORE_get0_objects(pointer)
        for index in unsafe 0..<OPENSSL_sk_num(objects) {
            guard let object = unsafe OPENSSL_sk_value(objects, index) else { continue }
            guard let certificate = unsafe X509_OBJECT_get0_X509(OpaquePointer(object)) else { continue }
            unsafe SSL_CTX_add_client_CA(context.pointer, certificate)
        }
    }
}

/// A file's bytes, by OpenSSL's reader, whose errors then have the system's reason.
enum PEMFile {
    static func read(_ path: String, _ what: String) throws(TLSError) -> [UInt8] {
        try CredentialFile.requireRegular(path, what)
        guard let file = unsafe BIO_new_file(path, "r") else { throw TLSError("cannot read the \(what) \"\(path)\"") }
        defer { unsafe _ = BIO_free(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = unsafe BIO_read(file, &piece, Int32(piece.count))
            if count == 0 { return bytes }
            if count < 0 { throw TLSError("cannot read the \(what) \"\(path)\"") }
            bytes += piece[..<Int(count)]
            if bytes.count > Limits.certificateFileBytesMax {
                throw TLSError("cannot read the \(what) \"\(path)\": it is larger than \(Limits.certificateFileBytesMax / 1024) KB")
            }
        }
    }
}
