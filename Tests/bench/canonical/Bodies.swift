/// Bodies as the SDKs of AI APIs send them: the order of their members, and white space as Python's and JavaScript's writers leave it.
enum Bodies {
    static var all: [(String, [UInt8])] {
        [
            ("question", question), ("question of Python's json.dumps", question.spaced),
            ("conversation with tools", conversation(turns: 14)), ("long conversation with tools", conversation(turns: 410)),
            ("long text in Japanese", japanese), ("the same, escaped", japanese.escaped), ("embeddings", numbers),
        ]
    }

    private static var question: [UInt8] {
        Array(
            (#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant of a shop for "#
                + #"bicycles. Answer in at most three sentences, and never tell prices that are not in the list below.\n\n"#
                + #"- Trekking bicycle: 799\n- City bicycle: 549\n- Repair kit: 25"},{"role":"user","content":"#
                + #""My rear wheel makes a \"clicking\" noise once in each turn, also when I don't pedal. I have looked at the "#
                + #"spokes and at the brakes and found nothing. What may it be, and which of your articles do I need?"}],"#
                + #""temperature":0,"top_p":1,"max_tokens":512,"stream":true,"stream_options":{"include_usage":true},"#
                + #""response_format":{"type":"text"},"user":"customer-48151623"}"#).utf8)
    }

    private static func conversation(turns: Int) -> [UInt8] {
        var text = #"{"model":"claude-sonnet-4-5","max_tokens":8192,"system":[{"type":"text","text":"# + prose(3)
        text += #","cache_control":{"type":"ephemeral"}}],"tools":["#
        for index in 0..<6 {
            text += index > 0 ? "," : ""
            text += #"{"name":"tool_\#(index)","description":"# + prose(1) + #","input_schema":{"type":"object","properties":{"#
            text += #""path":{"type":"string","description":"Where it lies, from the root."},"lines":{"type":"integer","minimum":1,"#
            text += #""maximum":2000,"default":100},"mode":{"type":"string","enum":["text","bytes"]}},"required":["path"]}}"#
        }
        text += #"],"messages":["#
        for turn in 0..<turns {
            text += turn > 0 ? "," : ""
            text += #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01A\#(turn)","content":"# + code + "}]},"
            text += #"{"role":"assistant","content":[{"type":"text","text":"# + prose(1) + #"},{"type":"tool_use","id":"#
            text += #""toolu_01A\#(turn + 1)","name":"tool_0","input":{"path":"Sources/File\#(turn).swift","lines":\#(turn + 40)}}]}"#
        }
        return Array((text + #"],"temperature":0.7,"metadata":{"user_id":"u-\#(turns)"},"stream":true}"#).utf8)
    }

    private static func prose(_ count: Int) -> String {
        let text =
            "The quick brown fox – as every typist knows – jumps over the lazy dog; what the dog thinks of it nobody has asked. "
            + #"\"Why should he mind?\" says the fox, \"I don't touch him.\"\n\nSo it goes on, day after day, until the café closes. "#
        return "\"" + String(repeating: text, count: count) + "\""
    }

    private static var code: String {
        let text =
            #"    func open(_ path: String) throws -> File {\n        guard let file = File(path) else {\n"#
            + #"            throw Failure(\"no file at \\(path)\")\n        }\n\n        files.append(file)\n        return file\n    }\n"#
        return "\"" + String(repeating: text, count: 4) + "\""
    }

    private static var japanese: [UInt8] {
        let text = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。"
        return Array(
            (#"{"model":"gpt-4o","messages":[{"role":"user","content":""# + String(repeating: text, count: 100) + "\"}]}").utf8)
    }

    private static var numbers: [UInt8] {
        var state: UInt64 = 1
        let values = (0..<4096).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(Float(state >> 40) / Float(1 << 24) - 0.5)
        }
        return Array((#"{"vector":["# + values.map { "\(Float($0))" }.joined(separator: ",") + "]}").utf8)
    }
}

extension [UInt8] {
    /// As Python's json.dumps writes it, with a space behind each comma and colon between values.
    fileprivate var spaced: [UInt8] {
        var result: [UInt8] = []
        var (isString, isEscape) = (false, false)
        for byte in self {
            result.append(byte)
            if isEscape {
                isEscape = false
            } else if byte == UInt8(ascii: "\"") {
                isString.toggle()
            } else if isString {
                isEscape = byte == UInt8(ascii: "\\")
            } else if byte == UInt8(ascii: ",") || byte == UInt8(ascii: ":") {
                result.append(UInt8(ascii: " "))
            }
        }
        return result
    }

    /// As Python's json.dumps writes it, in ASCII alone.
    fileprivate var escaped: [UInt8] {
        var result: [UInt8] = []
        for unit in String(decoding: self, as: UTF8.self).utf16 {
            if unit < 0x80 {
                result.append(UInt8(unit))
            } else {
                let digits = String(unit, radix: 16)
                result += Array("\\u".utf8) + Array((String(repeating: "0", count: 4 - digits.count) + digits).utf8)
            }
        }
        return result
    }
}
