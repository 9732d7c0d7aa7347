import GatewayConfig
import GatewayCore
import GatewayHTTP

/// Where a key may stand in a request: the first field that is there counts.
public struct APIKeyFields: Sendable {
    public enum Finding: Equatable, Sendable {
        case missing
        /// There twice: which one is meant nobody can know, and the origin may read another than we.
        case ambiguous
        /// These bytes of a field's value.
        case key(field: Int, bytes: Range<Int>)
    }

    private struct Place: Sendable {
        let name: [UInt8]
        let known: FieldName
        let isBearer: Bool
    }

    /// Whether one of them is Authorization with a bearer token.
    public let takesBearer: Bool
    private let places: [Place]

    public init(_ fields: [APIKeysConfig.Field]) {
        places = fields.map { field in
            let name = Array(field.name.utf8)
            return Place(name: name, known: FieldName(name.rawSpan), isBearer: field.isBearer)
        }
        takesBearer = places.contains { $0.isBearer && $0.known == .authorization }
    }

    public func find(in fields: borrowing HeaderFields) -> Finding {
        for index in places.indices {
            guard let field = firstField(at: index, in: fields, from: 0) else { continue }
            if firstField(at: index, in: fields, from: field + 1) != nil { return .ambiguous }
            if let bytes = key(at: index, in: fields.value(field)) { return .key(field: field, bytes: bytes) }
        }
        return .missing
    }

    /// Whether a key may stand in the field, or an origin of the CGI kind would take it for one of those.
    public func mayHold(_ field: Int, of fields: borrowing HeaderFields) -> Bool {
        for index in places.indices {
            let name = places[index].name
            if fields.nameBytes(field).isTaken(for: name.rawSpan) { return true }
        }
        return false
    }

    /// Keeps the fields in which a key may stand from being forwarded, also those that were not looked at, and those that an origin
    /// would take for one of them.
    public func keepBack(in fields: inout HeaderFields) {
        for index in places.indices {
            let name = places[index].name
            for field in 0..<fields.count where fields.nameBytes(field).isTaken(for: name.rawSpan) {
                if key(at: index, in: fields.value(field)) != nil { fields.keepBack(field) }
            }
        }
    }

    private func firstField(at index: Int, in fields: borrowing HeaderFields, from start: Int) -> Int? {
        let known = places[index].known
        if known != .other { return fields.firstIndex(of: known, from: start) }
        let name = places[index].name
        var field = start
        while field < fields.count {
            if fields.name(field) == .other, fields.nameBytes(field).equalsIgnoringCase(name.rawSpan) { return field }
            field += 1
        }
        return nil
    }

    /// nil where there is none: an empty value, or credentials of another scheme.
    private func key(at index: Int, in value: RawSpan) -> Range<Int>? {
        if !places[index].isBearer { return value.byteCount == 0 ? nil : 0..<value.byteCount }
        // One or more blanks (RFC 9110 § 11.4).
        guard value.byteCount > 7, value.extracting(0..<7).equalsIgnoringCase("bearer ") else { return nil }
        var start = 7
        while start < value.byteCount, value[byte: start] == 0x20 { start += 1 }
        return start == value.byteCount ? nil : start..<value.byteCount
    }
}
