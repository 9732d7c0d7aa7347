import TestSupport
import Testing

/// Heads that are refused or late: their lines are known, their bytes are not yet in place, and fields that a server adds to every
/// response may ask for them.
@Suite struct RefusedHeadTests {
    private static let fields = """
        add_header X-Origin $http_origin;
        add_header X-Argument $arg_a;
        add_header X-Target $request_uri;
        add_header X-Path $uri;
        add_header X-Query $args;
        add_header X-Method $request_method;
        add_header X-Host $host;
        add_header X-Id $request_id;
        add_header X-Client "$remote_addr $proxy_add_x_forwarded_for $server_protocol $scheme";
        client_header_timeout 300ms;
        """

    enum Refusal: CaseIterable, Sendable {
        case late, lateInALine, longField, manyFields, longRequestLine, badField

        private var begun: String { "GET /p?a=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://o.example\r\n" }

        var request: String {
            switch self {
            case .late: begun
            case .lateInALine: begun + "X-Half: abc"
            // Too long before its end is there.
            case .longField: begun + "X-Long: " + String(repeating: "x", count: 33 << 10)
            case .manyFields: begun + String(repeating: "X: y\r\n", count: 200) + "\r\n"
            case .longRequestLine: "GET /" + String(repeating: "x", count: 9 << 10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
            case .badField: begun + "no colon\r\n\r\n"
            }
        }

        var status: Int {
            switch self {
            case .late, .lateInALine: 408
            case .longField, .manyFields: 431
            case .longRequestLine: 414
            case .badField: 400
            }
        }
    }

    @Test(arguments: Refusal.allCases, Transport.allCases)
    func `a head that is refused is answered although added fields ask for its content`(_ refusal: Refusal, _ transport: Transport) throws {
        let edge = try Edge(ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), server: Self.fields)
        let client = try edge.connect(transport)
        try client.send(refusal.request)
        let answer = try client.readResponse()
        #expect(answer.status == refusal.status)
        #expect(answer["X-Id"]?.isEmpty == false)
        #expect(client.isEndedByPeer())
        #expect(edge.gateway.program.isRunning)
        // A head that is whole has its content.
        let next = try edge.gateway.get("/p?a=1", fields: ["Origin: http://o.example"])
        #expect(next.status == 200 && next["X-Origin"] == "http://o.example" && next["X-Argument"] == "1")
    }

    @Test(arguments: Refusal.allCases) func `the second head of a connection is refused as the first is`(_ refusal: Refusal) throws {
        let edge = try Edge(ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), server: Self.fields)
        let client = try edge.gateway.connect()
        #expect(try client.get("/first?a=0", fields: ["Origin: http://first.example"])["X-Origin"] == "http://first.example")
        try client.send(refusal.request)
        let answer = try client.readResponse()
        #expect(answer.status == refusal.status)
        #expect(answer["X-Origin"] != "http://first.example")
        #expect(edge.gateway.program.isRunning)
    }
}
