import GatewayCore
import GatewayHTTP

/// What a parser made of its input, in bytes that can be compared.
struct Transcript: Equatable {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ text: RawSpan) {
        add(text.byteCount)
        for index in 0..<text.byteCount { bytes.append(text[byte: index]) }
    }

    mutating func add(_ number: Int) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }

    mutating func add(_ flags: Bool...) {
        for flag in flags { bytes.append(flag ? 1 : 0) }
    }

    mutating func add(_ framing: BodyFraming) {
        switch framing {
        case .none: add(-1)
        case .chunked: add(-2)
        case .untilClose: add(-3)
        case .length(let length): add(Int(length))
        }
    }

    /// All fields but those named `left`.
    mutating func add(_ fields: borrowing HeaderFields, without left: FieldName = .other) {
        for index in 0..<fields.count {
            if left != .other && fields.name(index) == left { continue }
            add(fields.nameBytes(index))
            add(fields.value(index))
            add(fields.isHopByHop(index))
        }
    }
}

/// What became of an input.
enum Outcome: Equatable {
    case incomplete
    case refused(ErrorType)
    case parsed(consumed: Int, Transcript)
}

extension HeaderFields {
    /// Names are tokens; values have no control bytes but tabs, and no blanks around them; there are no more than may be.
    func check() {
        precondition(count <= Limits.headFieldsMax)
        for index in 0..<count {
            precondition(Self.isToken(nameBytes(index)), "a name is no token")
            precondition(FieldName(nameBytes(index)) == name(index))
            let value = value(index)
            for place in 0..<value.byteCount {
                let byte = value[byte: place]
                precondition(byte == 0x09 || byte >= 0x20 && byte != 0x7f, "a value has a control byte")
            }
            if value.byteCount > 0 {
                precondition(value[byte: 0] > 0x20 && value[byte: value.byteCount - 1] > 0x20, "a value has blanks around it")
            }
        }
    }

    /// Spelled out, as the parser's own table is what is under test (RFC 9110 § 5.6.2).
    static func isToken(_ bytes: RawSpan) -> Bool {
        for index in 0..<bytes.byteCount {
            switch bytes[byte: index] {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: continue
            default: return false
            }
        }
        return bytes.byteCount > 0
    }

    func count(of name: FieldName) -> Int {
        (0..<count).count { self.name($0) == name }
    }
}
