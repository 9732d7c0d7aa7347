import GatewayCore
import GatewayHTTP
import Testing

/// RFC 9110 § 10.2.3, as far as seconds are concerned.
@Suite struct RetryAfterTests {
    @Test(arguments: [
        ("0", 0), ("1", 1), ("120", 120), ("999999", 999_999), ("0000012", nil), ("1000000", nil), ("", nil), ("-1", nil), ("1.5", nil),
        ("Fri, 31 Dec 1999 23:59:59 GMT", nil),
    ])
    func `seconds are a number, and not a large one`(value: String, seconds: Int?) {
        withPool { pool in
            var fields = HeaderFields(pool: pool)
            #expect(fields.retryAfterSeconds == nil)
            fields.append(name: Array("Retry-After".utf8).rawSpan, value: Array(value.utf8).rawSpan)
            #expect(fields.retryAfterSeconds == seconds)
        }
    }
}
