import Foundation

/// A line of the JSON access log.
public struct LogEntry: Sendable {
    public let line: String
    private let members: [String: Member]

    private enum Member: Sendable {
        case text(String)
        case number(Double)
        case other
    }

    public init(_ line: String) throws {
        guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
            throw TestError.invalid("not a JSON object: \(line)")
        }
        self.line = line
        members = object.mapValues { value in
            if let text = value as? String { return .text(text) }
            return (value as? NSNumber).map { .number($0.doubleValue) } ?? .other
        }
    }

    public var names: Set<String> { Set(members.keys) }

    public subscript(name: String) -> String? {
        if case .text(let text)? = members[name] { text } else { nil }
    }

    public func number(_ name: String) -> Double? {
        if case .number(let number)? = members[name] { number } else { nil }
    }
}
