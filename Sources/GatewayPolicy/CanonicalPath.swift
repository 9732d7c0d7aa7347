import GatewayCore
import GatewayHTTP

/// Paths of the configuration in the spelling in which the paths of requests arrive: every byte that a path may hold as
/// itself (pchar, RFC 3986 § 3.3, and '/') is literal, every other one is %XX in upper case.
public enum CanonicalPath {
    /// A location's path, which is decoded text as in nginx: `/a b` matches the request `/a%20b`, `/café` matches `/caf%C3%A9`, and a
    /// percent sign is a percent sign (`/100%` matches `/100%25`, `/a%20b` only `/a%2520b`). The exception is `%2F`, in either case:
    /// an encoded slash is the one octet that is not decoded in requests, so that is the only way to write it, and what is meant.
    /// (So a request's `%252F` can't be named in a location.)
    public static func encode(_ text: String) -> [UInt8] {
        encode(text) { $0.elementsEqual("%2F".utf8) || $0.elementsEqual("%2f".utf8) }
    }

    /// The path of a proxy_pass, which is a URI's already: every %XX stays what it is (its digits in upper case), what a path may not
    /// hold ('?' and '#' too) is encoded.
    public static func encodeURI(_ text: String) -> [UInt8] {
        encode(text) { $0.count == 3 && $0.dropFirst().allSatisfy { $0.hexValue != nil } }
    }

    private static func encode(_ text: String, keepsEscape: (ArraySlice<UInt8>) -> Bool) -> [UInt8] {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let escape = bytes[index..<min(index + 3, bytes.count)]
            if byte == UInt8(ascii: "%"), keepsEscape(escape) {
                result += escape.map { $0 >= UInt8(ascii: "a") ? $0 & ~0x20 : $0 }
                index += 3
                continue
            }
            let isLiteral = byte == UInt8(ascii: "/") || PathByte.isLiteral(byte)
            result += isLiteral ? [byte] : [UInt8(ascii: "%"), PathByte.escapeDigit(byte >> 4), PathByte.escapeDigit(byte & 15)]
            index += 1
        }
        return result
    }
}
