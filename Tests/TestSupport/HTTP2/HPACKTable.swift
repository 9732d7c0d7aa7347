/// The fields that an index stands for (RFC 7541 § 2.3): the static table, and behind it the newest entries of the dynamic one.
struct HPACKTable {
    typealias Field = HTTPMessage.Field

    private(set) var entries: [Field] = []
    private(set) var bytes = 0
    /// At most so many bytes (RFC 7541 § 4.1).
    var bytesMax = 4096 {
        didSet { evict() }
    }

    subscript(index: Int) -> Field? {
        if index < 1 { return nil }
        if index <= Self.fixed.count { return Self.fixed[index - 1] }
        let place = index - Self.fixed.count - 1
        return place < entries.count ? entries[place] : nil
    }

    mutating func insert(_ field: Field) {
        entries.insert(field, at: 0)
        bytes += Self.size(field)
        evict()
    }

    /// RFC 7541 § 4.4.
    private mutating func evict() {
        while bytes > bytesMax, let last = entries.popLast() { bytes -= Self.size(last) }
    }

    /// Strings are Latin-1 here: a character is a byte.
    private static func size(_ field: Field) -> Int { field.name.unicodeScalars.count + field.value.unicodeScalars.count + 32 }

    /// RFC 7541 appendix A.
    static let fixed: [Field] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"), (":scheme", "http"),
        (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"), (":status", "304"), (":status", "400"),
        (":status", "404"), (":status", "500"), ("accept-charset", ""), ("accept-encoding", "gzip, deflate"), ("accept-language", ""),
        ("accept-ranges", ""), ("accept", ""), ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
        ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""), ("expect", ""),
        ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
        ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""),
        ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""),
        ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ].map { Field(name: $0.0, value: $0.1) }
}
