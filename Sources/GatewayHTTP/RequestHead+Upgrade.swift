import GatewayCore

/// Upgrade (RFC 9110 § 7.8): what a request offers, and what a response may take of it.
extension RequestHead {
    /// Whether Upgrade may be passed on. A protocol that carries HTTP itself would let the client speak to the origin past the gateway;
    /// what is not a list of protocols might be read as one of those.
    func offersUsableUpgrade() -> Bool { !framing.hasBody && fields.offersUpgrade }

    /// Whether a 101 names what it switches to, and names nothing that this request has not offered.
    public func hasOffered(whatIsIn response: borrowing ResponseHead) -> Bool {
        if !asksUpgrade { return false }
        var namesProtocol = false
        for index in 0..<response.fields.count where response.fields.name(index) == .upgrade {
            var chosen = ListElements()
            while let range = chosen.next(in: response.fields.value(index)) {
                if !offers(response.fields.value(index).extracting(range)) { return false }
                namesProtocol = true
            }
        }
        return namesProtocol
    }

    private func offers(_ chosen: RawSpan) -> Bool {
        for index in 0..<fields.count where fields.name(index) == .upgrade {
            var offers = ListElements()
            while let range = offers.next(in: fields.value(index)) {
                if fields.value(index).extracting(range).equalsIgnoringCase(chosen) { return true }
            }
        }
        return false
    }
}

extension HeaderFields {
    /// Whether Upgrade offers something, and nothing by which HTTP would go past the gateway.
    public var offersUpgrade: Bool {
        var hasOffer = false
        for index in 0..<count where name(index) == .upgrade {
            var offers = ListElements()
            while let range = offers.next(in: value(index)) {
                if !value(index).extracting(range).isTunnelProtocol { return false }
                hasOffer = true
            }
        }
        return hasOffer
    }
}

extension RawSpan {
    /// Whether this is a protocol, `name` or `name/version`, that does not carry HTTP: not h2c (withdrawn by RFC 9113 § 3.1), nor TLS
    /// with HTTP inside (RFC 2817).
    fileprivate var isTunnelProtocol: Bool {
        let slash = firstIndex(of: UInt8(ascii: "/")) ?? byteCount
        let name = extracting(0..<slash)
        if !ByteClass.isToken(name) { return false }
        if slash < byteCount && !ByteClass.isToken(extracting((slash + 1)...)) { return false }
        return !name.equalsIgnoringCase("h2c") && !name.equalsIgnoringCase("h2") && !name.equalsIgnoringCase("http")
            && !name.equalsIgnoringCase("tls")
    }
}
