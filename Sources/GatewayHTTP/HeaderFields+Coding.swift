import GatewayCore

/// What the fields of a message say about changing its content coding.
extension HeaderFields {
    /// Whether Cache-Control has `no-transform` (RFC 9111 § 5.2.1.6, § 5.2.2.6).
    public var forbidsTransforming: Bool { hasElement("no-transform", in: .cacheControl) }

    /// Whether Vary names Accept-Encoding already, or everything.
    public var variesByEncoding: Bool { hasElement("accept-encoding", in: .vary) || hasElement("*", in: .vary) }

    /// Whether a digest is there, or will be in the trailers: of content or representation as they are coded (RFC 9530 § 2, § 3), it
    /// would be wrong for any other.
    public var hasDigest: Bool {
        for i in 0..<count where isDigest(i) || name(i) == .trailer && announcesDigest(i) { return true }
        return false
    }

    /// Whether the `i`th field is a digest, one of RFC 9530 or of those that it replaced.
    func isDigest(_ i: Int) -> Bool { name(i) == .other && nameBytes(i).isDigestName }

    private func announcesDigest(_ i: Int) -> Bool {
        var elements = ListElements()
        while let element = elements.next(in: value(i)) {
            if value(i).extracting(element).isDigestName { return true }
        }
        return false
    }

    /// Content-Length, where no body has to follow it, as in the answer to HEAD.
    public var statedLength: UInt64? {
        guard let index = firstIndex(of: .contentLength) else { return nil }
        return try? ContentLength.parse(value(index))
    }

    /// Where in the value of a Content-Type its media type is, without parameters.
    public func mediaType(_ index: Int) -> Range<Int> {
        let type = value(index)
        return type.trimmed(0..<(type.firstIndex(of: UInt8(ascii: ";")) ?? type.byteCount))
    }

    /// Whether the content is coded, so that it says nothing before it is decoded.
    public var isCoded: Bool { hasElement(of: .contentEncoding) { !$0.equalsIgnoringCase("identity") } }

    /// Whether If-None-Match holds the weak form of `tag`, as it does when a client revalidates what was compressed for it.
    public func revalidatesWeakly(_ tag: RawSpan) -> Bool {
        hasElement(of: .ifNoneMatch) { $0.isWeakTag && $0.extracting(2..<$0.byteCount).elementsEqual(tag) }
    }

    func hasElement(_ wanted: StaticString, in name: FieldName) -> Bool {
        hasElement(of: name) { $0.equalsIgnoringCase(wanted) }
    }

    /// Whether `isWanted` is said of an element of the field's lists, all of its lines being one (RFC 9110 § 5.3). It is asked of no more.
    func hasElement(of name: FieldName, _ isWanted: (RawSpan) -> Bool) -> Bool {
        var i = 0
        while let index = firstIndex(of: name, from: i) {
            let list = value(index)
            var elements = ListElements()
            while let range = elements.next(in: list) {
                if isWanted(list.extracting(range)) { return true }
            }
            i = index + 1
        }
        return false
    }
}

extension RawSpan {
    /// Whether an entity tag is weak (RFC 9110 § 8.8.3).
    public var isWeakTag: Bool { byteCount >= 2 && self[byte: 0] == UInt8(ascii: "W") && self[byte: 1] == UInt8(ascii: "/") }
}

extension RawSpan {
    fileprivate var isDigestName: Bool {
        switch byteCount {
        case 6: equalsIgnoringCase("digest")
        case 11: equalsIgnoringCase("repr-digest") || equalsIgnoringCase("content-md5")
        case 14: equalsIgnoringCase("content-digest")
        default: false
        }
    }
}
