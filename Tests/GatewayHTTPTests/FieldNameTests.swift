import GatewayCore
import Testing

@testable import GatewayHTTP

@Suite struct FieldNameTests {
    private func fieldName(_ bytes: [UInt8]) -> FieldName { FieldName(bytes.rawSpan) }

    @Test(arguments: FieldName.allCases.filter { $0 != .other })
    func `a field is known in any case`(name: FieldName) {
        let text = "\(name.name)"
        let (lower, upper) = (Array(text.utf8), Array(text.uppercased().utf8))
        #expect(fieldName(lower) == name)
        #expect(fieldName(upper) == name)
        let mixed = text.enumerated().map { $0.offset % 2 == 0 ? $0.element.uppercased() : String($0.element) }.joined()
        let mixedBytes = Array(mixed.utf8)
        #expect(fieldName(mixedBytes) == name)
    }

    @Test(arguments: FieldName.allCases.filter { $0 != .other })
    func `a name that differs in any byte is another`(name: FieldName) {
        let bytes = Array("\(name.name)".utf8)
        for index in bytes.indices {
            for other in [bytes[index] ^ 0x01, bytes[index] ^ 0x40, bytes[index] ^ 0x80, bytes[index] ^ 0x10, 0, UInt8(ascii: "_"), 0x0d] {
                var changed = bytes
                changed[index] = other
                #expect(fieldName(changed) == .other, "\(changed)")
            }
        }
        let (shorter, longer) = (Array(bytes.dropLast()), bytes + [UInt8(ascii: "x")])
        #expect(fieldName(shorter) != name)
        #expect(fieldName(longer) != name)
    }

    @Test(arguments: FieldName.allCases.filter { $0 != .other })
    func `where lower case is asked for a name with a capital is another`(name: FieldName) {
        let bytes = Array("\(name.name)".utf8)
        #expect(FieldName(lowerCase: bytes.rawSpan) == name)
        for index in bytes.indices where bytes[index] != UInt8(ascii: "-") {
            var changed = bytes
            changed[index] ^= 0x20
            #expect(FieldName(lowerCase: changed.rawSpan) == .other, "\(changed)")
        }
    }

    @Test func `no name at all is none of them`() {
        let none: [UInt8] = []
        #expect(fieldName(none) == .other)
    }

    @Test func `all names fit the bits of a word`() {
        #expect(FieldName.allCases.count <= 64)
        for name in FieldName.allCases { #expect(name.rawValue < 64) }
    }
}

@Suite struct MethodTests {
    @Test func `safe methods and idempotent ones are those of RFC 9110`() {
        #expect(Method.allCases.filter(\.isSafe) == [.get, .head, .options, .trace])
        #expect(Method.allCases.filter(\.isIdempotent) == [.get, .head, .put, .delete, .options, .trace])
    }
}

@Suite struct ByteClassTests {
    private func bytes(with bit: UInt8) -> Set<UInt8> {
        Set((UInt8.min...UInt8.max).filter { ByteClass.of($0) & bit != 0 })
    }

    private static let alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    @Test func `the table is what the grammars say`() {
        #expect(bytes(with: ByteClass.token) == Set((Self.alphanumeric + "!#$%&'*+-.^_`|~").utf8))
        #expect(bytes(with: ByteClass.literal) == Set((Self.alphanumeric + "-._~!$&'()*+,;=:@").utf8))
        #expect(bytes(with: ByteClass.host) == Set((Self.alphanumeric + "-._").utf8))
        let visible = Set(UInt8(0x21)...0x7e)
        #expect(bytes(with: ByteClass.query) == visible.subtracting("#\\".utf8))
        #expect(bytes(with: ByteClass.path) == visible.subtracting("#\\?".utf8))
        #expect(bytes(with: ByteClass.rewrite) == Set("%\"<>[]^`{|}".utf8))
        #expect(bytes(with: ByteClass.slash) == Set("/".utf8))
        #expect(bytes(with: ByteClass.slashOrDot) == Set("/.".utf8))
    }
}
