import GatewayCore
import GatewayHTTP
import Testing

@Suite struct HeaderFieldsTests {
    private func append(_ name: String, _ value: String, to fields: inout HeaderFields) {
        fields.append(name: Array(name.utf8).rawSpan, value: Array(value.utf8).rawSpan)
    }

    @Test func `fields are found by what they are and by any name`() {
        let pool = lastingPool()
        var fields = HeaderFields(pool: pool)
        append("X-One", "1", to: &fields)
        append("COOKIE", "a", to: &fields)
        append("cookie", "b", to: &fields)
        append("x-two", "", to: &fields)
        let indices = [
            fields.firstIndex(of: .cookie), fields.firstIndex(of: .cookie, from: 2), fields.firstIndex(of: .cookie, from: 3),
            fields.firstIndex(of: .host),
            fields.firstIndex(named: Array("Cookie".utf8).rawSpan), fields.firstIndex(named: Array("X-TWO".utf8).rawSpan),
            fields.firstIndex(named: Array("x-three".utf8).rawSpan), fields.firstIndex(named: Array("host".utf8).rawSpan),
            fields.firstIndex(of: .other),
        ]
        #expect(indices == [1, 2, nil, nil, 1, 3, nil, nil, 0])
        let (name, value, empty, count) = (fields.nameBytes(1).string, fields.value(2).string, fields.value(3).string, fields.count)
        #expect(name == "COOKIE")
        #expect(value == "b")
        #expect(empty == "")
        #expect(count == 4)
    }

    @Test func `fields that were added obey Connection in either order`() {
        let pool = lastingPool()
        var fields = HeaderFields(pool: pool)
        append("X-One", "1", to: &fields)
        append("Connection", "x-one, X-TWO", to: &fields)
        append("X-Two", "2", to: &fields)
        append("X-Three", "3", to: &fields)
        let hops = (0..<4).map { fields.isHopByHop($0) }
        #expect(hops == [true, true, true, false])
    }

    @Test func `fields that are sent on keep their order, whether they stand together or not`() throws {
        let pool = lastingPool()
        let lines = ["A: 1", "B: 2", "Host: a", "C:3", "D: 4", "E: 5"]
        let input = Array(("GET / HTTP/1.1\r\n" + lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        for dropped in 0..<(1 << lines.count) {
            var head = RequestHead(pool: pool)
            var parser = HTTP1RequestParser()
            _ = try parser.parse(input.rawSpan, into: &head)
            var queue = ByteQueue(pool: pool)
            var run = FieldRun()
            var expected = ""
            for index in 0..<head.fields.count where dropped & (1 << index) == 0 {
                head.fields.appendLine(index, to: &queue, &run)
                expected += (index == 3 ? "C: 3" : lines[index]) + "\r\n"
            }
            head.fields.end(&run, to: &queue)
            let text = queue.bytes.string
            #expect(text == expected)
        }
    }

    @Test(arguments: [
        ("X: y", "X: y"), ("Accept: a, b", "Accept: a, b"), ("X:y", "X: y"), ("X:  y", "X: y"), ("X: y ", "X: y"), ("X:\ty\t", "X: y"),
        ("X: a\tb", "X: a\tb"), ("X:", "X: "), ("X: ", "X: "), ("x: :", "x: :"),
        ("X: \u{fc} long enough for some words", "X: \u{fc} long enough for some words"),
    ])
    func `a line is written with one space, however it came`(received: String, written: String) throws {
        let pool = lastingPool()
        for end in ["\r\n\r\n", "\r\nY: z\r\n\r\n"] {
            var head = RequestHead(pool: pool)
            var parser = HTTP1RequestParser()
            let input = Array("GET / HTTP/1.1\r\nHost: a\r\n\(received)\(end)".utf8)
            let consumed = try parser.parse(input.rawSpan, into: &head)
            #expect(consumed == input.count)
            var queue = ByteQueue(pool: pool)
            head.fields.append(name: Array("Z".utf8).rawSpan, value: Array("1".utf8).rawSpan)
            head.fields.appendLine(1, to: &queue)
            head.fields.appendLine(head.fields.count - 1, to: &queue)
            let text = queue.bytes.string
            #expect(text == written + "\r\nZ: 1\r\n")
        }
    }

    @Test func `many fields are kept, and none after they are removed`() {
        let pool = lastingPool()
        var fields = HeaderFields(pool: pool)
        for round in 0..<3 {
            for i in 0..<1000 { append("name\(i)", "value\(i)/\(round)", to: &fields) }
            for i in stride(from: 0, to: 1000, by: 37) {
                let (name, value) = (fields.nameBytes(i).string, fields.value(i).string)
                #expect(name == "name\(i)")
                #expect(value == "value\(i)/\(round)")
            }
            fields.removeAll()
            let (count, isThere) = (fields.count, fields.contains(.other))
            #expect(count == 0)
            #expect(!isThere)
        }
    }
}
