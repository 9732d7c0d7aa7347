import GatewayCore

extension HeaderFields {
    /// Whether TE says that trailers are read (RFC 9110 § 10.1.4).
    public var takesTrailers: Bool {
        for index in 0..<count where name(index) == .te {
            var codings = ListElements()
            while let range = codings.next(in: value(index)) {
                if value(index).extracting(range).equalsIgnoringCase("trailers") { return true }
            }
        }
        return false
    }
}
