import COpenSSL
import GatewayCore

/// Makes digests without an allocation for each: the owner of an EVP_MD_CTX. One thread uses it.
@safe
public struct SHA256: ~Copyable {
    private let algorithm: OpaquePointer
    private let context: OpaquePointer

    public init() {
        guard let algorithm = unsafe EVP_MD_fetch(nil, "SHA256", nil), let context = unsafe EVP_MD_CTX_new() else {
            preconditionFailure("OpenSSL has no SHA-256")
        }
        unsafe self.algorithm = unsafe algorithm
        unsafe self.context = unsafe context
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
        unsafe EVP_MD_free(algorithm)
    }

    public mutating func digest(of bytes: RawSpan) -> SHA256Digest {
        begin()
        update(bytes)
        return finish()
    }

    // MARK: In pieces

    /// The next digest: forgets what was added.
    public mutating func begin() {
        guard unsafe EVP_DigestInit_ex2(context, algorithm, nil) == 1 else { preconditionFailure("OpenSSL begins no SHA-256") }
    }

    /// Behind ``begin()``, as often as there are pieces.
    public mutating func update(_ bytes: RawSpan) {
        let isTaken = unsafe bytes.withUnsafeBytes { unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) == 1 }
        precondition(isTaken, "OpenSSL continues no SHA-256")
    }

    /// The digest of all pieces. The next one begins with ``begin()``.
    public mutating func finish() -> SHA256Digest {
        var digest = InlineArray<32, UInt8>(repeating: 0)
        var span = digest.mutableSpan
        let isMade = unsafe span.withUnsafeMutableBufferPointer { unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil) == 1 }
        guard isMade, let value = SHA256Digest(bytes: digest.rawSpan) else { preconditionFailure("OpenSSL made no SHA-256") }
        return value
    }
}
