import Testing

@testable import GatewayConfig

@Suite struct CORSDirectiveTests {
    private func cors(_ server: String, _ location: String = "", environment: [String: String] = [:]) -> CORSConfig? {
        snapshot("server { listen 8080; \(server) location / { return 200 ok; \(location) } }", environment: environment)?
            .servers[0].locations[0].edge.cors
    }

    private func found(_ members: String, _ location: String = "") -> [String] {
        messages("server { listen 8080; cors { \(members) }\nlocation / { return 200 ok; \(location) } }")
    }

    @Test func `what isn't said has its default`() {
        #expect(cors("") == nil)
        #expect(
            cors("cors { origins https://a.example; }") == CORSConfig(origins: ["https://a.example"], methods: ["GET", "HEAD", "POST"]))
    }

    @Test func `everything that is said counts`() {
        let all = cors(
            "cors { origins https://a.example https://*.b.example:8443; methods GET PATCH MOVE; headers X-A content-type; expose X-B; "
                + "credentials on; max_age 1h; }")
        #expect(
            all
                == CORSConfig(
                    origins: ["https://a.example", "https://*.b.example:8443"], methods: ["GET", "PATCH", "MOVE"],
                    headers: ["X-A", "content-type"], expose: ["X-B"], allowsCredentials: true, maxAgeS: 3600))
    }

    @Test func `levels merge member by member`() {
        let server = "cors { origins https://a.example; methods GET; credentials on; max_age 60; }"
        #expect(
            cors(server, "cors { methods PUT; credentials off; }")
                == CORSConfig(origins: ["https://a.example"], methods: ["PUT"], maxAgeS: 60))
        #expect(cors(server, "cors off;") == nil)
        #expect(cors("", "cors { origins *; max_age 0; }")?.maxAgeS == 0)
    }

    @Test func `origins come from the environment too, with commas between them`() {
        let found = cors(
            "cors { origins env:ORIGINS; }", environment: ["ORIGINS": "https://a.example, https://*.b.example ,http://localhost:3000"])
        #expect(found?.origins == ["https://a.example", "https://*.b.example", "http://localhost:3000"])
        #expect(
            messages(
                "server { listen 8080; return 200 ok; cors { origins env:ORIGINS; } }", environment: ["ORIGINS": "https://a.example,b"])
                == ["1:53: error: the value of env:ORIGINS is not an origin"])
    }

    @Test func `origins are kept as browsers send them`() {
        let found = cors(
            "cors { origins HTTPS://A.Example:443 http://b.example:80 http://b.example:443 https://[2001:DB8::1]:8443 capacitor://localhost; }"
        )
        #expect(
            found?.origins == [
                "https://a.example", "http://b.example", "http://b.example:443", "https://[2001:db8::1]:8443", "capacitor://localhost",
            ])
    }

    @Test(arguments: [
        ("origins a.example;", "\"a.example\" is not an origin"), ("origins https://;", "\"https://\" is not an origin"),
        ("origins https://a.example/;", "an origin has no path"), ("origins https://a.example/b?c;", "an origin has no path"),
        ("origins null;", "\"null\" can't be allowed"),
        ("origins https://a.*.example;", "a \"*\" can only stand for the first labels of a host, or alone"),
        ("origins https://*;", "a \"*\" can only stand for the first labels of a host, or alone"),
        ("origins https://u@a.example;", "\"https://u@a.example\" is not an origin"),
        ("origins https://a.example:99999;", "\"https://a.example:99999\" is not an origin"),
        ("origins https://ä.example;", "\"https://ä.example\" is not ASCII"), ("origins * https://a.example;", "\"*\" stands alone"),
        ("methods GET;", "\"cors\" is missing \"origins\""),
        ("origins *; credentials on;", "any origin with credentials would give every page what its visitors may see"),
        ("origins https://a.example; methods get;", "\"get\" is not a method: case counts"),
        ("origins https://a.example; methods *;", "\"*\" is not a method"),
        ("origins https://a.example; methods TRACE;", "browsers never send \"TRACE\""),
        ("origins https://a.example; headers \"X A\";", "\"X A\" is not the name of a header field"),
        ("origins https://a.example; credentials true;", "\"true\" is not valid here"),
        ("origins https://a.example; credentials on; expose *;", "with credentials \"*\" exposes nothing but a field of that name"),
        ("origins https://a.example; max_age 10x;", "\"10x\" has an unknown unit: \"x\""),
        ("origins https://a.example; method GET;", "unknown directive \"method\""),
    ])
    func `what is wrong is an error`(members: String, message: String) {
        let errors = found(members).filter { $0.contains(": error: ") }
        #expect(errors.count == 1 && errors[0].hasSuffix("error: " + message), "\(errors)")
    }

    @Test func `any origin with credentials is an error wherever the two come together`() {
        let message = "any origin with credentials would give every page what its visitors may see"
        #expect(found("origins *;", "cors { credentials on; }") == ["2:48: error: \(message)"])
        #expect(found("origins https://a.example; credentials on;", "cors { origins *; }") == ["2:44: error: \(message)"])
        #expect(found("origins *; credentials on;", "cors { methods GET; }").count == 1)
    }

    @Test func `add_header can't say what cors says, at whatever level`() {
        let cors = "cors { origins https://a.example; }"
        let name = "access-control-allow-origin"
        func found(_ server: String, _ location: String, main: String = "") -> [String] {
            messages("\(main)\nserver { listen 8080; \(server)\nlocation / { return 200 ok; \(location) } }")
        }
        func error(_ at: String, _ name: String = name) -> [String] { ["\(at): error: \"cors\" says \(name)"] }
        #expect(found("\(cors) add_header \(name) *;", "") == error("2:59"))
        #expect(found("\(cors)", "add_header \(name) *;") == error("3:29"))
        #expect(found("add_header \(name) *;", cors) == error("3:29"))
        #expect(found("", cors, main: "add_header \(name) *;") == error("3:29"))
        #expect(found("\(cors) add_header Access-Control-Max-Age 5;", "") == error("2:59", "Access-Control-Max-Age"))
        #expect(found("add_header \(name) *;", "") == [] && found("\(cors) add_header Timing-Allow-Origin *;", "") == [])
        // An empty value takes the outer level's away.
        #expect(found("add_header \(name) *;", "\(cors) add_header \(name) \"\";") == [])
        #expect(found(cors, "cors off; add_header \(name) *;") == [])
    }

    @Test func `what is somebody else's most likely is a warning`() {
        #expect(
            found("origins https://*.com http://*.localhost:3000 https://*.a.example;") == [
                "1:38: warning: all of \".com\" may be anybody's"
            ])
        #expect(messages(server("return 200 ok; cors off { origins *; }")).first?.hasSuffix("error: \"off\" takes no block") == true)
    }
}
