import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// Which names the fields of a ``FieldTemplates`` have: most fields are told apart from them without comparing.
struct FieldNames: BitwiseCopyable, Sendable {
    /// A bit for each well-known name.
    private var known: UInt64 = 0
    let isEmpty: Bool

    init(_ names: [[UInt8]]) {
        isEmpty = names.isEmpty
        for name in names {
            let id = FieldName(name.rawSpan)
            if id != .other { known |= 1 << UInt64(id.rawValue) }
        }
    }

    /// Whether `name` is among them: one that is well-known.
    func contains(_ name: FieldName) -> Bool {
        name != .other && known & (1 << UInt64(name.rawValue)) != 0
    }
}

/// The fields of add_header or proxy_set_header, their names encoded, their values compiled.
final class FieldTemplates: Sendable {
    private let names: [[UInt8]]
    private let values: [CompiledTemplate]
    let knownNames: FieldNames
    /// The same with hyphens for underscores.
    private let plainNames: FieldNames
    /// A bit for each length that one of the names has; lengths beyond share the last one.
    private let lengths: UInt64
    /// All fields, encoded, where no value depends on the request.
    let constant: [UInt8]?

    init(_ headers: [HeaderTemplate]) {
        names = headers.map { Array($0.name.utf8) }
        values = headers.map { CompiledTemplate($0.value) }
        knownNames = FieldNames(names)
        plainNames = FieldNames(names.map { $0.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 } })
        lengths = names.reduce(0) { $0 | Self.bit(ofLength: $1.count) }
        constant = values.allSatisfy(\.isConstant) ? Self.encodeConstant(names, values) : nil
    }

    private static func encodeConstant(_ names: [[UInt8]], _ values: [CompiledTemplate]) -> [UInt8] {
        var lines: [UInt8] = []
        for (name, value) in zip(names, values) where value.partCount > 0 {
            lines += name + Array(": ".utf8)
            for index in 0..<value.partCount { lines.append(value.bytes(of: value.part(index))) }
            lines += Array("\r\n".utf8)
        }
        return lines
    }

    var count: Int { names.count }
    var isEmpty: Bool { names.isEmpty }

    func name(_ index: Int) -> [UInt8] { names[index] }
    func value(_ index: Int) -> CompiledTemplate { values[index] }

    /// Whether one of them has this name, or an origin of the CGI kind would take this name for it (RFC 3875 § 4.1.18).
    func contains(_ known: FieldName, _ bytes: RawSpan) -> Bool {
        if known != .other { return plainNames.contains(known) }
        if lengths & Self.bit(ofLength: bytes.byteCount) == 0 { return false }
        for name in names where bytes.isTaken(for: name.rawSpan) { return true }
        return false
    }

    private static func bit(ofLength length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }
}
