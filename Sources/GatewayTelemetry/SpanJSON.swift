import GatewayCore

/// One span after another as OTLP has them in JSON, each with a comma behind it, written straight into a ``ByteQueue``: identifiers in
/// hexadecimal, numbers of 64 bits as strings (OTLP specification, "JSON Protobuf Encoding").
///
/// Names and keys are ours, plain ASCII. Texts may be a peer's bytes; of a long one the beginning is told, so that a span is bounded.
public enum SpanJSON {
    public enum Kind: Sendable {
        case `internal`, server, client

        /// By the numbers of opentelemetry.proto.trace.v1.Span.SpanKind.
        @inlinable @inline(__always)
        var opening: StaticString {
            switch self {
            case .internal: #"{"kind":1,"traceId":""#
            case .server: #"{"kind":2,"traceId":""#
            case .client: #"{"kind":3,"traceId":""#
            }
        }
    }

    /// Which span it is: 16 bytes of the trace, 8 of the span, 8 of its parent, 0 for none.
    public struct Identity: BitwiseCopyable, Sendable {
        @usableFromInline let trace: (high: UInt64, low: UInt64)
        @usableFromInline let span: UInt64
        @usableFromInline let parent: UInt64

        @inlinable
        public init(trace: (high: UInt64, low: UInt64), span: UInt64, parent: UInt64) {
            self.trace = trace
            self.span = span
            self.parent = parent
        }
    }

    /// Its name is still to be written, between this and ``beginAttributes(into:)``.
    @inlinable @inline(__always)
    public static func begin(_ identity: Identity, _ kind: Kind, startNs: UInt64, endNs: UInt64, into line: inout ByteQueue) {
        line.append(kind.opening)
        line.append(hex16: identity.trace.high)
        line.append(hex16: identity.trace.low)
        line.append(#"","spanId":""#)
        line.append(hex16: identity.span)
        if identity.parent != 0 {
            line.append(#"","parentSpanId":""#)
            line.append(hex16: identity.parent)
        }
        line.append(#"","startTimeUnixNano":""#)
        line.append(decimal: startNs)
        line.append(#"","endTimeUnixNano":""#)
        line.append(decimal: endNs)
        line.append(#"","name":""#)
    }

    @inlinable @inline(__always)
    public static func beginAttributes(into line: inout ByteQueue) {
        line.append(#"","attributes":["#)
    }

    @inlinable @inline(__always)
    public static func attribute(_ key: StaticString, _ text: RawSpan, into line: inout ByteQueue) {
        line.append(#"{"key":""#)
        line.append(key)
        line.append(#"","value":{"stringValue":""#)
        JSONLine.escaped(text.extracting(0..<min(text.byteCount, Limits.spanTextBytesMax)), into: &line)
        line.append(#""}},"#)
    }

    @inlinable @inline(__always)
    public static func attribute(_ key: StaticString, _ text: StaticString, into line: inout ByteQueue) {
        line.append(#"{"key":""#)
        line.append(key)
        line.append(#"","value":{"stringValue":""#)
        line.append(text)
        line.append(#""}},"#)
    }

    @inlinable @inline(__always)
    public static func attribute(_ key: StaticString, _ number: UInt64, into line: inout ByteQueue) {
        line.append(#"{"key":""#)
        line.append(key)
        line.append(#"","value":{"intValue":""#)
        line.append(decimal: min(number, UInt64(Int64.max)))
        line.append(#""}},"#)
    }

    @inlinable @inline(__always)
    public static func attribute(_ key: StaticString, secondsFromNanoseconds value: UInt64, into line: inout ByteQueue) {
        line.append(#"{"key":""#)
        line.append(key)
        line.append(#"","value":{"doubleValue":"#)
        JSONLine.seconds(fromNanoseconds: value, into: &line)
        line.append("}},")
    }

    /// An attribute's beginning, for a text that the caller writes: ``endText(into:)`` ends it.
    @inlinable @inline(__always)
    public static func beginText(_ key: StaticString, into line: inout ByteQueue) {
        line.append(#"{"key":""#)
        line.append(key)
        line.append(#"","value":{"stringValue":""#)
    }

    @inlinable @inline(__always)
    public static func endText(into line: inout ByteQueue) {
        line.append(#""}},"#)
    }

    /// - Parameter link: another span that it has to do with, of whatever trace.
    public static func end(isError: Bool, link: Identity? = nil, into line: inout ByteQueue) {
        let count = line.count
        if count > 0, line.bytes[byte: count - 1] == 0x2c { line.truncate(to: count - 1) }
        if let link {
            line.append(#"],"links":[{"traceId":""#)
            line.append(hex16: link.trace.high)
            line.append(hex16: link.trace.low)
            line.append(#"","spanId":""#)
            line.append(hex16: link.span)
            line.append(#""}"#)
        }
        if isError { line.append(#"],"status":{"code":2}},"#) } else { line.append("]},") }
    }

    // MARK: What is written once

    /// Attributes with texts, as bytes that are appended to many spans.
    public static func attributes(_ attributes: [(key: String, value: String)]) -> [UInt8] {
        attributes.flatMap { attribute in
            let text = JSONLine.escaped(String(attribute.value.prefix(Limits.spanTextBytesMax)))
            return Array(#"{"key":"\#(attribute.key)","value":{"stringValue":""#.utf8) + text + Array(#""}},"#.utf8)
        }
    }

    /// What stands around the spans of a request to a collector (ExportTraceServiceRequest).
    public static func envelope(resource: [(key: String, value: String)], scope: String, version: String) -> (head: [UInt8], tail: [UInt8])
    {
        let attributes = attributes(resource).dropLast()
        let head =
            Array(#"{"resourceSpans":[{"resource":{"attributes":["#.utf8) + attributes
            + Array(#"]},"scopeSpans":[{"scope":{"name":"\#(scope)","version":"\#(version)"},"spans":["#.utf8)
        return (head, Array("]}]}]}".utf8))
    }
}
