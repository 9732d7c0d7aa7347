import Foundation
import TestSupport

/// A page in a real browser, driven by the Chrome DevTools Protocol.
final class DevTools {
    private let browser: Browser
    private let socket: WebSocket
    private var session: String?
    private var lastID = 0
    /// The parameters of all events so far, by method.
    private(set) var events: [(method: String, parameters: [String: Any])] = []

    init() throws {
        let (browser, port, path) = try Browser.debugged()
        self.browser = browser
        socket = try WebSocket(TCPClient(port: port), target: path)
        let page = try call("Target.createTarget", ["url": "about:blank"])
        session = try call("Target.attachToTarget", ["targetId": page["targetId"] ?? "", "flatten": true])["sessionId"] as? String
        for domain in ["Page", "Runtime", "Log", "Network"] { _ = try call(domain + ".enable") }
    }

    @discardableResult
    func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        lastID += 1
        var message: [String: Any] = ["id": lastID, "method": method, "params": parameters]
        message["sessionId"] = session
        try socket.send(.text, Array(JSONSerialization.data(withJSONObject: message)))
        while true {
            let answer = try receive()
            guard answer["id"] as? Int == lastID else { continue }
            if let error = answer["error"] { throw TestError.invalid("\(method): \(error)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    private func receive() throws -> [String: Any] {
        var frame = try socket.receive(timeout: 120)
        var payload = frame.payload
        while !frame.isFinal {
            frame = try socket.receive(timeout: 120)
            payload += frame.payload
        }
        guard let object = try JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any] else {
            throw TestError.invalid("no message of DevTools")
        }
        if let method = object["method"] as? String { events.append((method, object["params"] as? [String: Any] ?? [:])) }
        return object
    }

    /// The value of an expression of JavaScript, or of what it promises.
    func evaluate(_ expression: String) throws -> Any? {
        let answer = try call("Runtime.evaluate", ["expression": expression, "returnByValue": true, "awaitPromise": true])
        if let failure = answer["exceptionDetails"] { throw TestError.invalid("\(expression): \(failure)") }
        return (answer["result"] as? [String: Any])?["value"]
    }

    /// As a screen of that width shows it; a phone's are narrow.
    func show(width: Int, isDark: Bool) throws {
        let isPhone = width < 500
        try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": 900, "deviceScaleFactor": isPhone ? 2 : 1, "mobile": isPhone])
        try call("Emulation.setEmulatedMedia", ["features": [["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]]])
    }

    /// The whole page, as a PNG.
    func takePicture(width: Int, to path: String) throws {
        let height = try evaluate("document.documentElement.scrollHeight") as? Int ?? 900
        let clip: [String: Any] = ["x": 0, "y": 0, "width": width, "height": height, "scale": 1]
        let answer = try call("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true, "clip": clip])
        guard let data = Data(base64Encoded: answer["data"] as? String ?? ""), !data.isEmpty else { throw TestError.invalid("no picture") }
        try data.write(to: URL(fileURLWithPath: path))
    }

    /// What the page was told by the browser, and tells: errors, exceptions, what a policy has stopped.
    var complaints: [String] {
        events.compactMap { event in
            switch event.method {
            case "Runtime.exceptionThrown", "Log.entryAdded": "\(event.method): \(event.parameters)"
            case "Runtime.consoleAPICalled": "console: \(event.parameters)"
            default: nil
            }
        }
    }

    var requestedURLs: [String] {
        events.filter { $0.method == "Network.requestWillBeSent" }
            .compactMap { ($0.parameters["request"] as? [String: Any])?["url"] as? String }
    }
}
