import TestSupport

/// Flow control (RFC 9113 §§ 5.2, 6.9). That no frame goes beyond a window, the client checks in every row.
extension ConformanceRow {
    static let windows: [Self] = windowUpdates + windowErrors + initialWindows

    private static let large = HTTP2Fields.request("GET", "/large")

    private static let windowUpdates: [Self] = [
        Self("WINDOW_UPDATE on the connection", "9113 § 6.9", .nothing) { try $0.send(.windowUpdate(0, 1)) },
        Self("WINDOW_UPDATE on a stream", "9113 § 6.9", .answer(1)) { client in
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.windowUpdate(1, 1), .data(1, "a", .endStream))
        },
        Self("the reserved bit of WINDOW_UPDATE", "9113 § 6.9", .nothing) { try $0.send(.windowUpdate(0, 1 | 1 << 31)) },
        Self("the largest window of a connection", "9113 § 6.9.1", .answer(1)) { client in
            try client.send(.windowUpdate(0, UInt32(HTTP2FlowControl.windowMax - HTTP2FlowControl.initial)))
            client.options.replenishes = false
            try client.sendHead(.get, on: 1)
        },
        Self("the largest window of a stream", "9113 § 6.9.1", .answer(1)) { client in
            client.options.replenishes = false
            try client.sendHead(HTTP2Client.post, on: 1, endsStream: false)
            try client.send(.windowUpdate(1, UInt32(HTTP2FlowControl.windowMax - HTTP2FlowControl.initial)), .data(1, "a", .endStream))
        },
        Self("an answer larger than the windows", "9113 § 6.9.1", .answer(1)) { client in
            try client.sendHead(large, on: 1)
            let response = try client.response(on: 1)
            guard Pattern.matches(response.body), response.body.count == ConformanceOrigin.largeBytes else {
                throw TestError.invalid("\(response)")
            }
        },
        Self("a window of 1 lets 1 byte pass", "9113 § 6.9.1", .nothing) { client in
            client.options.replenishes = false
            try client.send(.settings([HTTP2Setting.initialWindowSize: 1]))
            try client.sendHead(large, on: 1)
            try client.content(1, on: 1)
            try client.ping()
            guard client.response(1).dataLengths == [1] else { throw TestError.invalid("\(client.response(1).dataLengths)") }
            try client.send(.windowUpdate(1, 2))
            try client.content(3, on: 1)
            try client.send(.resetStream(1), .settings([HTTP2Setting.initialWindowSize: 65_535]))
        },
        Self("a connection's window stops all its streams", "9113 § 6.9.1", .nothing) { client in
            client.options.replenishes = false
            try client.send(.settings([HTTP2Setting.initialWindowSize: 1 << 20]))
            try client.sendHead(large, on: 1)
            try client.sendHead(large, on: 3)
            try client.wait("a full window") { $0.response(1).body.count + $0.response(3).body.count == HTTP2FlowControl.initial }
            try client.ping()
            try client.send(.windowUpdate(0, 1 << 20))
            for stream in [1, 3] as [UInt32] {
                guard try client.response(on: stream).body.count == ConformanceOrigin.largeBytes else {
                    throw TestError.invalid("\(stream)")
                }
            }
        },
    ]

    private static let windowErrors: [Self] = [
        Self("WINDOW_UPDATE of 0 on the connection", "9113 § 6.9", .connectionError([.protocolError])) { try $0.send(.windowUpdate(0, 0)) },
        Self("WINDOW_UPDATE of 0 and the reserved bit on the connection", "9113 § 6.9", .connectionError([.protocolError])) {
            try $0.send(.windowUpdate(0, 1 << 31))
        },
        Self("WINDOW_UPDATE of 0 on a stream", "9113 § 6.9", .eitherError(1, [.protocolError])) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(.windowUpdate(1, 0))
        },
        Self("a connection's window beyond 2^31-1", "9113 § 6.9.1", .connectionError([.flowControlError])) {
            try $0.send(.windowUpdate(0, .max >> 1), .windowUpdate(0, .max >> 1))
        },
        Self("a connection's window 1 beyond 2^31-1", "9113 § 6.9.1", .connectionError([.flowControlError])) {
            try $0.send(.windowUpdate(0, UInt32(HTTP2FlowControl.windowMax - HTTP2FlowControl.initial + 1)))
        },
        Self("a stream's window beyond 2^31-1", "9113 § 6.9.1", .streamError(1, [.flowControlError])) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(.windowUpdate(1, .max >> 1), .windowUpdate(1, .max >> 1))
        },
        Self("a stream's window 1 beyond 2^31-1", "9113 § 6.9.1", .streamError(1, [.flowControlError])) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(.windowUpdate(1, UInt32(HTTP2FlowControl.windowMax - HTTP2FlowControl.initial + 1)))
        },
        Self("SETTINGS that make a stream's window too large", "9113 § 6.9.2", .connectionError([.flowControlError])) { client in
            try client.sendHead(HTTP2Client.held, on: 1)
            try client.send(.windowUpdate(1, UInt32(HTTP2FlowControl.windowMax - HTTP2FlowControl.initial)))
            try client.send(.settings([HTTP2Setting.initialWindowSize: 65_536]))
        },
    ]

    private static let initialWindows: [Self] = [
        Self("SETTINGS change the windows of open streams", "9113 § 6.9.2", .answer(1)) { client in
            client.options.replenishes = false
            try client.send(.settings([HTTP2Setting.initialWindowSize: 0]))
            try client.sendHead(.get, on: 1)
            _ = try client.head(on: 1)
            try client.ping()
            guard client.response(1).body.isEmpty else { throw TestError.invalid("\(client.response(1))") }
            try client.send(.settings([HTTP2Setting.initialWindowSize: 1]))
            try client.content(1, on: 1)
            try client.ping()
            guard client.response(1).body.count == 1 else { throw TestError.invalid("\(client.response(1))") }
            try client.send(.settings([HTTP2Setting.initialWindowSize: 65_535]))
        },
        Self("a window that SETTINGS make negative", "9113 § 6.9.2", .nothing) { client in
            client.options.replenishes = false
            try client.send(.settings([HTTP2Setting.initialWindowSize: 3]))
            try client.sendHead(large, on: 1)
            try client.content(3, on: 1)
            // -1, then 1.
            try client.send(.settings([HTTP2Setting.initialWindowSize: 2]))
            try client.ping()
            try client.send(.windowUpdate(1, 1))
            try client.ping()
            guard client.response(1).body.count == 3 else { throw TestError.invalid("\(client.response(1))") }
            try client.send(.windowUpdate(1, 1))
            try client.content(4, on: 1)
            guard client.response(1).body.count == 4 else { throw TestError.invalid("\(client.response(1))") }
            try client.send(.resetStream(1), .settings([HTTP2Setting.initialWindowSize: 65_535]))
        },
        Self("SETTINGS do not change the connection's window", "9113 § 6.9.2", .nothing) { client in
            client.options.replenishes = false
            try client.send(.settings([HTTP2Setting.initialWindowSize: 1 << 24]))
            try client.sendHead(large, on: 1)
            try client.content(HTTP2FlowControl.initial, on: 1)
            try client.ping()
            guard client.response(1).body.count == HTTP2FlowControl.initial else { throw TestError.invalid("\(client.response(1))") }
            try client.send(.resetStream(1), .windowUpdate(0, 1 << 20))
        },
        Self("an empty answer needs no window", "9113 § 6.9.1", .answer(1)) { client in
            try client.send(.settings([HTTP2Setting.initialWindowSize: 0]))
            try client.sendHead(.request("GET", "/empty"), on: 1)
            _ = try client.response(on: 1)
            try client.send(.settings([HTTP2Setting.initialWindowSize: 65_535]))
        },
    ]
}
