import GatewayCore
import GatewayHTTP
import Testing

/// RFC 9110 § 12.5.3, as far as gzip is concerned.
@Suite struct AcceptEncodingTests {
    private func takesGzip(_ lines: [String]) -> Bool {
        let pool = lastingPool()
        var fields = HeaderFields(pool: pool)
        for line in lines { fields.append(name: Array("Accept-Encoding".utf8).rawSpan, value: Array(line.utf8).rawSpan) }
        return fields.takesGzip
    }

    @Test(arguments: [
        "gzip", "GZIP", "x-gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8, *;q=0.1", "*", "*;q=0.001", "gzip;q=1", "gzip;q=1.",
        "gzip;q=0.5", "gzip;Q=0.5", "gzip ; q=0.5", "gzip;\tq=1.000", ", ,gzip", "identity, gzip", "identity;q=0.5, gzip;q=0.5",
        "identity;q=0, gzip;q=0.1", "identity;q=0, *", "deflate, *;q=0.5", "gzip;q=0, x-gzip",
    ])
    func `gzip is wanted`(value: String) {
        #expect(takesGzip([value]))
    }

    @Test(arguments: [
        "", "identity", "br", "deflate", "gzip;q=0", "gzip;q=0.", "gzip;q=0.0", "gzip;q=0.000", "x-gzip;q=0", "*;q=0", "gzip;q=0, *",
        "gzip;q=0, *;q=1", "identity, gzip;q=0.5", "identity;q=1, *;q=0.5", "gzipx", "xgzip", "\"gzip\"", "gzip;q=", "gzip;q",
        "gzip;q=2", "gzip;q=1.1", "gzip;q=1.001", "gzip;q=-1", "gzip;q=.5", "gzip;q=0.1234", "gzip;q=0x1", "gzip;x=1", "gzip;",
        "gzip;q=0;q=1", "gzip q=1", "*gzip",
    ])
    func `gzip is not wanted, or what is said is malformed`(value: String) {
        #expect(!takesGzip([value]))
    }

    @Test func `several lines are one list, and none says nothing`() {
        #expect(takesGzip(["br", "gzip"]))
        #expect(!takesGzip(["gzip;q=0.1", "identity"]))
        #expect(!takesGzip([]))
    }
}
