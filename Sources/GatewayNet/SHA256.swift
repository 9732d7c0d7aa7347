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
        var digest = InlineArray<32, UInt8>(repeating: 0)
        let isMade = unsafe bytes.withUnsafeBytes { source in
            unsafe EVP_DigestInit_ex2(context, algorithm, nil) == 1
                && EVP_DigestUpdate(context, source.baseAddress, source.count) == 1
                && finish(&digest)
        }
        guard isMade, let value = SHA256Digest(bytes: digest.rawSpan) else { preconditionFailure("OpenSSL made no SHA-256") }
        return value
    }

    private func finish(_ digest: inout InlineArray<32, UInt8>) -> Bool {
        var span = digest.mutableSpan
        return unsafe span.withUnsafeMutableBufferPointer { buffer in
            unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, nil) == 1
        }
    }
}
