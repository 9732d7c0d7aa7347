import GatewayCache
import GatewayCore
import Testing

/// The canonical form of a text, or why it has none.
func canonical(_ bytes: [UInt8], ignoring: [String] = []) throws(CanonicalJSONFailure) -> String {
    let pool = BufferPool()
    defer { pool.retire() }
    var json = CanonicalJSON(pool: pool)
    var output = ByteQueue(pool: pool)
    defer { output.removeAll() }
    try json.encode(bytes.rawSpan, ignoring: ignoring.map { Array($0.utf8) }, into: &output)
    return output.bytes.string
}

func canonical(_ text: String, ignoring: [String] = []) throws(CanonicalJSONFailure) -> String {
    try canonical(Array(text.utf8), ignoring: ignoring)
}

@Suite struct CanonicalJSONTests {
    @Test func `the structures of RFC 8785 § 3_2_2 and § 3_2_3 come out as there`() throws {
        let input = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50,
                          2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        #expect(
            try canonical(input)
                == #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
                + "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}")
    }
}
