import GatewayCache
import GatewayCore
import Testing

/// One for a test, with its scratch memory: what a worker has.
struct Canonicaliser: ~Copyable {
    private let pool: BufferPool
    private(set) var json: CanonicalJSON
    private var maker: CacheKeyMaker

    init() {
        pool = BufferPool()
        json = CanonicalJSON(pool: pool)
        maker = CacheKeyMaker(pool: pool)
    }

    mutating func form(_ body: [UInt8], ignoring: [String] = []) throws(CanonicalJSONFailure) -> [UInt8] {
        var output = ByteQueue(pool: pool)
        output.append("before")
        do throws(CanonicalJSONFailure) {
            try json.encode(body.rawSpan, ignoring: ignoring.map { Array($0.utf8) }, into: &output)
        } catch {
            #expect(output.bytes.string == "before", "a failure leaves something behind")
            throw error
        }
        output.consume(6)
        return output.bytes.array
    }

    mutating func key(_ body: [UInt8]) throws(CanonicalJSONFailure) -> SHA256Digest {
        let form = try form(body)
        maker.begin()
        maker.add(.canonicalBody, form.rawSpan)
        return maker.finish()
    }
}

func canonical(_ body: [UInt8], ignoring: [String] = []) throws(CanonicalJSONFailure) -> String {
    var canonicaliser = Canonicaliser()
    return String(decoding: try canonicaliser.form(body, ignoring: ignoring), as: UTF8.self)
}

func canonical(_ text: String, ignoring: [String] = []) throws(CanonicalJSONFailure) -> String {
    try canonical(Array(text.utf8), ignoring: ignoring)
}

func failure(_ body: [UInt8]) -> CanonicalJSONFailure? {
    do throws(CanonicalJSONFailure) {
        _ = try canonical(body)
        return nil
    } catch {
        return error
    }
}

@Suite struct CanonicalJSONTests {
    @Test func `the object of RFC 8785 § 3_2_2 comes out as there`() throws {
        let input = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50,
                          2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        #expect(
            try canonical(input)
                == #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
                + "\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}")
    }

    @Test func `the members of RFC 8785 § 3_2_3 are sorted as there`() throws {
        let input = #"""
            {
              "\u20ac": "Euro Sign",
              "\r": "Carriage Return",
              "\ufb33": "Hebrew Letter Dalet With Dagesh",
              "1": "One",
              "\ud83d\ude00": "Emoji: Grinning Face",
              "\u0080": "Control",
              "\u00f6": "Latin Small Letter O With Diaeresis"
            }
            """#
        #expect(
            try canonical(input)
                == "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
                + "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}")
    }

    /// From the tests that the RFC's author keeps beside it.
    @Test(arguments: [
        (#"[56,{"d":true,"10":null,"1":[ ]}]"#, #"[56,{"1":[],"10":null,"d":true}]"#),
        (#"{"peach":1,"péché":2,"pêche":3,"sin":4}"#, #"{"peach":1,"péché":2,"pêche":3,"sin":4}"#),
        (
            #"{"1": {"f": {"f": "hi","F": 5} ,"\n": 56.0},"10": { },"": "empty","a": { },"111": [ {"e": "yes","E": "no" } ],"A": { }}"#,
            #"{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}"#
        ),
        ("{\"Unnormalized Unicode\":\"A\\u030a\"}", "{\"Unnormalized Unicode\":\"A\u{30a}\"}"),
    ])
    func `structures and texts come out as elsewhere`(_ input: String, _ form: String) throws {
        // As bytes: to Swift's strings Å is equal in both its spellings.
        #expect(try Array(canonical(input).utf8) == Array(form.utf8))
    }

    @Test(arguments: [
        (" \t\r\n1 \t\r\n", "1"), ("\"a\"", "\"a\""), ("[]", "[]"), ("{}", "{}"), ("null", "null"), ("[[],{}]", "[[],{}]"),
        ("\"\\u0000\\u001f\\u007f\\u0008\\u000c\\u000d\\u0009\"", "\"\\u0000\\u001f\u{7f}\\b\\f\\r\\t\""),
        ("\"\\b\\f\\n\\r\\t\\\"\\\\\\/\"", "\"\\b\\f\\n\\r\\t\\\"\\\\/\""),
        ("\"\\uD83D\\uDE00\\u00e4\\uffff\\ud800\\udc00\\udbff\\udfff\"", "\"😀ä\u{ffff}\u{10000}\u{10ffff}\""),
        (#"{"b":{"z":1,"a":[{"d":1,"c":2}]},"a":{}}"#, #"{"a":{},"b":{"a":[{"c":2,"d":1}],"z":1}}"#),
        (#"{"a":{"c":{"z":0,"y":0}},"b":1}"#, #"{"a":{"c":{"y":0,"z":0}},"b":1}"#),
        (
            #"{"aaaaaaaab":1,"aaaaaaaaa":2,"aaaaaaaa":3,"aaaaaaaaaaaaaaaab":4}"#,
            #"{"aaaaaaaa":3,"aaaaaaaaa":2,"aaaaaaaaaaaaaaaab":4,"aaaaaaaab":1}"#
        ),
        (#"{"a\u0000":1,"a":2,"\u0000":3,"":4}"#, #"{"":4,"\u0000":3,"a":2,"a\u0000":1}"#),
        (#"{"\\":1,"\u005d":2,"[":3,"\"":4,"\n":5}"#, #"{"\n":5,"\"":4,"[":3,"\\":1,"]":2}"#),
    ])
    func `every spelling of a document has one form`(_ input: String, _ form: String) throws {
        #expect(try Array(canonical(input).utf8) == Array(form.utf8))
        #expect(try Array(canonical(form).utf8) == Array(form.utf8))
    }

    @Test func `names beyond the basic plane stand before those at its end`() throws {
        let names = ["\u{e000}", "\u{ffff}", "\u{10000}", "\u{10ffff}", "\u{d7ff}", "a", "ab", "12345678\u{ffff}", "12345678\u{10000}"]
        let members = names.map { "\"\($0)\":0" }
        let sorted = names.sorted { Array($0.utf16).lexicographicallyPrecedes(Array($1.utf16)) }
        #expect(try canonical("{\(members.joined(separator: ","))}") == "{\(sorted.map { "\"\($0)\":0" }.joined(separator: ","))}")
    }

    // MARK: What is left out, and what is learnt

    @Test func `named members of the outermost object are left out however they are spelt`() throws {
        let ignored = ["user", "metadata"]
        #expect(try canonical(#"{"user":{"z":1,"b":{"d":1,"c":2}},"a":{"user":1}}"#, ignoring: ignored) == #"{"a":{"user":1}}"#)
        #expect(
            try canonical(#"{"b":{"y":1,"x":2},"\u0075ser":[{"d":1,"c":2}],"a":1}"#, ignoring: ignored) == #"{"a":1,"b":{"x":2,"y":1}}"#)
        #expect(try canonical(#"{"metadata":1,"user":2}"#, ignoring: ignored) == "{}")
        #expect(try canonical(#"{"a":1,"metadata":1}"#, ignoring: ignored) == #"{"a":1}"#)
        #expect(try canonical(#"{"User":1,"users":2,"use":3}"#, ignoring: ignored) == #"{"User":1,"use":3,"users":2}"#)
        #expect(try canonical(#"[{"user":1}]"#, ignoring: ignored) == #"[{"user":1}]"#)
        #expect(throws: CanonicalJSONFailure.duplicateName) { try canonical(#"{"user":1,"\u0075ser":2}"#, ignoring: ignored) }
        #expect(throws: CanonicalJSONFailure.invalid) { try canonical(#"{"user":01}"#, ignoring: ignored) }
    }

    @Test(arguments: [
        (#"{"stream":true,"temperature":0,"model":"m-1"}"#, true, true, "m-1"),
        (#"{"str\u0065am":true,"temperature":-0.0e7,"model":"\u006d"}"#, true, true, "m"),
        (#"{"stream":"true","temperature":"0","model":["m"]}"#, false, false, ""),
        (#"{"stream":1,"temperature":0.1,"model":null}"#, false, false, ""),
        (#"{"a":{"stream":true,"temperature":0,"model":"m"}}"#, false, false, ""),
        (#"[{"stream":true,"temperature":0,"model":"m"}]"#, false, false, ""),
        (#"{"model":"a\"b"}"#, false, false, ""), (#"{"model":""}"#, false, false, ""), ("1", false, false, ""),
    ])
    func `what a request asks for is learnt from its outermost object`(
        _ body: String, _ streams: Bool, _ isZero: Bool, _ model: String
    ) throws {
        var canonicaliser = Canonicaliser()
        _ = try canonicaliser.form(Array(#"{"stream":true,"temperature":0,"model":"before"}"#.utf8))
        _ = try canonicaliser.form(Array(body.utf8), ignoring: ["model", "stream"])
        #expect(canonicaliser.json.facts.streams == streams)
        #expect(canonicaliser.json.facts.temperatureIsZero == isZero)
        #expect(canonicaliser.json.model.string == model)
    }

    @Test func `a model's name of any length is told whole or not`() throws {
        for count in [Limits.modelNameBytesMax, Limits.modelNameBytesMax + 1] {
            var canonicaliser = Canonicaliser()
            let name = String(repeating: "m", count: count)
            _ = try canonicaliser.form(Array("{\"model\":\"\(name)\"}".utf8))
            #expect(canonicaliser.json.model.string == (count > Limits.modelNameBytesMax ? "" : name))
        }
    }

    @Test func `a document is the same whatever was read before it`() throws {
        var canonicaliser = Canonicaliser()
        let body = Array(#"{"b":[{"d":1,"c":2}],"a":"x"}"#.utf8)
        let form = try canonicaliser.form(body)
        for text in ["{\"b\":1,\"a\":", "[[[[", "{\"b\":{\"z\":1,\"y\":{\"b\":1,\"a\":2}},\"a\":1,\"a\":2}", "\"\\ud800\"", ""] {
            #expect(throws: CanonicalJSONFailure.self) { try canonicaliser.form(Array(text.utf8)) }
            #expect(try canonicaliser.form(body) == form)
        }
    }
}
