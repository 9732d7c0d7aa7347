import GatewayCore
import GatewayHTTP

/// How the encoders write the fields of a head: HTTP/1 sends lines, while HTTP/2 sends names and values, which need not be made lines
/// first. By type, so that neither costs the other anything.
protocol FieldForm {
    static var isCounted: Bool { get }

    /// The `i`th of `fields`. The caller ends with ``end(_:of:to:)``, as for ``HeaderFields/appendLine(_:to:_:)``.
    static func append(_ i: Int, of fields: borrowing HeaderFields, to queue: inout ByteQueue, _ run: inout FieldRun)
    static func end(_ run: inout FieldRun, of fields: borrowing HeaderFields, to queue: inout ByteQueue)

    /// The field `name`, which HTTP/1 spells `spelling`.
    static func append(_ name: FieldName, _ spelling: StaticString, _ value: RawSpan, to queue: inout ByteQueue)
    static func append(_ name: FieldName, _ spelling: StaticString, decimal value: UInt64, to queue: inout ByteQueue)
}

enum LineForm: FieldForm {
    static var isCounted: Bool { false }

    @inline(__always)
    static func append(_ i: Int, of fields: borrowing HeaderFields, to queue: inout ByteQueue, _ run: inout FieldRun) {
        fields.appendLine(i, to: &queue, &run)
    }

    @inline(__always)
    static func end(_ run: inout FieldRun, of fields: borrowing HeaderFields, to queue: inout ByteQueue) {
        fields.end(&run, to: &queue)
    }

    @inline(__always)
    static func append(_ name: FieldName, _ spelling: StaticString, _ value: RawSpan, to queue: inout ByteQueue) {
        HTTP1Encoder.field(spelling, value, into: &queue)
    }

    @inline(__always)
    static func append(_ name: FieldName, _ spelling: StaticString, decimal value: UInt64, to queue: inout ByteQueue) {
        HTTP1Encoder.field(spelling, decimal: value, into: &queue)
    }
}

/// See ``CountedField``.
enum CountedForm: FieldForm {
    static var isCounted: Bool { true }

    @inline(__always)
    static func append(_ i: Int, of fields: borrowing HeaderFields, to queue: inout ByteQueue, _ run: inout FieldRun) {
        fields.appendCounted(i, to: &queue)
    }

    @inline(__always)
    static func end(_ run: inout FieldRun, of fields: borrowing HeaderFields, to queue: inout ByteQueue) {}

    @inline(__always)
    static func append(_ name: FieldName, _ spelling: StaticString, _ value: RawSpan, to queue: inout ByteQueue) {
        CountedField.append(name, value, into: &queue)
    }

    @inline(__always)
    static func append(_ name: FieldName, _ spelling: StaticString, decimal value: UInt64, to queue: inout ByteQueue) {
        CountedField.append(name, decimal: value, into: &queue)
    }
}
