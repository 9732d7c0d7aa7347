import GatewayCore

extension RawSpan {
    /// Whether a field of this name, which is none that the gateway knows, carries credentials as far as its name tells. APIs have them
    /// of their own, in no registry, but call them alike: X-Auth-Token, Private-Token, apikey, Ocp-Apim-Subscription-Key.
    @inline(never)
    public var namesCredential: Bool {
        for index in 0..<byteCount {
            let rest = byteCount - index
            switch self[byte: index] | 0x20 {
            case UInt8(ascii: "a"): if rest >= 4 && extracting(index..<index + 4).equalsIgnoringCase("auth") { return true }
            case UInt8(ascii: "c"):
                if rest >= 6 && extracting(index..<index + 6).equalsIgnoringCase("cookie") { return true }
                if rest >= 10 && extracting(index..<index + 10).equalsIgnoringCase("credential") { return true }
            case UInt8(ascii: "j"): if rest >= 3 && extracting(index..<index + 3).equalsIgnoringCase("jwt") { return true }
            case UInt8(ascii: "k"): if rest == 3 && extracting(index..<byteCount).equalsIgnoringCase("key") { return !isOtherKey }
            case UInt8(ascii: "p"): if rest >= 8 && extracting(index..<index + 8).equalsIgnoringCase("password") { return true }
            case UInt8(ascii: "s"):
                if rest >= 6 && extracting(index..<index + 6).equalsIgnoringCase("secret") { return true }
                if rest >= 9 && extracting(index..<index + 9).equalsIgnoringCase("signature") { return true }
            case UInt8(ascii: "t"): if rest >= 5 && extracting(index..<index + 5).equalsIgnoringCase("token") { return true }
            default: continue
            }
        }
        return false
    }

    /// A key that opens nothing.
    private var isOtherKey: Bool { equalsIgnoringCase("idempotency-key") || equalsIgnoringCase("sec-websocket-key") }
}
