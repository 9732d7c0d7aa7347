import GatewayCore
import GatewayHTTP
import GatewayPolicy
import Testing

@Suite struct FieldNameSetTests {
    @Test func `names are found in whatever case, well-known or not, and no others`() {
        let long = String(repeating: "x", count: 200)
        let names = FieldNameSet(["Server", "X-Powered-By", "x-frame-options", long])
        func has(_ text: String) -> Bool {
            let name = bytes(text)
            return names.contains(FieldName(name.rawSpan), name.rawSpan)
        }
        for name in ["server", "SERVER", "X-POWERED-BY", "X-Frame-Options", long.uppercased()] { #expect(has(name), "\(name)") }
        // Of the same length as one of them, and none of them.
        for name in ["Date", "Origin", "X-Powered-Bz", "X-Frame-Option", "", String(repeating: "x", count: 201), "Vary"] {
            #expect(!has(name), "\(name)")
        }
    }

    @Test func `an empty set has nothing`() {
        for name in FieldName.allCases { #expect(!FieldNameSet([]).contains(name)) }
        let name = bytes("X-A")
        let isThere = FieldNameSet([]).contains(.other, name.rawSpan)
        #expect(!isThere)
    }
}
