import COpenSSL
import Foundation

/// A certificate authority made for the tests, and what it issues. Nothing of it is trusted elsewhere, and it goes with its owner.
public final class TestCertificates: Sendable {
    public enum KeyType: Sendable {
        case ecdsaP256, rsa2048
    }

    public struct Leaf: Sendable {
        /// The leaf's certificate, with the authority's behind it.
        public let certificatePath: String
        public let keyPath: String
        public let names: [String]
        /// In hexadecimal, as ``TLSClient/peerSerial`` tells it.
        public let serial: String
    }

    private struct Authority: @unchecked Sendable {
        let key: OpaquePointer
        let certificate: OpaquePointer
    }

    public static let day = 86_400
    public let directory: TemporaryDirectory
    public let authorityPath: String
    private let authority: Authority
    private let nextSerial = Monitor(1000)

    /// `name` is the authority's: two of the same name are told apart by their signatures alone.
    public init(name: String = "Test authority") throws {
        directory = try TemporaryDirectory()
        authorityPath = directory.file("authority.pem")
        let key = try Self.makeKey(.ecdsaP256)
        let certificate = try Self.makeCertificate(
            subject: name, serial: 1, key: key, issuer: nil, seconds: -Self.day..<30 * Self.day,
            extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign")])
        authority = Authority(key: key, certificate: certificate)
        try Self.writePEM(authorityPath) { PEM_write_bio_X509($0, certificate) }
    }

    deinit {
        X509_free(authority.certificate)
        EVP_PKEY_free(authority.key)
    }

    /// Issues a certificate for `names`: host names, wildcards, addresses. `seconds` is its validity, counted from now.
    /// The subject is the first name, if no other is given; `intermediates` authorities stand between the leaf and the root.
    public func leaf(
        _ names: [String], key type: KeyType = .ecdsaP256, seconds: Range<Int> = -day..<30 * day, subject: String? = nil,
        intermediates: Int = 0
    ) throws -> Leaf {
        let serial = nextSerial.update { value in
            value += 1
            return value
        }
        let key = try Self.makeKey(type)
        defer { EVP_PKEY_free(key) }
        let alternatives = names.map { Self.isAddress($0) ? "IP:\($0)" : "DNS:\($0)" }.joined(separator: ",")
        let chain = try makeIntermediates(intermediates)
        defer {
            for link in chain {
                X509_free(link.certificate)
                EVP_PKEY_free(link.key)
            }
        }
        let certificate = try Self.makeCertificate(
            subject: subject ?? names.first ?? "nobody", serial: serial, key: key, issuer: chain.last ?? authority, seconds: seconds,
            extensions: [
                (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature,keyEncipherment"),
                (NID_ext_key_usage, "serverAuth,clientAuth"), (NID_subject_alt_name, alternatives),
            ])
        defer { X509_free(certificate) }
        let path = directory.file("\(serial)")
        let issuers = chain.reversed() + [authority]
        try Self.writePEM(path + ".pem") { file in
            issuers.reduce(PEM_write_bio_X509(file, certificate)) { $0 & PEM_write_bio_X509(file, $1.certificate) }
        }
        try Self.writePEM(path + ".key") { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        return Leaf(
            certificatePath: path + ".pem", keyPath: path + ".key", names: names, serial: String(serial, radix: 16, uppercase: true))
    }

    /// A certificate that ended an hour ago.
    public func expiredLeaf(_ names: [String]) throws -> Leaf {
        try leaf(names, seconds: -2 * Self.day..<(-3_600))
    }

    /// Authorities below the root, the last of which issues.
    private func makeIntermediates(_ count: Int) throws -> [Authority] {
        var chain: [Authority] = []
        for index in 0..<count {
            let key = try Self.makeKey(.ecdsaP256)
            let certificate = try Self.makeCertificate(
                subject: "Intermediate \(index)", serial: 100 + index, key: key, issuer: chain.last ?? authority,
                seconds: -Self.day..<30 * Self.day,
                extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign")])
            chain.append(Authority(key: key, certificate: certificate))
        }
        return chain
    }

    /// A certificate that nobody but its own key has signed.
    public func selfSigned(_ names: [String]) throws -> Leaf {
        let key = try Self.makeKey(.ecdsaP256)
        defer { EVP_PKEY_free(key) }
        let alternatives = names.map { Self.isAddress($0) ? "IP:\($0)" : "DNS:\($0)" }.joined(separator: ",")
        let certificate = try Self.makeCertificate(
            subject: names.first ?? "nobody", serial: 7, key: key, issuer: nil, seconds: -Self.day..<30 * Self.day,
            extensions: [(NID_subject_alt_name, alternatives)])
        defer { X509_free(certificate) }
        let path = directory.file("self-signed")
        try Self.writePEM(path + ".pem") { PEM_write_bio_X509($0, certificate) }
        try Self.writePEM(path + ".key") { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        return Leaf(certificatePath: path + ".pem", keyPath: path + ".key", names: names, serial: "7")
    }

    /// The authority's list of what it has revoked, as a file. `seconds` is its validity, counted from now.
    public func revocations(of leaves: [Leaf], seconds: Range<Int> = -3_600..<day) throws -> String {
        guard let list = X509_CRL_new() else { throw Self.failure("a list of revocations") }
        defer { X509_CRL_free(list) }
        X509_CRL_set_version(list, 1)  // v2
        X509_CRL_set_issuer_name(list, X509_get_subject_name(authority.certificate))
        let start = X509_gmtime_adj(nil, seconds.lowerBound)
        let end = X509_gmtime_adj(nil, seconds.upperBound)
        defer {
            ASN1_TIME_free(start)
            ASN1_TIME_free(end)
        }
        X509_CRL_set1_lastUpdate(list, start)
        X509_CRL_set1_nextUpdate(list, end)
        for leaf in leaves {
            guard let entry = X509_REVOKED_new(), let serial = ASN1_INTEGER_new() else { throw Self.failure("a revocation") }
            ASN1_INTEGER_set(serial, Int(leaf.serial, radix: 16) ?? 0)
            X509_REVOKED_set_serialNumber(entry, serial)
            ASN1_INTEGER_free(serial)
            X509_REVOKED_set_revocationDate(entry, start)
            X509_CRL_add0_revoked(list, entry)
        }
        X509_CRL_sort(list)
        guard X509_CRL_sign(list, authority.key, EVP_sha256()) > 0 else { throw Self.failure("signing") }
        let path = directory.file("revoked-\(leaves.count)-\(seconds.upperBound).pem")
        try Self.writePEM(path) { PEM_write_bio_X509_CRL($0, list) }
        return path
    }

    private static func isAddress(_ name: String) -> Bool {
        (try? SocketAddress(name, 0)) != nil
    }

    // MARK: X.509

    private static func makeKey(_ type: KeyType) throws -> OpaquePointer {
        guard let context = EVP_PKEY_CTX_new_from_name(nil, type == .ecdsaP256 ? "EC" : "RSA", nil) else {
            throw failure("a key's context")
        }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_keygen_init(context) == 1 else { throw failure("keygen_init") }
        let isChosen =
            switch type {
            case .ecdsaP256: EVP_PKEY_CTX_set_group_name(context, "P-256")
            case .rsa2048: EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048)
            }
        var key: OpaquePointer?
        guard isChosen == 1, EVP_PKEY_generate(context, &key) == 1, let key else { throw failure("a key") }
        return key
    }

    private static func makeCertificate(
        subject: String, serial: Int, key: OpaquePointer, issuer: Authority?, seconds: Range<Int>, extensions: [(nid: Int32, text: String)]
    ) throws -> OpaquePointer {
        guard let certificate = X509_new(), let name = X509_get_subject_name(certificate) else { throw failure("a certificate") }
        X509_set_version(certificate, 2)  // v3
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial)
        X509_gmtime_adj(X509_getm_notBefore(certificate), seconds.lowerBound)
        X509_gmtime_adj(X509_getm_notAfter(certificate), seconds.upperBound)
        // A common name has 64 characters at the most: a longer subject is several.
        let bytes = Array(subject.utf8)
        for start in stride(from: 0, to: bytes.count, by: 64) {
            let piece = Array(bytes[start..<min(start + 64, bytes.count)])
            X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, piece, Int32(piece.count), -1, 0)
        }
        X509_set_issuer_name(certificate, issuer.map { X509_get_subject_name($0.certificate) } ?? name)
        X509_set_pubkey(certificate, key)
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer?.certificate ?? certificate, certificate, nil, nil, 0)
        for entry in extensions {
            guard let made = X509V3_EXT_conf_nid(nil, &context, entry.nid, entry.text) else {
                throw failure("the extension '\(entry.text)'")
            }
            X509_add_ext(certificate, made, -1)
            X509_EXTENSION_free(made)
        }
        guard X509_sign(certificate, issuer?.key ?? key, EVP_sha256()) > 0 else { throw failure("signing") }
        return certificate
    }

    private static func writePEM(_ path: String, _ write: (OpaquePointer) -> Int32) throws {
        guard let file = BIO_new_file(path, "w") else { throw failure(path) }
        defer { BIO_free(file) }
        guard write(file) == 1 else { throw failure(path) }
    }

    private static func failure(_ what: String) -> TestError {
        .invalid("OpenSSL: \(what): \(openSSLErrors())")
    }
}

/// What is in the thread's error queue, which is empty afterwards.
func openSSLErrors() -> String {
    var texts: [String] = []
    while case let code = ERR_get_error(), code != 0 {
        var buffer = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &buffer, buffer.count)
        texts.append(buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" })
    }
    return texts.joined(separator: "; ")
}
