import GatewayCore
import GatewayTelemetry

/// A line of the access log is JSON whatever a peer sent, and says what it was.
enum JSONFuzzing {
    static func run(_ input: RawSpan) {
        var line = ByteQueue(pool: FuzzTarget.pool)
        JSONLine.begin(into: &line)
        JSONLine.member(#""a":""#, input, into: &line)
        JSONLine.member(#""b":"#, 1, into: &line)
        JSONLine.end(into: &line)
        let text = line.bytes.array
        let (before, behind) = (Array("{\"a\":\"".utf8), Array("\",\"b\":1}".utf8))
        precondition(
            text.starts(with: before) && text.suffix(behind.count).elementsEqual(behind) && text.count >= before.count + behind.count)
        let read = unescape(text[before.count..<(text.count - behind.count)])
        precondition(String(validating: read, as: UTF8.self) != nil, "not UTF-8")
        let bytes = input.array
        precondition(replaceInvalid(bytes) == read, "not what was sent")
        precondition(String(validating: bytes, as: UTF8.self) == nil || read == bytes, "what was right is changed")
    }

    /// RFC 8259 § 7.
    private static func unescape(_ string: ArraySlice<UInt8>) -> [UInt8] {
        var read: [UInt8] = []
        var rest = string
        while let byte = rest.popFirst() {
            precondition(byte >= 0x20 && byte != 0x22, "a byte that ends the string, or may not be in it")
            if byte != UInt8(ascii: "\\") {
                read.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\""): read.append(0x22)
            case UInt8(ascii: "\\"): read.append(0x5c)
            case UInt8(ascii: "b"): read.append(0x08)
            case UInt8(ascii: "t"): read.append(0x09)
            case UInt8(ascii: "n"): read.append(0x0a)
            case UInt8(ascii: "f"): read.append(0x0c)
            case UInt8(ascii: "r"): read.append(0x0d)
            case UInt8(ascii: "u"):
                precondition(rest.prefix(2).elementsEqual("00".utf8) && rest.count >= 4)
                guard let value = UInt8(String(decoding: rest.dropFirst(2).prefix(2), as: UTF8.self), radix: 16) else {
                    preconditionFailure()
                }
                read.append(value)
                rest = rest.dropFirst(4)
            default: preconditionFailure("no escape of JSON")
            }
        }
        return read
    }

    /// U+FFFD for each byte that is no part of valid UTF-8: what stands there is found by trying the standard library's own reader on
    /// one to four bytes.
    private static func replaceInvalid(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let length = (1...4).first { index + $0 <= bytes.count && isScalar(bytes[index..<(index + $0)]) }
            result += length.map { bytes[index..<(index + $0)] } ?? [0xef, 0xbf, 0xbd]
            index += length ?? 1
        }
        return result
    }

    private static func isScalar(_ bytes: ArraySlice<UInt8>) -> Bool {
        String(validating: bytes, as: UTF8.self).map { $0.unicodeScalars.count == 1 } ?? false
    }
}
