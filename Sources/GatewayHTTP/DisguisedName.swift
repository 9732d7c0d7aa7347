import GatewayCore

extension RawSpan {
    /// Whether an origin of the CGI kind (RFC 3875 § 4.1.18: hyphens become underscores, and HTTP_ stands before) would take a field of
    /// this name, which is none that the gateway knows, for one that frames the message or that the gateway vouches for; or for its own
    /// HTTP_PROXY, by which its requests go out.
    @inline(never)
    public var isDisguised: Bool {
        switch byteCount {
        case 5: equalsIgnoringCase("proxy")
        case 9: isDisguise(of: "x-real-ip")
        case 12: isDisguise(of: "x-request-id")
        case 14: isDisguise(of: "content-length")
        case 15: isDisguise(of: "x-forwarded-for")
        case 16: isDisguise(of: "x-forwarded-host") || isDisguise(of: "x-forwarded-port")
        case 17: isDisguise(of: "x-forwarded-proto") || isDisguise(of: "transfer-encoding")
        default: false
        }
    }

    /// Whether an origin of the CGI kind takes a field of this name for one of that: the same letters in either case, hyphens being
    /// underscores.
    public func isTaken(for name: RawSpan) -> Bool {
        if byteCount != name.byteCount { return false }
        for index in 0..<byteCount where self[byte: index].asVariable != name[byte: index].asVariable { return false }
        return true
    }

    private func isDisguise(of name: StaticString) -> Bool {
        var plain = InlineArray<17, UInt8>(repeating: 0)
        for index in 0..<byteCount { plain[index] = self[byte: index] == 0x5f ? 0x2d : self[byte: index] }
        return plain.rawSpan.extracting(0..<byteCount).equalsIgnoringCase(name)
    }
}

extension UInt8 {
    /// As in the name of a variable of CGI, but in lower case.
    fileprivate var asVariable: UInt8 { self == 0x2d ? 0x5f : asciiLowercased }
}
