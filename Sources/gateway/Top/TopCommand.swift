import ArgumentParser
import GatewayCore
import GatewayNet
import Glibc

struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a running gateway does, each second: the live page of its admin listener, in the terminal.",
        discussion: "q ends it. Without a terminal, or with --once, it prints what it sees within a second and ends. NO_COLOR is honoured.")

    @OptionGroup var listener: AdminOption

    @Flag(help: "Print once, and end.")
    var once = false

    func run() throws {
        do {
            let address = try listener.client().address
            let isOnce = once || !Terminal.isOutputTerminal
            var loop = try TopLoop(address: address, isOnce: isOnce, hasColours: Self.wantsColours)
            try loop.run()
        } catch let failure as AdminClient.Failure {
            Console.error(failure.text)
            throw ExitCode(1)
        }
    }

    /// no-color.org.
    private static var wantsColours: Bool {
        let environment = Environment.current
        return Terminal.isOutputTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }
}

/// Waits for events, keys and signals.
private struct TopLoop: ~Copyable {
    private enum Source: UInt64 {
        case events, keys, signals
    }

    private let address: SocketAddress
    private let isOnce: Bool
    private let hasColours: Bool
    private var epoll: Epoll
    private let signals: SignalSource
    private var terminal = Terminal()
    private var reader: EventReader?
    private var readings: [LiveReading] = []
    private var link = TopScreen.Link.live
    private var retryAt = MonotonicTime.never
    private var heardBy: MonotonicTime
    private var isDone = false

    private static let retryMs = 1_000
    /// Events come each second.
    private static let silenceMs = 5_000
    private static let windowS = 10.0
    private static let historyS = 90.0

    init(address: SocketAddress, isOnce: Bool, hasColours: Bool) throws {
        // Before the first field: a part of what can't be copied can't be left.
        let epoll = try Epoll()
        let signals = try SignalSource([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT])
        try epoll.addLevelTriggered(signals.fileDescriptor, EventToken(word: Source.signals.rawValue))
        if !isOnce && Terminal.isInputTerminal {
            try epoll.addLevelTriggered(STDIN_FILENO, EventToken(word: Source.keys.rawValue))
        }
        self.address = address
        self.isOnce = isOnce
        self.hasColours = hasColours
        self.epoll = epoll
        self.signals = signals
        heardBy = MonotonicTime.now().adding(milliseconds: Self.silenceMs)
    }

    mutating func run() throws {
        // The first failure is an answer: a wrong address is not tried for ever.
        try connect()
        while !isDone {
            epoll.wait(timeoutMs: min(retryAt, heardBy).milliseconds(after: .now()))
            for index in 0..<epoll.eventCount {
                let (token, readiness) = epoll.event(index)
                switch Source(rawValue: token.word) {
                case .events: try readEvents(readiness)
                case .keys: readKeys()
                default: while let signal = signals.next() { receive(signal) }
                }
            }
            let now = MonotonicTime.now()
            if now >= heardBy { try lose("no event in \(Self.silenceMs / 1_000) seconds") }
            if now >= retryAt { try reconnect() }
        }
        terminal.leave()
    }

    // MARK: Events

    private mutating func connect() throws {
        do {
            let fresh = try EventReader(address)
            try epoll.add(fresh.fileDescriptor, EventToken(word: Source.events.rawValue))
            reader = consume fresh
            retryAt = .never
            heardBy = MonotonicTime.now().adding(milliseconds: Self.silenceMs)
        } catch {
            throw AdminClient.Failure(text: "\(address): \(error)")
        }
    }

    private mutating func reconnect() throws {
        do {
            try connect()
        } catch let failure as AdminClient.Failure {
            try lose(failure.text)
        }
    }

    private mutating func readEvents(_ readiness: Readiness) throws {
        do {
            for event in try reader?.read(readiness) ?? [] {
                guard let json = JSONReader.value(of: event) else { throw AdminClient.Failure(text: "an event is no JSON") }
                take(LiveReading(json))
            }
        } catch let failure as AdminClient.Failure {
            try lose(failure.text)
        } catch {
            try lose("\(error)")
        }
    }

    /// Before anything was shown it is the end.
    private mutating func lose(_ reason: String) throws {
        reader = nil
        if readings.isEmpty || isOnce { throw AdminClient.Failure(text: "\(address): \(reason)") }
        link = .lost(reason)
        heardBy = .never
        retryAt = MonotonicTime.now().adding(milliseconds: Self.retryMs)
        draw()
    }

    private mutating func take(_ reading: LiveReading) {
        if isDone { return }
        heardBy = MonotonicTime.now().adding(milliseconds: Self.silenceMs)
        link = .live
        // Another process: its counters are others.
        if let last = readings.last, last.process.startedAt != reading.process.startedAt { readings.removeAll() }
        readings.append(reading)
        readings.removeAll { $0.clock < reading.clock - Self.historyS }
        if !isOnce { return draw() }
        if readings.count < 2 { return }
        for line in lines(width: Terminal.isOutputTerminal ? Terminal.size.width : 160, height: nil) { Console.output(line) }
        isDone = true
    }

    // MARK: The screen

    private func lines(width: Int, height: Int?) -> [String] {
        guard let now = readings.last else { return [] }
        let before = readings.first { $0.clock >= now.clock - Self.windowS - 0.5 } ?? now
        let history = zip(readings, readings.dropFirst()).map { LiveRates($1, since: $0).requestRate }
        let screen = TopScreen(rates: LiveRates(now, since: before), history: history, link: link, address: "\(address)")
        return screen.lines(width: width, height: height).map { $0.text(hasColours: hasColours) }
    }

    /// Each line over the one before, the rest of it erased: nothing flickers.
    private mutating func draw() {
        terminal.enter()
        let (width, height) = Terminal.size
        let lines = lines(width: width, height: height)
        Console.write("\u{1b}[H" + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J")
    }

    // MARK: Keys and signals

    private mutating func readKeys() {
        let keys = Terminal.keys()
        // Ctrl-C comes as a signal; an end of the input is no wish to go on.
        if keys.isEmpty || keys.contains(UInt8(ascii: "q")) || keys.contains(UInt8(ascii: "Q")) { isDone = true }
    }

    private mutating func receive(_ signal: Int32) {
        switch signal {
        case SIGWINCH: if !readings.isEmpty && !isOnce { draw() }
        case SIGTSTP:
            terminal.leave()
            Terminal.stop()
        case SIGCONT: if !readings.isEmpty && !isOnce { draw() }
        default: isDone = true
        }
    }
}
