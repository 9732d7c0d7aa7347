import Foundation
import NIOCore
import NIOHTTP1

/// A request, its body collected.
struct Request {
    /// Larger bodies get 413; /echo takes them of any size.
    static let bodyBytesMax = 32 * 1024 * 1024

    let head: HTTPRequestHead
    let path: String
    let query: [String: String]
    var body = ByteBuffer()

    init(_ head: HTTPRequestHead) {
        self.head = head
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        query = parts.count > 1 ? Self.parse(query: parts[1]) : [:]
    }

    private static func parse(query: Substring) -> [String: String] {
        var pairs: [String: String] = [:]
        for pair in query.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = sides.count > 1 ? String(sides[1]) : ""
            pairs[String(sides[0])] = value.removingPercentEncoding ?? value
        }
        return pairs
    }

    /// HEAD is answered as GET is, without the body.
    var method: HTTPMethod { head.method == .HEAD ? .GET : head.method }

    /// Of the body alone: the same question has the same id, whoever asks.
    var bodyHash: StableHash {
        var hash = StableHash()
        hash.add(body.readableBytesView)
        return hash
    }

    /// Of method, target and body: decides whether the request fails.
    var wholeHash: StableHash {
        var hash = StableHash()
        hash.add(head.method.rawValue.utf8)
        hash.add(head.uri.utf8)
        hash.add(body.readableBytesView)
        return hash
    }

    func number(_ name: String, default fallback: Int, max: Int) -> Int? {
        guard let text = query[name] else { return fallback }
        guard let value = Int(text), (0...max).contains(value) else { return nil }
        return value
    }

    func decode<Shape: Decodable>(_ shape: Shape.Type) throws -> Shape {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(shape, from: Data(body.readableBytesView))
    }
}
