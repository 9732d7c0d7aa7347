import COpenSSL

/// RFC 4648 § 4.
public enum Base64 {
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        // OpenSSL writes a zero behind the text.
        var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let count = unsafe EVP_EncodeBlock(&text, bytes, Int32(bytes.count))
        return Array(text.prefix(Int(count)))
    }
}
