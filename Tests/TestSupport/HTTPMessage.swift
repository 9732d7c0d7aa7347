import Foundation

/// A request or response as it stood on the wire.
public struct HTTPMessage: Sendable {
    public struct Field: Sendable, Equatable {
        public let name: String
        public let value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The start line and the fields, byte for byte, with the empty line.
    public let rawHead: String
    public let startLine: String
    public let fields: [Field]
    public internal(set) var body: [UInt8] = []
    /// The boundaries the sender chose; empty without the chunked coding.
    public internal(set) var chunks: [[UInt8]] = []
    public internal(set) var trailers: [Field] = []
    /// The connection ended, or was reset, before the message did.
    public internal(set) var isTruncated = false
    /// 1xx answers before this one.
    public internal(set) var interim: [HTTPMessage] = []
    /// What had come behind the message when it was complete. It is still unread in its connection.
    public internal(set) var surplus: [UInt8] = []

    init(rawHead: String) throws {
        self.rawHead = rawHead
        var lines = rawHead.components(separatedBy: "\r\n").dropLast(2)
        guard let first = lines.popFirst(), !first.isEmpty else { throw TestError.invalid("no start line in: \(rawHead)") }
        startLine = first
        fields = try lines.map(Self.parse(field:))
    }

    static func parse(field line: String) throws -> Field {
        guard let colon = line.firstIndex(of: ":") else { throw TestError.invalid("no colon in the field line: \(line)") }
        return Field(name: String(line[..<colon]), value: line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
    }

    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The field's value; several lines are put together with a comma (RFC 9110 § 5.3).
    public subscript(name: String) -> String? {
        let values = self.values(name)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    public func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    public func json() throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else {
            throw TestError.invalid("not a JSON object: \(text)")
        }
        return object
    }

    // MARK: A response's start line

    private var words: [String] { startLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init) }

    /// 0 if there is none.
    public var status: Int { words.count > 1 ? Int(words[1]) ?? 0 : 0 }
    public var reason: String { words.count > 2 ? words[2] : "" }

    // MARK: A request's start line

    public var method: String { words[0] }
    public var target: String { words.count > 1 ? words[1] : "" }
}

public typealias HTTPResponse = HTTPMessage
public typealias HTTPRequest = HTTPMessage
