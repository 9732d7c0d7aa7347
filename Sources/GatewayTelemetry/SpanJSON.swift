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

    /// Which span it is.
    public struct Identity: BitwiseCopyable, Sendable {
        @usableFromInline let trace: LongHexDigits
        @usableFromInline let span: HexDigits
        @usableFromInline let parent: HexDigits?

        @inlinable
        public init(trace: LongHexDigits, span: HexDigits, parent: HexDigits?) {
            self.trace = trace
            self.span = span
            self.parent = parent
        }
    }

    /// The digits of the times of a worker's spans, one after another.
    public struct Times: Sendable {
        @usableFromInline var start = EpochDigits()
        @usableFromInline var end = EpochDigits()

        public init() {}
    }

    /// Up to its times. Behind them belong a name and first attributes, as ``opening(name:attributes:)`` has them.
    @inlinable @inline(__always)
    public static func begin(
        _ identity: Identity, _ kind: Kind, startNs: UInt64, endNs: UInt64, _ times: inout Times, into line: inout ByteQueue
    ) {
        line.append(kind.opening)
        line.append(identity.trace)
        line.append(#"","spanId":""#)
        line.append(identity.span)
        if let parent = identity.parent {
            line.append(#"","parentSpanId":""#)
            line.append(parent)
        }
        line.append(#"","startTimeUnixNano":""#)
        times.start.append(startNs, to: &line)
        line.append(#"","endTimeUnixNano":""#)
        times.end.append(endNs, to: &line)
    }

    /// A text of any bytes.
    @inlinable @inline(__always)
    public static func attribute(_ key: StaticString, _ text: RawSpan, into line: inout ByteQueue) {
        beginText(key, into: &line)
        JSONLine.escaped(text.extracting(0..<min(text.byteCount, Limits.spanTextBytesMax)), into: &line)
        endText(into: &line)
    }

    /// A text of ours.
    @inlinable @inline(__always)
    public static func attribute(_ key: StaticString, _ text: StaticString, into line: inout ByteQueue) {
        beginText(key, into: &line)
        line.append(text)
        endText(into: &line)
    }

    @inlinable @inline(__always)
    public static func attribute(_ key: StaticString, _ number: UInt64, into line: inout ByteQueue) {
        line.append(#",{"key":""#, key, #"","value":{"intValue":""#)
        line.append("", decimal: min(number, UInt64(Int64.max)), #""}}"#)
    }

    @inlinable @inline(__always)
    public static func attribute(_ key: StaticString, secondsFromNanoseconds value: UInt64, into line: inout ByteQueue) {
        line.append(#",{"key":""#, key, #"","value":{"doubleValue":"#)
        JSONLine.seconds(fromNanoseconds: value, into: &line)
        line.append("}}")
    }

    /// An attribute's beginning, for a text that the caller writes: ``endText(into:)`` ends it.
    @inlinable @inline(__always)
    public static func beginText(_ key: StaticString, into line: inout ByteQueue) {
        line.append(#",{"key":""#, key, #"","value":{"stringValue":""#)
    }

    @inlinable @inline(__always)
    public static func endText(into line: inout ByteQueue) {
        line.append(#""}}"#)
    }

    /// - Parameter link: another span that it has to do with, of whatever trace.
    @inlinable @inline(__always)
    public static func end(isError: Bool, link: Identity? = nil, into line: inout ByteQueue) {
        if let link {
            line.append(#"],"links":[{"traceId":""#)
            line.append(link.trace)
            line.append(#"","spanId":""#)
            line.append(link.span)
            line.append(#""}"#)
        }
        if isError { line.append(#"],"status":{"code":2}},"#) } else { line.append("]},") }
    }

    // MARK: What is written once

    /// What stands behind the times of spans with this name and these attributes, of which there is one at least.
    public static func opening(name: String, attributes: [Attribute]) -> [UInt8] {
        Array(#"","name":""#.utf8) + escaped(name) + Array(#"","attributes":["#.utf8) + list(attributes)
    }

    /// An attribute behind others, as bytes that are appended to many spans.
    public static func further(_ attribute: Attribute) -> [UInt8] {
        Array(",".utf8) + list([attribute])
    }

    private static func list(_ attributes: [Attribute]) -> [UInt8] {
        let texts = attributes.map { attribute -> [UInt8] in
            let value =
                switch attribute.value {
                case .text(let text): Array(#"{"stringValue":""#.utf8) + escaped(text)
                case .number(let number): Array(#"{"intValue":"\#(number)"#.utf8)
                }
            return Array(#"{"key":"\#(attribute.key)","value":"#.utf8) + value + Array(#""}}"#.utf8)
        }
        return Array(texts.joined(separator: ",".utf8))
    }

    private static func escaped(_ text: String) -> [UInt8] {
        JSONLine.escaped(String(text.prefix(Limits.spanTextBytesMax)))
    }

    /// What stands around the spans of a request to a collector (ExportTraceServiceRequest).
    public static func envelope(resource: [Attribute], scope: String, version: String) -> (head: [UInt8], tail: [UInt8]) {
        let head =
            Array(#"{"resourceSpans":[{"resource":{"attributes":["#.utf8) + list(resource)
            + Array(#"]},"scopeSpans":[{"scope":{"name":"\#(scope)","version":"\#(version)"},"spans":["#.utf8)
        return (head, Array("]}]}]}".utf8))
    }
}

extension SpanJSON {
    /// One that is written once, and told many times.
    public struct Attribute: Sendable {
        public enum Value: Sendable {
            case text(String)
            case number(Int)
        }

        let key: String
        let value: Value

        public init(_ key: String, _ text: String) {
            self.key = key
            value = .text(text)
        }

        public init(_ key: String, _ number: Int) {
            self.key = key
            value = .number(number)
        }
    }
}
