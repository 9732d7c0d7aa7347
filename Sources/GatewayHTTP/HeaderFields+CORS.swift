import GatewayCore

/// What a request says of the page that sends it (WHATWG Fetch § 3.2).
extension HeaderFields {
    /// Whether Vary names Origin already, or everything.
    public var variesByOrigin: Bool { hasElement("origin", in: .vary) || hasElement("*", in: .vary) }

    /// Where the one field of this name is; nil if there is none, or more than one.
    public func onlyIndex(of name: FieldName) -> Int? {
        guard let index = firstIndex(of: name), firstIndex(of: name, from: index + 1) == nil else { return nil }
        return index
    }

    /// Whether all names that Access-Control-Request-Headers lists satisfy `isAllowed`; at most `namesMax` are looked at, more do not.
    public func requestsOnlyHeaders(namesMax: Int, where isAllowed: (RawSpan) -> Bool) -> Bool {
        var names = 0
        var i = 0
        while let index = firstIndex(of: .accessControlRequestHeaders, from: i) {
            let list = value(index)
            var elements = ListElements()
            while let range = elements.next(in: list) {
                names += 1
                if names > namesMax || !isAllowed(list.extracting(range)) { return false }
            }
            i = index + 1
        }
        return true
    }
}
